"""A page of examples from a Duets corpus: the same few clips of every kind, whatever the corpus holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from intermask_cli.datasets.duets.captions import CAPTION_TYPES, stated_values
from intermask_cli.datasets.duets.corpus import Corpus, CorpusClip
from intermask_cli.datasets.duets.labels import KINDS, Labels, phases_of
from intermask_cli.export.viewer.page import ViewerItem, write_viewer

TWO_PHASES = "two phases"


class CorpusPage(NamedTuple):
    """What a page shows: `shown` of `total` clips; `missing` are kinds without a clip of one phase."""

    shown: int
    total: int
    missing: tuple[str, ...]


def is_corpus(folder: Path) -> bool:
    return (folder / "corpus.json").is_file()


def write_corpus_gallery(folder: Path, page: Path, per_kind: int = 1) -> CorpusPage:
    """Write the viewer page with the first `per_kind` clips of each kind, and of two phases if any.

    Raises MissingError or InputError when the corpus or one of its shards cannot be read.
    """
    corpus = Corpus(folder)
    items = [_item(corpus.clip(index)) for index in example_indices(corpus, per_kind)]
    write_viewer(items, page, folder.resolve().name, f" (examples of {corpus.clips:,} in the corpus)")
    missing = tuple(kind for kind, row in corpus.manifest["kinds"].items() if not row["clips"])
    return CorpusPage(len(items), corpus.clips, missing)


def example_indices(corpus: Corpus, per_kind: int) -> list[int]:
    """The first `per_kind` clips of each kind, kinds in the corpus's order, clips of two phases last."""
    rows = {**corpus.manifest["kinds"], TWO_PHASES: corpus.manifest["two_phase"]}
    wanted = {kind: min(per_kind, row["clips"]) for kind, row in rows.items()}
    found: dict[str, list[int]] = {kind: [] for kind in rows}
    left = sum(wanted.values())
    for index in range(corpus.clips):
        if not left:  # reads no further shard than it must
            break
        kind = _group(corpus.labels(index))
        if len(found[kind]) < wanted[kind]:
            found[kind].append(index)
            left -= 1
    return [index for indices in found.values() for index in indices]


def _group(labels: Labels) -> str:
    return labels.kind if labels.then is None else TWO_PHASES


def _item(clip: CorpusClip) -> ViewerItem:
    labels = clip.labels
    phases = [stated_values(phase) for phase in phases_of(labels)]
    kind = _joined([said["kind"] for said in phases])
    fields = {
        "kind": kind,
        "family": KINDS[labels.kind].family if labels.then is None else TWO_PHASES,
        "actor": _joined([None if said["actor"] is None else said["actor"] + 1 for said in phases]),
        "side": _joined([said["side"] for said in phases]),
        "tempo": labels.tempo,
    }
    return ViewerItem(f"{kind} {clip.id}", clip.captions[CAPTION_TYPES.index("full")], clip.joints, fields)


def _joined(values: Sequence[Any]) -> Any:
    """The value of the only phase as it is, or both as text; None where neither has one."""
    if len(values) == 1 or not any(value is not None for value in values):
        return values[0]
    return " then ".join("none" if value is None else str(value) for value in values)
