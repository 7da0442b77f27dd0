"""A run on disk: its plan, the parts that are made of it, its directory, and the dataset of all parts."""
