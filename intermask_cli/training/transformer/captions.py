"""Captions of a split: encoded once by the frozen text encoder, then drawn for each batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from intermask_cli.console import counter
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.training.sources.source import ClipCaption, ClipText
from intermask_cli.training.tensor_cache import cached_tensors

#: Texts that are encoded together.
ENCODE_BATCH = 256
#: Labels that name a person or a side; captions that state them are drawn more often (`role_captions`).
ROLE_LABELS = frozenset({"actor", "side"})
#: Value number of a label that a caption does not state.
UNSTATED = -1


class StateCache:
    """Encoder states of distinct texts, concatenated in one float32 tensor."""

    def __init__(self, texts: Sequence[str], states: Tensor, counts: Tensor, ends: Tensor):
        self.number = {text: i for i, text in enumerate(texts)}
        self._states = states  # (all tokens, D) float32
        self._counts, self._ends = counts, ends  # (texts,)
        self._starts = counts.cumsum(0) - counts

    def lengths(self, numbers: Tensor) -> Tensor:
        """Tokens of texts (B,)."""
        return self._counts[numbers]

    def take(self, numbers: Tensor) -> TextStates:
        """Text numbers (B,) -> states padded to the longest of them."""
        counts = self._counts[numbers]
        offsets = torch.arange(int(counts.max()))
        mask = offsets < counts[:, None]
        rows = torch.where(mask, self._starts[numbers, None] + offsets, 0)
        return TextStates(self._states[rows] * mask[..., None], mask, self._ends[numbers])


def cached_states(path: Path, texts: Sequence[str], encoder: TextEncoder) -> StateCache:
    """Encoder states of distinct texts, or those in a file written for the same texts and encoder."""
    hashed = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    key = {"encoder": encoder.sha256, "texts": hashed, "dtype": "float32"}
    stale = "made from other captions, another encoder or in half precision; encoding again"
    return StateCache(texts, **cached_tensors(path, key, lambda: _encode(texts, encoder), stale))


def _encode(texts: Sequence[str], encoder: TextEncoder) -> dict[str, Tensor]:
    """The tensors of `StateCache` for distinct texts."""
    # Sorted by length, so that few texts of a batch need padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts: list[Tensor] = [torch.empty(0)] * len(texts)
    ends = torch.zeros(len(texts), dtype=torch.int64)
    with counter("encoding captions", len(texts), "captions") as progress:
        for start in range(0, len(texts), ENCODE_BATCH):
            batch = order[start : start + ENCODE_BATCH]
            states = encoder.encode([texts[i] for i in batch])
            for row, i in enumerate(batch):
                parts[i] = states.states[row, states.mask[row]].float()
                ends[i] = states.end[row]
            progress.advance(len(batch))
    counts = torch.tensor([len(part) for part in parts])
    return {"states": torch.cat(parts), "counts": counts, "ends": ends}


@dataclass
class CaptionTable:
    """Which captions each clip has, how often each is drawn, and which labels it states."""

    texts: Tensor  # (clips, most captions) text number, 0 on padding
    chances: Tensor  # (clips, most captions) drawing weights, 0 on padding
    labels: dict[str, list[str]]  # label name -> its values
    stated: Tensor  # (clips, most captions, labels) number of the stated value, or UNSTATED

    def draw(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (B,) -> text numbers (B,) from the global random state, stated values (B, labels)."""
        captions = torch.multinomial(self.chances[clips], 1)[:, 0]
        return self.texts[clips, captions], self.stated[clips, captions]

    def first(self, clips: Tensor) -> Tensor:
        """Text number of each clip's first caption (B,)."""
        return self.texts[clips, 0]


def label_values(clips: Sequence[ClipText]) -> dict[str, list[str]]:
    """Every label name of these clips and the values it takes, both sorted."""
    names = sorted({name for clip in clips for name in clip.labels})
    return {name: sorted({c.labels[name] for c in clips if name in c.labels}) for name in names}


def caption_table(
    clips: Sequence[ClipText],
    number: dict[str, int],
    role_share: float,
    labels: dict[str, list[str]],
    paraphrase_share: float = 0.0,
) -> CaptionTable:
    """Table of a split. `role_share` of the draws go to captions that state a role or a side, if any do.

    `paraphrase_share` of all draws go to a clip's paraphrases, if it has some. Values missing from `labels`,
    which never occur in training, count as not stated.
    """
    most_captions = max(len(captions_of(clip, paraphrase_share)) for clip in clips)
    texts = torch.zeros(len(clips), most_captions, dtype=torch.int64)
    chances = torch.zeros(len(clips), most_captions)
    stated = torch.full((len(clips), most_captions, len(labels)), UNSTATED)
    for c, clip in enumerate(clips):
        own, further = len(clip.captions), paraphrase_share if clip.paraphrases else 0.0
        with_role = [bool(caption.mentions & ROLE_LABELS) for caption in clip.captions]
        for i, caption in enumerate(captions_of(clip, paraphrase_share)):
            texts[c, i] = number[caption.text]
            if i < own:
                chance = (1 - role_share if any(with_role) else 1.0) / own
                chance += role_share / sum(with_role) if with_role[i] else 0.0
                chances[c, i] = chance * (1 - further)
            else:
                chances[c, i] = further / len(clip.paraphrases)
            for column, (name, values) in enumerate(labels.items()):
                if name in caption.mentions and clip.labels.get(name) in values:
                    stated[c, i, column] = values.index(clip.labels[name])
    return CaptionTable(texts, chances, labels, stated)


def captions_of(clip: ClipText, paraphrase_share: float) -> tuple[ClipCaption, ...]:
    """A clip's captions, and its paraphrases after them if they are ever drawn."""
    return clip.captions + (clip.paraphrases if paraphrase_share > 0 else ())
