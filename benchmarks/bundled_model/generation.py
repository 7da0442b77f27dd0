"""Text to motion: does it show what the prompt asks for, and move and touch like ground truth?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.bundled_model.bench import ModelBench, joints_of
from benchmarks.bundled_model.contacts import contacts_of, limbs_meet
from benchmarks.bundled_model.figures import Figure, Goal, label_figures, mean, share
from benchmarks.judges.label_hits import label_hits
from intermask_cli.cleanup.clean import clean
from intermask_cli.cleanup.modes import Clean
from intermask_cli.motion.physics import physics_table

LIKE_TRUTH = Goal(0.9, at_least=True, relative=True)
GOALS = {
    "kind": Goal(0.95, at_least=True, relative=True),
    **dict.fromkeys(("role", "side", "role_geometry", "side_geometry"), LIKE_TRUTH),
}
AT_MOST = Goal(1.3, relative=True)


def measure(bench: ModelBench) -> list[Figure]:
    """All held-out clips of one phase, by their full captions."""
    clips, truth, generated = bench.clips.single, joints_of(bench.truth), joints_of(bench.generated)
    labels = [clip.labels for clip in clips]
    hits, truth_hits = (label_hits(motions, labels, bench.reader) for motions in (generated, truth))
    physics, truth_physics = physics_table(generated), bench.truth_physics
    clean_feet = physics_table([clean(motion, None, [Clean.feet])[0] for motion in generated])
    skate, overlap = "foot_skate_mm_per_frame", "penetration_share"
    touching = [i for i, clip in enumerate(clips) if contacts_of(clip)]

    def meeting(motions: Sequence[np.ndarray] | Mapping[int, np.ndarray]) -> np.ndarray:
        return limbs_meet([motions[i] for i in touching], [clips[i] for i in touching])

    def moving(name: str, column: str, unit: str) -> Figure:
        return mean(name, physics[column], truth_physics[column], unit, AT_MOST)

    return [
        *label_figures("generation", hits, truth_hits, GOALS),
        moving("jerk", "jerk_m_per_s3", "m/s³"),
        moving("foot skate", skate, "mm/frame"),
        mean("foot skate with --clean feet", clean_feet[skate], truth_physics[skate], "mm/frame"),
        moving("overlap of bodies", "penetration_mm", "mm"),
        moving("frames with overlap", overlap, "%"),
        share(
            "bodies touch where asked to (hands left out)",
            physics["contact_ratio"][touching] > 0,
            truth_physics["contact_ratio"][touching] > 0,
        ),
        share("the limbs asked for meet", meeting(generated), meeting(truth), Goal(0.9, at_least=True)),
        share(
            "the limbs asked for meet, with --clean meet",
            meeting({i: clean(generated[i], None, [Clean.meet])[0] for i in touching}),
        ),
    ]


def kinds(bench: ModelBench) -> dict[str, float]:
    """Share of generated clips of every kind that show it."""
    labels = [clip.labels for clip in bench.clips.single]
    hits = label_hits(joints_of(bench.generated), labels, bench.reader).kind
    return {
        kind: float(np.mean([hit for hit, label in zip(hits, labels, strict=True) if label.kind == kind]))
        for kind in bench.clips.kinds
    }
