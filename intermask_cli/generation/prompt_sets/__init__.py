"""Sets of prompts: made from templates, checked, freed of duplicates, described, and split by wording."""
