"""A viewer page of examples from a Duets corpus: the first clips of every kind."""

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
    """Content of a page: `shown` of `total` clips; `missing` are kinds without a single-phase clip."""

    shown: int
    total: int
    missing: tuple[str, ...]


def is_corpus(folder: Path) -> bool:
    """Whether a folder holds a Duets corpus."""
    return (folder / "corpus.json").is_file()


def write_corpus_gallery(folder: Path, page: Path, per_kind: int = 1) -> CorpusPage:
    """Write the viewer page with the first `per_kind` clips of each kind, and of two-phase clips.

    Raises:
        MissingError: a shard of the corpus does not exist.
        InputError: the corpus cannot be read.
    """
    corpus = Corpus(folder)
    items = [_item(corpus.clip(index)) for index in example_indices(corpus, per_kind)]
    write_viewer(items, page, folder.resolve().name, f" (examples of {corpus.clips:,} in the corpus)")
    missing = tuple(kind for kind, row in corpus.manifest["kinds"].items() if not row["clips"])
    return CorpusPage(len(items), corpus.clips, missing)


def example_indices(corpus: Corpus, per_kind: int) -> list[int]:
    """Numbers of the first `per_kind` clips of each kind, clips of two phases last."""
    rows = {**corpus.manifest["kinds"], TWO_PHASES: corpus.manifest["two_phase"]}
    missing = {kind: min(per_kind, row["clips"]) for kind, row in rows.items()}
    examples: dict[str, list[int]] = {kind: [] for kind in rows}
    for index in range(corpus.clips):
        if not any(missing.values()):  # later shards need not be read
            break
        kind = _group(corpus.labels(index))
        if missing[kind]:
            examples[kind].append(index)
            missing[kind] -= 1
    return [index for indices in examples.values() for index in indices]


def _group(labels: Labels) -> str:
    return labels.kind if labels.then is None else TWO_PHASES


def _item(clip: CorpusClip) -> ViewerItem:
    labels = clip.labels
    phases = [stated_values(phase) for phase in phases_of(labels)]
    kind = _joined([phase["kind"] for phase in phases])
    fields = {
        "kind": kind,
        "family": KINDS[labels.kind].family if labels.then is None else TWO_PHASES,
        "actor": _joined([None if phase["actor"] is None else phase["actor"] + 1 for phase in phases]),
        "side": _joined([phase["side"] for phase in phases]),
        "tempo": labels.tempo,
    }
    return ViewerItem(f"{kind} {clip.id}", clip.captions[CAPTION_TYPES.index("full")], clip.joints, fields)


def _joined(values: Sequence[Any]) -> Any:
    """The value of a single phase, or the values of two phases as text; None if no phase has a value."""
    if len(values) == 1 or not any(value is not None for value in values):
        return values[0]
    return " then ".join("none" if value is None else str(value) for value in values)
