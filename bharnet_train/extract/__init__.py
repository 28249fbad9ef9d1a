# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hands from the RGB videos of data sets that come with bodies only."""
