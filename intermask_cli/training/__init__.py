"""Training: recipes, the resumable loop, and per stage its data, losses and validation."""
