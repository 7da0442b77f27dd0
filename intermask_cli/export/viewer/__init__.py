"""The one-file HTML viewer and what is shown in it."""
