"""Contact sheets, SVG, GIF and MP4."""
