"""Second stage: the transformer, trained to predict hidden tokens from the others and a text."""
