"""Reading and preparing motion data."""
