"""Statistics and pictures of the Duets corpus."""
