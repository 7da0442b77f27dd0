"""What is measured on motion: evaluator, recognised labels and physics, all against the held-out clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks.ablations.settings import CORPUS_KINDS, CORPUS_SEED
from benchmarks.judges.label_hits import label_hits
from benchmarks.judges.label_reader import LabelClassifier
from evaluators.data.cache import Cache
from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set
from evaluators.evaluator import Evaluator
from evaluators.protocols.evaluation import Scorer
from evaluators.protocols.protocol import DUETS
from intermask_cli.datasets.duets.corpus import CorpusClip, test_split
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import JOINT

#: R-Precision is the mean over this many draws of pools.
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
        self, motions: Sequence[np.ndarray], generated_persons: Sequence[tuple[int, ...]] | None = None
    ) -> dict[str, float]:
        """All figures of joints (2, T, 22, 3) per clip; by default both persons of each are generated."""
        scored = self.reference.with_motions("made", [Motion(joints) for joints in motions])
        hits = asdict(label_hits(motions, [clip.labels for clip in self.clips], self._reader))
        return {
            **self.embedded(scored),
            **{name: float(hit.mean()) if len(hit) else float("nan") for name, hit in hits.items()},
            **self._physics_ratios(motions, generated_persons),
        }

    def _physics_ratios(
        self, motions: Sequence[np.ndarray], generated_persons: Sequence[tuple[int, ...]] | None
    ) -> dict[str, float]:
        """Jerk and foot skate of the generated persons as multiples of the held-out clips'."""
        table = physics_table(motions, list(generated_persons or [BOTH_PERSONS] * len(motions)))
        columns = {"jerk_ratio": "jerk_m_per_s3", "skate_ratio": "foot_skate_mm_per_frame"}
        return {
            name: float(np.nanmean(table[column]) / np.nanmean(self._physics[column]))
            for name, column in columns.items()
        }


def hand_gap_mm(motion: np.ndarray, clip: CorpusClip) -> np.ndarray:
    """Errors (M,) of the distance of two wrists whose hands touch in the clip, over all such frames."""
    errors = [np.empty(0)]
    for contact in clip.labels.contacts:
        if contact.joint1 in WRISTS and contact.joint2 in WRISTS:
            frames = slice(contact.start, contact.end)
            gaps = [
                np.linalg.norm(j[0, frames, contact.joint1] - j[1, frames, contact.joint2], axis=-1)
                for j in (motion, clip.joints)
            ]
            errors.append(np.abs(gaps[0] - gaps[1]) * 1000)
    return np.concatenate(errors)


def _cut(clip: CorpusClip, motion: Motion) -> CorpusClip:
    """The clip as long as the reference motion."""
    return replace(clip, motion=clip.motion.part(0, motion.frames))
