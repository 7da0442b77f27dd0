"""Choosing among finished interactions: conditions, near-duplicates, subsets, splits and statistics."""
