"""Text to motion: does it show what was asked for, and does it move and touch like ground truth?"""

from __future__ import annotations

from benchmarks.bundled_model.bench import Bench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from benchmarks.bundled_model.labels import (
    KIND,
    ROLE,
    ROLE_SEEN,
    SIDE,
    SIDE_SEEN,
    by_kind,
    hits,
    label_figures,
)
from benchmarks.bundled_model.touch import contacts_of, limbs_meet
from intermask_cli.cleanup.clean import clean
from intermask_cli.cleanup.modes import Clean
from intermask_cli.motion.physics import physics_table

GOALS = {
    KIND: Goal(0.95, at_least=True, relative=True),
    ROLE: Goal(0.9, at_least=True, relative=True),
    SIDE: Goal(0.9, at_least=True, relative=True),
    ROLE_SEEN: Goal(0.9, at_least=True, relative=True),
    SIDE_SEEN: Goal(0.9, at_least=True, relative=True),
}
AT_MOST = Goal(1.3, relative=True)


def measure(bench: Bench) -> list[Figure]:
    """All held-out clips of one phase, by their full captions."""
    clips, truth, made = bench.clips.single, joints_of(bench.truth), joints_of(bench.made)
    ours, theirs = physics_table(made), bench.truth_physics
    planted = physics_table([clean(motion, None, [Clean.feet])[0] for motion in made])
    skate = "foot_skate_mm_per_frame"
    asked = [i for i, clip in enumerate(clips) if contacts_of(clip)]
    right, known = (hits(motions, clips, bench.reader) for motions in (made, truth))
    return [
        *label_figures("generation", right, known, GOALS),
        mean("jerk", ours["jerk_m_per_s3"], theirs["jerk_m_per_s3"], "m/s³", AT_MOST),
        mean("foot skate", ours[skate], theirs[skate], "mm/frame", AT_MOST),
        mean("foot skate with --clean feet", planted[skate], theirs[skate], "mm/frame"),
        mean("overlap of bodies", ours["penetration_mm"], theirs["penetration_mm"], "mm", AT_MOST),
        mean("frames with overlap", ours["penetration_share"], theirs["penetration_share"], "%", AT_MOST),
        share(
            "bodies touch where asked to (hands left out)",
            ours["contact_ratio"][asked] > 0,
            theirs["contact_ratio"][asked] > 0,
        ),
        share(
            "the limbs asked for meet",
            limbs_meet([made[i] for i in asked], [clips[i] for i in asked]),
            limbs_meet([truth[i] for i in asked], [clips[i] for i in asked]),
            Goal(0.9, at_least=True),
        ),
        share(
            "the limbs asked for meet, with --clean meet",
            limbs_meet([clean(made[i], None, [Clean.meet])[0] for i in asked], [clips[i] for i in asked]),
        ),
    ]


def kinds(bench: Bench) -> dict[str, float]:
    """Share of generated clips whose kind is right, by kind."""
    clips = bench.clips.single
    return by_kind(hits(joints_of(bench.made), clips, bench.reader)[KIND], clips)
