"""Training: recipes, losses, token masking, the resumable loop, one trainer per stage."""
