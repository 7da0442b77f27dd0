"""Prompt files to datasets: plan, engine, part files, merge."""
