"""Networks: the motion tokenizer, the interaction transformer, text encoders, and their storage."""
