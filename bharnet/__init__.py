# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The core of bharnet_ros: from observed joints to actions, with neither ROS nor training.

Follow one frame through it, file after file: ``observation`` -> ``window`` -> ``features`` ->
``network`` (through ``recognizer``) -> ``decision``; ``stream`` joins them.
"""

__version__ = "0.1.0"
