"""A few takes of one's own gestures -> the shipped network with a new head."""
