"""InterHuman: reader, check, writer, and datasets made of captured pairs."""
