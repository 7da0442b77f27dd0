"""Iterative masked decoding. Knows torch tensors and a `tokens -> logits` callable, nothing else."""
