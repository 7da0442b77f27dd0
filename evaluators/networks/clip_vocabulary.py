"""CLIP's tokenizer alone: InterCLIP needs the vocabulary, not CLIP's weights.

Described in docs/reference/data-and-evaluation.md#interclip-text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.hub import hub_folder
from intermask_cli.models.text_encoders import (
    CLIP_HUB_ID,
    CLIP_PADDING_ID,
    CLIP_POSITIONS,
    clean_clip_text,
    kind_and_source,
)

FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
REMEDY = "give a folder with tokenizer.json, or vocab.json and merges.txt, as --evaluator-text-encoder"


class ClipVocabulary:
    """Texts -> token ids (N, 77) int64: start, text, end, then zeros; longer texts keep start and end."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> Tensor:
        ids = torch.full((len(texts), CLIP_POSITIONS), CLIP_PADDING_ID, dtype=torch.long)
        for row, text in zip(ids, texts, strict=True):
            tokens = self._tokenizer(clean_clip_text(text))["input_ids"]
            if len(tokens) > CLIP_POSITIONS:
                tokens = [*tokens[: CLIP_POSITIONS - 1], tokens[-1]]
            row[: len(tokens)] = torch.tensor(tokens)
        return ids


def load_clip_vocabulary(spec: str = "clip:") -> ClipVocabulary:
    """The vocabulary of `clip`, of a folder or a hub id; MissingError describes how to get it."""
    from transformers import AutoTokenizer

    kind, source = kind_and_source(spec)
    if kind == "minilm":
        raise InputError(f"text encoder {spec}: this evaluator reads CLIP's vocabulary; {REMEDY}")
    source = source or CLIP_HUB_ID
    folder = Path(source).expanduser()
    if not folder.is_dir():
        folder = hub_folder(source, FILES, _complete, REMEDY)
    if not _complete(folder):
        raise MissingError(f"{folder}: no CLIP vocabulary; {REMEDY}")
    try:
        return ClipVocabulary(AutoTokenizer.from_pretrained(folder, local_files_only=True))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: CLIP vocabulary cannot be loaded ({str(error).splitlines()[0]}); {REMEDY}"
        ) from error


def _complete(folder: Path) -> bool:
    return (folder / "tokenizer.json").is_file() or all(
        (folder / n).is_file() for n in ("vocab.json", "merges.txt")
    )
