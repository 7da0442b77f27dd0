"""What the bundled model can do on held-out motion, beside its goals: `python -m benchmarks.bundled_model`.

One file per question (`tokenizer`, `generation`, `retrieval`, `wordings`, `phases`, `reaction`, `salsa`,
`continuation`, `worst`); each gives figures (`figures`), which `report` puts into one table.
"""
