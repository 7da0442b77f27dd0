"""Contact sheets (PNG) and videos (GIF, MP4)."""
