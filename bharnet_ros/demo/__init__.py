"""Play a recording into the node over real DDS, watch what it recognises, count."""
