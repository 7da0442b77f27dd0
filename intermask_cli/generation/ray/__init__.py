"""Workers on a Ray cluster, and what they are sent."""
