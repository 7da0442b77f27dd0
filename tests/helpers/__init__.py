"""What several test modules need: tiny models, stand-ins, sample motions, data set trees, paths."""
