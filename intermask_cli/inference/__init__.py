"""A loaded model and its tasks: generate, react, extend, fill in between, edit, reconstruct."""
