#!/bin/bash
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
# ROS 2 and this package, then the command of the container.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /ws/install/setup.bash
exec "$@"
