"""Evaluator networks and their bundles."""
