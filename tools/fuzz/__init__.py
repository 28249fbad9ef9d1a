# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Damages every kind of file and message the project reads, and sees what the readers do.

    python -m tools.fuzz                        # 100,000 cases, spread over all readers: nightly
    python -m tools.fuzz --cases 3000 --only checkpoint npz --seed 7
    python -m tools.fuzz --keep FOLDER          # write what broke a reader there

A reader may return, or raise the error it documents. Anything else is a finding: another
exception, more than 20 s of CPU, 5 minutes of the clock or 512 MiB more for one case, 6 GiB of
address space in all. Cases are drawn from seed and number, so that a finding can be seen again.
"""
