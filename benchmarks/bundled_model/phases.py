"""Prompts of two phases ("they bow, then shake hands"): does the motion show both, in order?

Where a generated motion changes from one to the other is unknown, so it is cut where the label reader is most
confident of what both parts show, without access to the prompt. The same clips are also prompted as two
texts, "A | B", which the model generates one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from benchmarks.judges.label_reader import LabelClassifier
from evaluators.data.sets import InteractionSet, clip_set
from intermask_cli.console import track
from intermask_cli.datasets.duets.captions import captions_for
from intermask_cli.datasets.duets.labels import Labels, phases_of
from intermask_cli.motion.physics import physics_table
from intermask_cli.motion.skeleton import FPS

#: Frames: shortest part that the label reader gets, and distance of the cuts that are tried.
SHORTEST = round(1.3 * FPS)
STEP = 8


def measure(bench: ModelBench) -> list[Figure]:
    """Held-out clips of two phases, by their full captions; nothing if the corpus has none."""
    clips = bench.clips.two_phase
    if not clips:
        return []
    truth = clip_set(clips, "held-out clips of two phases")
    joined = bench.generate(truth)
    labels = [clip.labels for clip in clips]
    apart = bench.generate(replace(truth, prompts=tuple(as_phases(labels))))
    kinds = [tuple(phase.kind for phase in phases_of(one)) for one in labels]
    # (N, 2) bool each: whether the first and the second part show their kind.
    hits, apart_hits, truth_hits = (_phase_hits(s, kinds, bench.reader) for s in (joined, apart, truth))
    jerk, apart_jerk, truth_jerk = (
        physics_table(joints_of(s))["jerk_m_per_s3"] for s in (joined, apart, truth)
    )
    both = truth_hits.all(1)
    return [
        share("two phases: both, in order", hits.all(1), both, Goal(0.8, at_least=True)),
        share("two phases: the first", hits[:, 0], truth_hits[:, 0]),
        share("two phases: the second", hits[:, 1], truth_hits[:, 1]),
        mean("two phases: jerk", jerk, truth_jerk, "m/s³"),
        share("two phases, as two texts: both, in order", apart_hits.all(1), both),
        mean("two phases, as two texts: jerk", apart_jerk, truth_jerk, "m/s³"),
    ]


def _phase_hits(
    interactions: InteractionSet, kinds: Sequence[tuple[str, ...]], reader: LabelClassifier
) -> np.ndarray:
    motions = track(joints_of(interactions), "read phases", len(interactions), "clips")
    return np.array([phases_seen(joints, reader) for joints in motions]) == np.array(kinds)


def as_phases(labels: Sequence[Labels]) -> list[str]:
    """A full sentence for each phase of a clip, separated by "|" as in prompt files."""
    rng = np.random.default_rng(SEED)
    alone = [[replace(phase, then=None) for phase in phases_of(one)] for one in labels]
    return [" | ".join(captions_for(phase, rng)[0].text for phase in phases) for phases in alone]


def phases_seen(joints: np.ndarray, reader: LabelClassifier) -> tuple[str, str]:
    """Kinds of the two parts of (2, T, 22, 3) at the cut with the highest confidence in both."""
    frames = joints.shape[1]
    cuts = list(range(SHORTEST, frames - SHORTEST + 1, STEP)) or [frames // 2]
    first = reader([joints[:, :cut] for cut in cuts])
    second = reader([joints[:, cut:] for cut in cuts])
    best = int(np.argmax(np.log(first.kind_probability) + np.log(second.kind_probability)))
    return first.kind[best], second.kind[best]
