"""The HTML viewer."""
