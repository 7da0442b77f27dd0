"""Who makes the parts of a run: the engine, its model, and processes of this machine."""
