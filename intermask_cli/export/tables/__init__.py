"""Datasets for training elsewhere: Parquet, WebDataset and a Hugging Face dataset folder."""
