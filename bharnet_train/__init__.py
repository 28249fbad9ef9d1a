# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The offline package: trains BHaRNet, scores it, exports it. Needs no ROS."""
