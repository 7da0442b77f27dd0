"""Duets: two-person interactions made by code (rules, not data), with exact rotations, labels and captions.

`labels` says what a clip shows. `clips` makes it: `kinds/` are the choreographies, `stage` is what they play
on,
`posing` turns the resulting motion plan into joints. `captions` and `wordings` are the text, `corpus` and
`corpus_writer` the files.
"""
