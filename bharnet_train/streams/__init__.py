# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Labelled streams: read, composed of takes, cut into windows to train on, judged."""
