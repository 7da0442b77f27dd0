"""What is evaluated: sets of interactions, published data sets, cached embeddings."""
