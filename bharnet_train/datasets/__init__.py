# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers: files of recorded people -> labelled sequences."""
