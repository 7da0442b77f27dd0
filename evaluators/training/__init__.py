"""Training of the bundled evaluator."""
