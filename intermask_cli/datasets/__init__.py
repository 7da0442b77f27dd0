"""Motion data: the procedural corpus, public datasets, and the files people bring."""
