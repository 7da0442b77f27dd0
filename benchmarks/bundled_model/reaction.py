"""A partner for a given person: the right action, moving well, with hands that meet the given ones.

Feet and jerk are those of the generated person; kind, role and side those of the pair, which the given person
partly shows.
"""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import Bench, joints_of
from benchmarks.bundled_model.figures import Figure, Goal, mean, share
from benchmarks.bundled_model.labels import hits, label_figures
from benchmarks.bundled_model.touch import MEET_M, contacts_of, joined
from intermask_cli.cleanup.clean import clean
from intermask_cli.cleanup.modes import Clean
from intermask_cli.motion.physics import physics_table


def measure(bench: Bench) -> list[Figure]:
    """Some held-out clips of every kind, each person given in turn. R@1 is in `retrieval`."""
    clips = [bench.clips.single[i] for i in bench.few]
    truth, made = joints_of(bench.truth, bench.few), joints_of(bench.reactions)
    persons = list(bench.reactions.generated_persons)
    ours, theirs = physics_table(made, persons), physics_table(truth, persons)
    holding = [i for i, clip in enumerate(clips) if contacts_of(clip, hands_only=True)]
    apart, together = (
        [joined(motions[i], clips[i]) for i in holding] for motions in (made, truth)
    )  # metres at the frames of joined hands
    met = {i: clean(made[i], None, [Clean.meet], fixed=bench.given[i])[0] for i in holding}
    jerk, skate = "jerk_m_per_s3", "foot_skate_mm_per_frame"
    return [
        *label_figures("reaction", hits(made, clips, bench.reader), hits(truth, clips, bench.reader), {}),
        share(
            "reaction: joined hands meet (10 cm)",
            np.array([gap.min() <= MEET_M for gap in apart]),
            np.array([gap.min() <= MEET_M for gap in together]),
            Goal(0.9, at_least=True),
        ),
        share(
            "reaction: joined hands meet, with --clean meet",
            np.array([joined(met[i], clips[i]).min() <= MEET_M for i in holding]),
        ),
        mean(
            "reaction: joined hands apart",
            [1000 * gap.mean() for gap in apart],
            [1000 * gap.mean() for gap in together],
            "mm",
        ),
        mean("reaction: jerk", ours[jerk], theirs[jerk], "m/s³"),
        mean("reaction: foot skate", ours[skate], theirs[skate], "mm/frame"),
    ]
