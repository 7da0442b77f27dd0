"""A model as small as it gets: the bundled tokenizer, and a transformer of one layer with random weights."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from intermask_cli.config import DEFAULT_MODEL, SamplingConfig
from intermask_cli.models.bundle import load_bundle, save_bundle
from intermask_cli.models.transformer import InteractionTransformer

#: Sizes of the transformer; what it makes is noise, and takes little time.
_SIZES = {
    "latent_dim": 32, "heads": 2, "layers": 1, "ff_dim": 48,
    "text_width": 32, "text_layers": 1, "text_ff": 48,
}  # fmt: skip


def save_tiny_model(folder: Path) -> Path:
    """Write the model into a new folder."""
    bundle = load_bundle(DEFAULT_MODEL)
    info = replace(
        bundle.info,
        name="factory-tiny",
        transformer=replace(bundle.info.transformer, **_SIZES),  # type: ignore[arg-type]
        sampling=SamplingConfig(steps=2, guidance=1.0),
        body="decoded",
        reading="",
        pair_decoder=None,
        training_data="none: random weights on the tokenizer of duet-mini",
        provenance={},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer = InteractionTransformer(info.transformer)
    save_bundle(folder, info, bundle.tokenizer, transformer, bundle.normalizer, card="# factory-tiny\n")
    return folder


if __name__ == "__main__":
    save_tiny_model(Path(sys.argv[1]))
