"""Prompts of two phases ("they bow, then shake hands"): are both there, in order?

Nobody tells where a generated motion goes over from one to the other, so it is cut where the classifier is
surest of what both parts show, without a look at the prompt. The same clips are asked for once more as two
texts, "A | B", which the pipeline makes one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import SEED, Bench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from benchmarks.judges.label_reader import LabelClassifier
from evaluators.data.sets import clip_set
from intermask_cli.console import track
from intermask_cli.datasets.duets.captions import captions_for
from intermask_cli.datasets.duets.labels import Labels, phases_of
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import FPS

SHORTEST = round(1.3 * FPS)
STEP = 8


def measure(bench: Bench) -> list[Figure]:
    """Held-out clips of two phases, by their full captions; nothing where the corpus has none."""
    clips = bench.clips.two_phase
    if not clips:
        return []
    truth = clip_set(clips, "held-out clips of two phases")
    joined = bench.generate(truth)
    labels = [clip.labels for clip in clips]
    apart = bench.generate(replace(truth, prompts=tuple(as_phases(labels))))
    asked = np.array([[phase.kind for phase in phases_of(one)] for one in labels])
    ours, ours_apart, theirs = (
        np.array([phases_seen(j, bench.reader) for j in track(joints_of(s), "read phases", len(s), "clips")])
        for s in (joined, apart, truth)
    )
    both = (theirs == asked).all(1)
    goal = Goal(0.8, at_least=True)
    rough, rough_apart, calm = (physics_table(joints_of(s))["jerk_m_per_s3"] for s in (joined, apart, truth))
    return [
        share("two phases: both, in order", (ours == asked).all(1), both, goal),
        share("two phases: the first", (ours == asked)[:, 0], (theirs == asked)[:, 0]),
        share("two phases: the second", (ours == asked)[:, 1], (theirs == asked)[:, 1]),
        mean("two phases: jerk", rough, calm, "m/s³"),
        share("two phases, as two texts: both, in order", (ours_apart == asked).all(1), both),
        mean("two phases, as two texts: jerk", rough_apart, calm, "m/s³"),
    ]


def as_phases(labels: Sequence[Labels]) -> list[str]:
    """A full sentence for each phase of a clip, separated as the pipeline takes them."""
    rng = np.random.default_rng(SEED)
    alone = [[replace(phase, then=None) for phase in phases_of(one)] for one in labels]
    return [" | ".join(captions_for(phase, rng)[0].text for phase in phases) for phases in alone]


def phases_seen(joints: np.ndarray, reader: LabelClassifier) -> tuple[str, str]:
    """Kinds of the two parts of (2, T, 22, 3) at the cut that leaves the classifier surest of both."""
    frames = joints.shape[1]
    cuts = list(range(SHORTEST, frames - SHORTEST + 1, STEP)) or [frames // 2]
    first = reader([joints[:, :cut] for cut in cuts])
    second = reader([joints[:, cut:] for cut in cuts])
    best = int(np.argmax(np.log(first.kind_probability) + np.log(second.kind_probability)))
    return first.kind[best], second.kind[best]
