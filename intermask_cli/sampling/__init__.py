"""Iterative masked decoding; it needs only torch tensors and a `tokens -> logits` callable."""
