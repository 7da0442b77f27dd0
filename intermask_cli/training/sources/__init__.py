"""Sources of training clips: corpora on disk behind one protocol."""
