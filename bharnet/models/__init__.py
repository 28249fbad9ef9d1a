# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model that ships with the package; its card is ``robot_words.md`` beside it."""

from pathlib import Path

SHIPPED = Path(__file__).with_name("robot_words.safetensors")
