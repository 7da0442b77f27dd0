"""Interactions as files for other programs, as pictures and videos, and as a one-file HTML viewer."""
