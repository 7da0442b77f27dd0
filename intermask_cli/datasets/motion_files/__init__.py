"""Motion files people have: formats, reading, report."""
