"""The modes of `--clean`, one file each."""
