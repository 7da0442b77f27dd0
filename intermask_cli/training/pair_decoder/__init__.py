"""Stage three: the pair decoder."""
