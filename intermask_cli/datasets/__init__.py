"""Motion data: the procedural corpus, public datasets, and files of the user."""
