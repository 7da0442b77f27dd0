"""What a reader has of each kind, from the corpus: full captions, typical lengths and contacts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from intermask_cli.console import counter
from intermask_cli.datasets.duets.captions import Caption, captions_for
from intermask_cli.datasets.duets.contact_table import contact_table
from intermask_cli.datasets.duets.kinds import perform
from intermask_cli.datasets.duets.labels import KINDS, TEMPOS, Labels, draw_labels
from intermask_cli.datasets.duets.rig import random_body
from intermask_cli.reading.label_tables import KindTable

#: Captions drawn for every combination of labels, of which the one with the fewest words is kept.
DRAWN = 3
#: Draws of a caption that states what it should; some sentences cannot, and are then left out.
MOST_DRAWS = 80
#: Performances whose median length is that of a kind at a tempo.
MEASURED = 9
_OTHER_NAMES = re.compile(r"\b(?:man|woman|men|women|boy|girl)\b")


def kind_tables(kinds: Sequence[str], seed: int) -> dict[str, KindTable]:
    """The tables of kinds that a model knows."""
    rng = np.random.default_rng(seed)
    contacts = contact_table(kinds)
    tables = {}
    with counter("tables of kinds", len(kinds), "kinds") as progress:
        for kind in kinds:
            tables[kind] = KindTable(_typical_frames(kind, rng), contacts[kind], _actions(kind, rng))
            progress.advance()
    return tables


def _typical_frames(kind: str, rng: np.random.Generator) -> dict[str, int]:
    """Median length of a kind at each tempo, when its people stand near each other at first."""
    lengths: dict[str, list[int]] = {tempo: [] for tempo in TEMPOS}
    fewest = min(KINDS[kind].repeats, default=None)
    for tempo, of_tempo in lengths.items():
        for _ in range(MEASURED):
            labels = replace(draw_labels(rng, kind), tempo=tempo, approach="near", repeats=fewest)
            first, last = perform(rng, labels, (random_body(rng), random_body(rng))).frames()
            of_tempo.append(last - first)
    return {tempo: int(np.median(of_tempo)) for tempo, of_tempo in lengths.items()}


def _actions(kind: str, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """One full caption for every combination of labels, each with the values it states."""
    drawn = ((values, _captions(_labels(kind, values), values, rng)) for values in _combinations(kind))
    return [
        (min(captions, key=lambda text: len(text.split())), *map(_text, values))
        for values, captions in drawn
        if captions
    ]


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
