"""What datasets of any size cost, computed from a few measured figures: `python -m benchmarks.scale`."""
