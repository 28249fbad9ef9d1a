# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A few takes of one's own gestures -> the shipped network with a new head."""
