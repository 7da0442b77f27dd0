"""A loaded model and all it can do."""
