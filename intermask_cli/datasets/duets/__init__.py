"""Duets: two-person interactions made by code (rules, not data), with exact rotations, labels and captions.

`labels` what a clip says about itself, `stage` and `kinds/` the motion, `captions` and `wordings` the text,
`corpus` and `corpus_writer` the files.
"""
