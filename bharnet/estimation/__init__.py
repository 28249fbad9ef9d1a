"""Estimation: a picture -> the people in it, each with body and hands."""
