"""Stage one: the tokenizer."""
