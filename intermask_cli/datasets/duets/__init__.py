"""Duets: two-person interactions made by code (rules, not data), with exact rotations and labels."""
