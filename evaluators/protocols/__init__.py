"""How a set or model is scored: protocols, repetitions, rows."""
