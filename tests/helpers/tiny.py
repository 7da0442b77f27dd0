"""Random models small enough for tests: built and sampled in well under a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from intermask_cli.config import PairDecoderConfig, SamplingConfig, TokenizerConfig, TransformerConfig
from intermask_cli.models.bundle import save_bundle
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.motion.normalizer import Normalizer
from tests.helpers.fakes import FakeTextEncoder

CODES = 40
ENCODER = {"id": FakeTextEncoder.id, "sha256": FakeTextEncoder.sha256, "dim": 12}


def tiny_info(representation: str = "interhuman", **changes: object) -> BundleInfo:
    stem = "graph" if representation == "interhuman" else "conv"
    fields: dict[str, object] = {
        "name": f"tiny-{representation}",
        "tokenizer": TokenizerConfig(
            representation=representation, stem=stem, width=16, code_dim=12, codebook_size=CODES
        ),
        "transformer": TransformerConfig(
            codebook_size=CODES, code_dim=12, latent_dim=32, heads=2, layers=2, ff_dim=48, text_dim=12,
            text_head="pooled", text_width=16, text_layers=1, text_heads=2, text_ff=24, person_embedding=True,
        ),
        "text_encoder": dict(ENCODER),
        "sampling": SamplingConfig(steps=6),
        "min_frames": 8,
        "max_frames": 60,
        "licence": "MIT",
        "training_data": "none: random weights",
    }  # fmt: skip
    return BundleInfo(**(fields | changes))  # type: ignore[arg-type]


def tiny_parts(
    info: BundleInfo, seed: int = 0
) -> tuple[Tokenizer, InteractionTransformer, Normalizer | None]:
    """Networks with every parameter random, so that nothing is switched off by a zero start."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer, transformer = Tokenizer(info.tokenizer), InteractionTransformer(info.transformer)
        tokenizer.quantizer.first.adopt(torch.randn(CODES, info.tokenizer.code_dim))
        for parameter in transformer.parameters():
            torch.nn.init.normal_(parameter, std=0.15)
        torch.nn.init.normal_(transformer.cond_emb.weight)  # so that the text matters
    rng = np.random.default_rng(seed)
    normalizer = None
    if info.representation.normalised:
        normalizer = Normalizer(rng.normal(size=262), rng.uniform(0.2, 1.0, size=262))
    return tokenizer.eval(), transformer.eval(), normalizer


def save_tiny(
    folder: Path, representation: str = "interhuman", fp16: bool = False, **changes: object
) -> Path:
    """A bundle folder with a random tiny model that expects `FakeTextEncoder(12)`."""
    info = tiny_info(representation, **changes)
    save_bundle(folder, info, *tiny_parts(info), card="# tiny\n", fp16=fp16)
    return folder


TINY_PAIR_DECODER = PairDecoderConfig(width=12, blocks=2)


def random_pair_decoder(seed: int = 0) -> PairDecoder:
    """Every weight drawn, so that it changes what it is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PairDecoder(TINY_PAIR_DECODER).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def save_tiny_with_pair_decoder(folder: Path) -> Path:
    """As `save_tiny`, with a pair decoder of random weights."""
    info = tiny_info(pair_decoder=TINY_PAIR_DECODER)
    save_bundle(folder, info, *tiny_parts(info), card="# tiny\n", pair_decoder=random_pair_decoder())
    return folder
