"""A partner for a given person: the requested action, natural motion, hands that meet the given ones.

Feet and jerk are those of the generated person. Kind, role and side are those of the pair, so the given
person already shows part of them.
"""

from __future__ import annotations

import numpy as np

from benchmarks.bundled_model.bench import ModelBench, joints_of
from benchmarks.bundled_model.contacts import MEET_M, contacts_of, joined_hand_gaps
from benchmarks.bundled_model.figures import Figure, Goal, label_figures, mean, share
from benchmarks.judges.label_hits import label_hits
from intermask_cli.cleanup.clean import clean
from intermask_cli.cleanup.modes import Clean
from intermask_cli.motion.physics import physics_table


def measure(bench: ModelBench) -> list[Figure]:
    """Some held-out clips of every kind, each person given in turn. R@1 is in `retrieval`."""
    clips = [bench.clips.single[i] for i in bench.few]
    truth, reactions = joints_of(bench.truth, bench.few), joints_of(bench.reactions)
    labels = [clip.labels for clip in clips]
    hits, truth_hits = (label_hits(motions, labels, bench.reader) for motions in (reactions, truth))
    persons = list(bench.reactions.generated_persons)
    physics, truth_physics = physics_table(reactions, persons), physics_table(truth, persons)
    holding = [i for i, clip in enumerate(clips) if contacts_of(clip, hands_only=True)]
    cleaned = {i: clean(reactions[i], None, [Clean.meet], fixed=bench.given[i])[0] for i in holding}
    # Metres, at the frames in which hands are joined.
    gaps, truth_gaps, cleaned_gaps = (
        [joined_hand_gaps(motions[i], clips[i]) for i in holding] for motions in (reactions, truth, cleaned)
    )

    def meeting(of_clips: list[np.ndarray]) -> np.ndarray:
        return np.array([gap.min() <= MEET_M for gap in of_clips])

    def moving(name: str, column: str, unit: str) -> Figure:
        return mean(name, physics[column], truth_physics[column], unit)

    return [
        *label_figures("reaction", hits, truth_hits),
        share(
            "reaction: joined hands meet (10 cm)",
            meeting(gaps),
            meeting(truth_gaps),
            Goal(0.9, at_least=True),
        ),
        share("reaction: joined hands meet, with --clean meet", meeting(cleaned_gaps)),
        mean(
            "reaction: joined hands apart",
            [1000 * gap.mean() for gap in gaps],
            [1000 * gap.mean() for gap in truth_gaps],
            "mm",
        ),
        moving("reaction: jerk", "jerk_m_per_s3", "m/s³"),
        moving("reaction: foot skate", "foot_skate_mm_per_frame", "mm/frame"),
    ]
