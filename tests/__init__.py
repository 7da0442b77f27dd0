"""Tests; a regular package, since other distributions install a top-level `tests` too (pufbx)."""
