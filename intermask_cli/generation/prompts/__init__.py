"""Prompts: read from files, with ids, seeds, and notes on what may be meant otherwise or is not read."""
