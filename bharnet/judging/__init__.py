# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was recognised against what happened: segments, events, figures, report. No ROS, no clock.

segments.py  the words: Segment (truth), Event (told), Sighting (in view)
metrics.py   ``judge``: the figures, pure
hearing.py   ticks or recorded actions -> events and sightings
labels.py    CSV, ELAN, VIA or a topic -> segments
evaluate.py  a bag through the core -> everything judged
report.py    JSON and a page
"""
