"""First stage: the tokenizer, from windows of single persons to its losses."""
