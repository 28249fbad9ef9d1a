# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Original files of the benchmarks -> one compact folder that training reads from the disk."""
