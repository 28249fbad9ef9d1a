# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nothing is set up here: everything is in pyproject.toml.

The file exists for tools that look for it. colcon does not: package.xml says ament_cmake.
"""

from setuptools import setup

setup()
