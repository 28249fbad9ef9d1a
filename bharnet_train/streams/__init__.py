"""Labelled streams: read, composed of takes, cut into windows to train on, judged."""
