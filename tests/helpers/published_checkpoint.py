"""A published model on disk, made of random weights of tiny sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from intermask_cli.config import TokenizerConfig, TransformerConfig
from intermask_cli.models.codebook import EXTRA_BUFFERS
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer

VARIANTS = {
    "graph": TokenizerConfig(width=10, code_dim=6, codebook_size=16),
    "old": TokenizerConfig(stem="conv", width=10, code_dim=6, codebook_size=16),
    "interx": TokenizerConfig(representation="interx", stem="conv", width=10, code_dim=6, codebook_size=16),
}
TRANSFORMER = TransformerConfig(
    codebook_size=16,
    code_dim=6,
    latent_dim=12,
    heads=3,
    layers=2,
    ff_dim=20,
    text_dim=16,
    text_width=16,
    text_ff=24,
)


def write_options(folder: Path, options: dict[str, Any]) -> None:
    lines = [f"{key}: {value}" for key, value in sorted(options.items())]
    text = "\n".join(
        ["------------ Options -------------", *lines, "-------------- End ----------------", ""]
    )
    (folder / "opt.txt").write_text(text)


def write_state(folder: Path, name: str, state: Any, file: str = "best_fid") -> None:
    torch.save({name: state, "ep": 3, "total_it": 9}, folder / "model" / f"{file}.tar")


class PublishedCheckpoint:
    """A published model on disk, made of random weights."""

    def __init__(self, root: Path, config: TokenizerConfig):
        torch.manual_seed(1)
        self.tokenizer, self.transformer = (
            Tokenizer(config).eval(),
            InteractionTransformer(TRANSFORMER).eval(),
        )
        self.tokenizer.quantizer.first.codebook.normal_()
        base = root / "checkpoints" / config.representation
        self.vq, self.trans = base / "vq_a", base / "trans_a"
        for folder in (self.vq, self.trans):
            (folder / "model").mkdir(parents=True)
        shared = {"dataset_name": config.representation, "lr": 0.0002, "is_train": True, "note": "a: b"}
        write_options(self.vq, shared | {"nb_code": 16, "width": 10, "vq_norm": None, "mu": 0.99})
        write_options(self.trans, shared | {"n_heads": 3, "n_layers": 2, "vq_name": "vq_a", "dropout": 0.2})
        write_state(self.vq, "vq_model", self.vq_state())
        write_state(self.trans, "t2m_transformer", self.transformer.state_dict())

    def vq_state(self) -> dict[str, torch.Tensor]:
        state = self.tokenizer.state_dict()
        return {k: v for k, v in state.items() if k.rpartition(".")[2] not in EXTRA_BUFFERS}
