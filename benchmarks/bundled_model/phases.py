"""Prompts of two phases ("they bow, then shake hands"): are both there, in order?

Nobody tells where a generated motion goes over from one to the other, so it is cut where the classifier is
surest of what both parts show, without a look at the prompt.
"""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import Bench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from evaluators.labels import LabelClassifier
from evaluators.physics import physics_table
from evaluators.sets import clip_set
from intermask_cli.console import track
from intermask_cli.datasets.duets.labels import phases_of
from intermask_cli.motion.skeleton import FPS

SHORTEST = round(1.3 * FPS)
STEP = 8


def measure(bench: Bench) -> list[Figure]:
    """Held-out clips of two phases, by their full captions; nothing where the corpus has none."""
    clips = bench.clips.two_phase
    if not clips:
        return []
    truth = clip_set(clips, "held-out clips of two phases")
    made = bench.generate(truth)
    asked = np.array([[phase.kind for phase in phases_of(clip.labels)] for clip in clips])
    ours, theirs = (
        np.array([phases_seen(j, bench.reader) for j in track(joints_of(s), "read phases", len(s), "clips")])
        for s in (made, truth)
    )
    goal = Goal(0.8, at_least=True)
    rough, calm = (physics_table(joints_of(s))["jerk_m_per_s3"] for s in (made, truth))
    return [
        share("two phases: both, in order", (ours == asked).all(1), (theirs == asked).all(1), goal),
        share("two phases: the first", (ours == asked)[:, 0], (theirs == asked)[:, 0]),
        share("two phases: the second", (ours == asked)[:, 1], (theirs == asked)[:, 1]),
        mean("two phases: jerk", rough, calm, "m/s³"),
    ]


def phases_seen(joints: np.ndarray, reader: LabelClassifier) -> tuple[str, str]:
    """Kinds of the two parts of (2, T, 22, 3) at the cut that leaves the classifier surest of both."""
    frames = joints.shape[1]
    cuts = list(range(SHORTEST, frames - SHORTEST + 1, STEP)) or [frames // 2]
    first = reader([joints[:, :cut] for cut in cuts])
    second = reader([joints[:, cut:] for cut in cuts])
    best = int(np.argmax(np.log(first.kind_probability) + np.log(second.kind_probability)))
    return first.kind[best], second.kind[best]
