"""What is measured on motion: evaluator, recognised labels and physics, against the same held-out clips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.ablations.settings import CORPUS_KINDS, CORPUS_SEED
from benchmarks.judges.detectors import detect
from benchmarks.judges.label_reader import SIDES, LabelClassifier
from evaluators.data.cache import Cache
from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set
from evaluators.evaluator import Evaluator
from evaluators.protocols.evaluation import Scorer
from evaluators.protocols.protocol import DUETS
from intermask_cli.datasets.duets.corpus import CorpusClip, test_split
from intermask_cli.datasets.duets.labels import KINDS
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import JOINT

#: Pools of R-Precision are drawn so often, and the mean is taken.
POOL_DRAWS = 10
WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])


class Judge:
    """Scores motions made for the captions of the first `count` test clips, in their order."""

    def __init__(self, count: int, evaluator: Evaluator, reader: LabelClassifier, cache: Path):
        self.reference = duets_test_set(count, kinds=CORPUS_KINDS)
        self.clips = [
            _cut(clip, motion)
            for clip, motion in zip(test_split(count, CORPUS_SEED), self.reference.motions, strict=True)
        ]
        protocol = replace(DUETS, pool_size=min(DUETS.pool_size, count), repetitions=POOL_DRAWS)
        self._scorer = Scorer(evaluator, protocol, self.reference, Cache(cache), seed=0)
        self._reader = reader
        self._physics = physics_table([clip.joints for clip in self.clips])

    def other_real(self) -> InteractionSet:
        """As many test clips again, with their own captions."""
        return duets_test_set(len(self.clips), len(self.clips), CORPUS_KINDS)

    def embedded(self, interactions: InteractionSet) -> dict[str, float]:
        """R-Precision and FID of any set against the held-out clips."""
        row = self._scorer.row(interactions)
        return {"r1": row["R@1"].mean, "r3": row["R@3"].mean, "fid": row["FID"].mean}

    def motions(
        self, motions: Sequence[np.ndarray], made: Sequence[tuple[int, ...]] | None = None
    ) -> dict[str, float]:
        """All figures of joints (2, T, 22, 3) per clip; `made` names the generated persons (default both)."""
        scored = self.reference.with_motions("made", [Motion(joints) for joints in motions])
        return {**self.embedded(scored), **self._labels(motions), **self._moving(motions, made)}

    def _labels(self, motions: Sequence[np.ndarray]) -> dict[str, float]:
        """Shares of clips that show the kind, actor and side asked for, by classifier and by geometry."""
        seen = self._reader(motions)
        labels = [clip.labels for clip in self.clips]
        acted = [i for i, label in enumerate(labels) if KINDS[label.kind].has_actor]
        sided = [i for i, label in enumerate(labels) if label.side in SIDES]
        found = [detect(motion, label.kind) for motion, label in zip(motions, labels, strict=True)]
        return {
            "kind": _share(kind == label.kind for kind, label in zip(seen.kind, labels, strict=True)),
            "role": _share(seen.actor[i] == labels[i].actor for i in acted),
            "side": _share(seen.side[i] == labels[i].side for i in sided),
            "role_geometry": _share(found[i][0] == labels[i].actor for i in acted),
            "side_geometry": _share(found[i][1] == labels[i].side for i in sided),
        }

    def _moving(
        self, motions: Sequence[np.ndarray], made: Sequence[tuple[int, ...]] | None
    ) -> dict[str, float]:
        """Jerk and foot skate of the made persons as multiples of the held-out clips'."""
        ours = physics_table(motions, list(made) if made else [BOTH_PERSONS] * len(motions))
        columns = {"jerk_ratio": "jerk_m_per_s3", "skate_ratio": "foot_skate_mm_per_frame"}
        return {
            name: float(np.nanmean(ours[column]) / np.nanmean(self._physics[column]))
            for name, column in columns.items()
        }


def hand_gap_mm(made: np.ndarray, clip: CorpusClip) -> np.ndarray:
    """Errors (M,) of the distance between two hands that touch in the clip, over all such frames."""
    errors = [np.empty(0)]
    for contact in clip.labels.contacts:
        if contact.joint1 in WRISTS and contact.joint2 in WRISTS:
            frames = slice(contact.start, contact.end)
            gaps = [
                np.linalg.norm(j[0, frames, contact.joint1] - j[1, frames, contact.joint2], axis=-1)
                for j in (made, clip.joints)
            ]
            errors.append(np.abs(gaps[0] - gaps[1]) * 1000)
    return np.concatenate(errors)


def _cut(clip: CorpusClip, motion: Motion) -> CorpusClip:
    """The clip as long as the reference motion."""
    frames = motion.joints.shape[1]
    return replace(clip, joints=clip.joints[:, :frames], rotations6d=clip.rotations6d[:, :frames])


def _share(answers: Iterable[bool]) -> float:
    answers = list(answers)
    return float(np.mean(answers)) if answers else float("nan")
