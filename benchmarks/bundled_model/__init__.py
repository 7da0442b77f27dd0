"""What the bundled model can do on held-out motion, against its goals: `python -m benchmarks.bundled_model`.

One file per question (`tokenizer`, `generation`, `retrieval`, `wordings`, `phases`, `reaction`, `salsa`,
`continuation`, `pair_decoder`); each measures figures (`figures`), which `report` puts into one table.
"""
