"""Whether motions show the kind, role and side that were asked for: by the classifier and by geometry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.bundled_model.figures import Figure, Goal, share
from benchmarks.judges.detectors import detect
from benchmarks.judges.label_reader import SIDES, LabelClassifier
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import KINDS

KIND, ROLE, SIDE = "kind right", "role right", "side right"
ROLE_SEEN, SIDE_SEEN = "role right, by geometry", "side right, by geometry"


def hits(
    motions: Sequence[np.ndarray], clips: Sequence[CorpusClip], reader: LabelClassifier
) -> dict[str, np.ndarray]:
    """Motions (2, T, 22, 3) against the labels of the clips they were made for: (N,) bool for every kind,
    fewer for role and side, which only some clips have."""
    seen = reader(motions)
    labels = [clip.labels for clip in clips]
    found = [detect(motion, label.kind) for motion, label in zip(motions, labels, strict=True)]
    acted = [i for i, label in enumerate(labels) if KINDS[label.kind].has_actor]
    sided = [i for i, label in enumerate(labels) if label.side in SIDES]
    return {
        KIND: np.array([a == label.kind for a, label in zip(seen.kind, labels, strict=True)]),
        ROLE: np.array([seen.actor[i] == labels[i].actor for i in acted]),
        SIDE: np.array([seen.side[i] == labels[i].side for i in sided]),
        ROLE_SEEN: np.array([found[i][0] == labels[i].actor for i in acted]),
        SIDE_SEEN: np.array([found[i][1] == labels[i].side for i in sided]),
    }


def label_figures(
    what: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], goals: dict[str, Goal]
) -> list[Figure]:
    """A line for every label, beside ground truth's rate."""
    return [share(f"{what}: {name}", ours[name], theirs[name], goals.get(name)) for name in ours]


def by_kind(right: np.ndarray, clips: Sequence[CorpusClip]) -> dict[str, float]:
    """Share of clips of every kind whose kind is right."""
    return {
        kind: float(np.mean([r for r, clip in zip(right, clips, strict=True) if clip.labels.kind == kind]))
        for kind in dict.fromkeys(clip.labels.kind for clip in clips)
    }
