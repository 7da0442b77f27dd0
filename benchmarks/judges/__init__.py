"""What a motion shows, judged independently of the bundled model and its evaluator."""
