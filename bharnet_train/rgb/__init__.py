"""Trains M on videos: ``clips`` (video -> poses and crops) -> ``pictures`` -> ``training``."""
