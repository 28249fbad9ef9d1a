# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 node and what only ROS needs.

Two folders share this name: this one, and the one that rosidl generates with `bharnet_ros.msg`
in it. Once installed they are one. Seen from the source tree they are two, and Python would stop
at the first; extend_path lets it look into both, so that tests run without installing.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
