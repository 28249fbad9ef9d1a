# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Estimation: a picture -> the people in it, each with body and hands."""
