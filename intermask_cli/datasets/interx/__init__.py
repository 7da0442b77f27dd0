"""Inter-X: reader, check, writer and word vectors."""
