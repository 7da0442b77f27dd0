"""Whether motions show the kind, actor and side that were asked for: by the label reader and by geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.judges.detectors import detect
from benchmarks.judges.label_reader import SIDES, LabelClassifier
from intermask_cli.datasets.duets.labels import KINDS, Labels


@dataclass(frozen=True)
class LabelHits:
    """Boolean arrays, True where a motion shows what its labels say.

    `kind` has one value per motion; the others only cover motions whose kind has an actor or a side. The
    first three are by the label reader, `role_geometry` and `side_geometry` by the detectors.
    """

    kind: np.ndarray
    role: np.ndarray
    side: np.ndarray
    role_geometry: np.ndarray
    side_geometry: np.ndarray


def label_hits(motions: Sequence[np.ndarray], labels: Sequence[Labels], reader: LabelClassifier) -> LabelHits:
    """Joints (2, T, 22, 3) of N motions against the labels they were made for."""
    recognised = reader(motions)
    detected = [detect(motion, label.kind) for motion, label in zip(motions, labels, strict=True)]
    acted = [i for i, label in enumerate(labels) if KINDS[label.kind].has_actor]
    sided = [i for i, label in enumerate(labels) if label.side in SIDES]
    return LabelHits(
        kind=np.array([kind == label.kind for kind, label in zip(recognised.kind, labels, strict=True)]),
        role=np.array([recognised.actor[i] == labels[i].actor for i in acted]),
        side=np.array([recognised.side[i] == labels[i].side for i in sided]),
        role_geometry=np.array([detected[i][0] == labels[i].actor for i in acted]),
        side_geometry=np.array([detected[i][1] == labels[i].side for i in sided]),
    )
