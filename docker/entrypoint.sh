#!/bin/bash
# ROS 2 and this package, then the command of the container.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /ws/install/setup.bash
exec "$@"
