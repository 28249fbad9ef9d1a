"""BHaRNet: a body expert and a hand expert that look at each other (arXiv 2503.14960).

An independent implementation from the published text; the authors have released no code.
"""

from bharnet.network.bharnet import BHaRNet, NetworkConfig, Scores

__all__ = ["BHaRNet", "NetworkConfig", "Scores"]
