"""One file per command: parse, call, report. Nothing heavy is imported at module level."""
