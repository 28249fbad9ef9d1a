# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trains M on videos: ``clips`` (video -> poses and crops) -> ``pictures`` -> ``training``."""
