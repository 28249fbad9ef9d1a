"""Hands from the RGB videos of data sets that come with bodies only."""
