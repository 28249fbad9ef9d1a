# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""BHaRNet: a body expert and a hand expert that look at each other (arXiv 2503.14960).

An independent implementation from the published text; the authors have released no code.
"""

from bharnet.network.bharnet import BHaRNet, Scores
from bharnet.network.config import FULL_BLOCKS, NetworkConfig

__all__ = ["FULL_BLOCKS", "BHaRNet", "NetworkConfig", "Scores"]
