# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Days of simulated people through the core, or hours through a real node, and what they leave.

    python -m tools.soak --light            # 24 h of stream at 10 Hz through the core, no ROS
    python -m tools.soak --hours 1          # an hour with the model that ships
    python -m tools.soak.node --minutes 30  # the recogniser's process, over DDS, as fast as it can

People come, move, stay and leave; the topic stops; the clock jumps back and forth; frames come
twice and with broken people; thresholds change; all is reset, deactivated and activated again.
Checked all the time: no tick is left out, none is stale or of the future, everybody in view is in
it, every event that began ends once, and memory and time per tick stay what they were.
Accuracy is none of it, so ``--light`` may put a small network of random weights in the model's
place: ten times as fast, with all the code around it the same.
"""
