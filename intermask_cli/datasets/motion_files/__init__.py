"""Motion files of the user: formats, reading, report."""
