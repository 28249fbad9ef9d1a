"""``bharnet tune``: decision parameters chosen on labelled streams."""
