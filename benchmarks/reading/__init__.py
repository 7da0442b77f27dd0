"""What the bundled model's reader makes of prompts on which nothing was tuned (`prompts/fresh-*.csv`).

Texts alone: `benchmarks.bundled_model` measures the motion. In `follow` the person behind acts in the
prompts, the one who is followed in Duets, so its actors are exchanged here.
"""
