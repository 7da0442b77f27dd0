"""Clean-up of interactions on request: the modes of `--clean`, one file each."""
