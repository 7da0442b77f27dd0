"""The HTTP service: the engine of `generate` and `react` behind requests (extra `serve`)."""
