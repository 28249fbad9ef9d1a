# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""M: pictures of head, hands and feet beside the skeleton, guided by the body expert.

``crops`` (a clip -> one picture) -> ``guided`` (``backbone`` and the guidance -> scores, added to
the skeleton's) -> ``checkpoint``. After MMNet (Bruce et al., TPAMI 2023); what BHaRNet's authors
say of their M is little, see docs/network.md.
"""
