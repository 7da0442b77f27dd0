"""What a reader has of each kind, from the corpus: full captions, typical lengths and contacts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from intermask_cli.console import counter
from intermask_cli.datasets.duets.captions import Caption, captions_for
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.contact_table import contact_table
from intermask_cli.datasets.duets.labels import KINDS, TEMPOS, KindSet, Labels
from intermask_cli.reading.label_tables import ACTION_LABELS, KindTable

#: Captions drawn for every combination of labels, of which the most typical one is kept.
DRAWN = 3
#: Draws of a caption that states what it should; some sentences cannot, and are then left out.
MOST_DRAWS = 80
#: Fewest clips whose median length is that of a kind at a tempo.
MEASURED_CLIPS = 3
_OTHER_NAMES = re.compile(r"\b(?:man|woman|men|women|boy|girl)\b")

#: Texts -> vectors (N, E); similar texts have similar vectors.
Vectors = Callable[[Sequence[str]], Tensor]


def kind_tables(kinds: Sequence[str], vectors: Vectors, seed: int) -> dict[str, KindTable]:
    """The tables of kinds that a model knows.

    vectors: the model's condition of texts, flattened.
    """
    rng = np.random.default_rng(seed)
    contacts = contact_table(kinds)
    tables = {}
    with counter("tables of kinds", len(kinds), "kinds") as progress:
        for kind in kinds:
            frames = _typical_frames(kind, rng)
            tables[kind] = KindTable(frames, contacts[kind], _actions(kind, vectors, rng))
            progress.advance()
    return tables


def _typical_frames(kind: str, rng: np.random.Generator) -> dict[str, int]:
    """Median length of clips of a kind at each tempo, whose people stand near each other at first."""
    lengths: dict[str, list[int]] = {tempo: [] for tempo in TEMPOS}
    while min(map(len, lengths.values())) < MEASURED_CLIPS:
        clip = make_clip(int(rng.integers(2**31)), 0, kinds=KindSet((kind,)))
        if clip.labels.approach == "near":
            lengths[clip.labels.tempo].append(clip.motion.frames)
    return {tempo: int(np.median(of_tempo)) for tempo, of_tempo in lengths.items()}


def _actions(kind: str, vectors: Vectors, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """One full caption for every combination of labels, each with the values it states."""
    drawn = {values: _captions(_labels(kind, values), values, rng) for values in _combinations(kind)}
    texts = list(dict.fromkeys(text for captions in drawn.values() for text in captions))
    of_texts = dict(zip(texts, vectors(texts), strict=True)) if texts else {}
    return [
        (_most_typical(captions, of_texts), *(_text(values[name]) for name in ACTION_LABELS))
        for values, captions in ((dict(zip(ACTION_LABELS, v, strict=True)), c) for v, c in drawn.items())
        if captions
    ]


def _most_typical(captions: Sequence[str], vectors: dict[str, Tensor]) -> str:
    """The caption nearest to the mean of all."""
    stacked = torch.stack([vectors[text] for text in captions])
    return captions[int((stacked - stacked.mean(0)).norm(dim=-1).argmin())]


def _combinations(kind: str) -> list[tuple[Any, ...]]:
    """All values of `ACTION_LABELS` that a caption of this kind can state."""
    info = KINDS[kind]
    sides = ("left", "right", "straight")[: 3 if info.side_optional else 2] if info.side else ("",)
    every = itertools.product(
        (0, 1) if info.has_actor else (None,),
        sides,
        info.manners or (None,),
        TEMPOS,
        info.approaches,
        (None, *info.repeats),
    )
    return [
        # In kinds without an actor, somebody is named only if one person walks up to the other.
        (who, side or None, manner, tempo, approach, repeats)
        for actor, side, manner, tempo, approach, repeats in every
        for who in ((0, 1) if actor is None and approach == "actor" else (actor,))
        if repeats is None or approach == "near"  # both in one text are rarely asked for
    ]


def _labels(kind: str, values: Sequence[Any]) -> Labels:
    actor, side, manner, tempo, approach, repeats = values
    info = KINDS[kind]
    return Labels(
        kind=kind, actor=actor, side=None if side == "straight" else side, tempo=tempo, manner=manner,
        repeats=repeats if repeats is not None or not info.repeats else info.repeats[0], approach=approach,
        contacts=(), events=(),
    )  # fmt: skip


def _captions(labels: Labels, values: Sequence[Any], rng: np.random.Generator) -> list[str]:
    """Different full captions that state these values and no others, about "the first person"."""
    found: dict[str, None] = {}
    for _ in range(MOST_DRAWS):
        caption = captions_for(labels, rng)[0]
        if _states(caption, values) and not _OTHER_NAMES.search(caption.text):
            found[caption.text] = None
        if len(found) == DRAWN:
            break
    return list(found)


def _states(caption: Caption, values: Sequence[Any]) -> bool:
    """Whether a caption states exactly these values; usual ones may be left out."""
    mention = caption.mention
    actor, side, manner, tempo, approach, repeats = values
    return (
        mention.actor == actor
        and mention.side == side
        and mention.manner == manner
        and mention.tempo in ((tempo, None) if tempo == "normal" else (tempo,))
        and mention.approach in ((approach, None) if approach == "near" else (approach,))
        and mention.repeats == repeats
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
