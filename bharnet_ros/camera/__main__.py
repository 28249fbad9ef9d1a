# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ros2 run bharnet_ros estimate`: the estimator's node under its guardian."""

import sys

from bharnet_ros.camera.guardian import main

if __name__ == "__main__":
    sys.exit(main())
