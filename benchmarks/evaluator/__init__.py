"""Sensitivity of the bundled evaluator."""
