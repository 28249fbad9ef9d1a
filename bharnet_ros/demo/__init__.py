# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Play a recording into the node over real DDS, watch what it recognises, count."""
