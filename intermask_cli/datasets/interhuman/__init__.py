"""InterHuman: reader, check, writer and trees from one's own pairs."""
