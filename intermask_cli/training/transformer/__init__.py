"""Stage two: the masked transformer."""
