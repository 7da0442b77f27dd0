"""What the pair decoder gives: the same clips, captions and tokens with it and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import ModelBench, joints_of
from benchmarks.bundled_model.contacts import contacts_of, hand_gap_error_mm, limbs_meet
from benchmarks.bundled_model.figures import Figure, mean, share
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.physics import physics_table

WITHOUT = "without it"


def measure(bench: ModelBench) -> list[Figure]:
    """Some held-out clips of every kind; nothing for a model that has no pair decoder."""
    if bench.model.info.pair_decoder is None:
        return []
    benches = (bench, without(bench))
    clips = [bench.clips.single[i] for i in bench.few]
    some = bench.truth.take(bench.few, "some held-out clips")
    # Each a pair: with the pair decoder, and without it.
    rebuilt = [[b.model.reconstruct(c.joints, c.rotations6d).joints for c in clips] for b in benches]
    generated = [joints_of(bench.generated, bench.few), joints_of(benches[1].generate(some))]
    reactions = [joints_of(b.reactions) for b in benches]
    physics = [physics_table(motions) for motions in generated]
    touching = [i for i, clip in enumerate(clips) if contacts_of(clip)]
    holding = [i for i, clip in enumerate(clips) if contacts_of(clip, hands_only=True)]
    meet = [limbs_meet([motions[i] for i in touching], [clips[i] for i in touching]) for motions in generated]

    def joint_errors(motions: list[np.ndarray]) -> list[float]:
        pairs = zip(motions, clips, strict=True)
        return [1000 * float(np.linalg.norm(m - c.joints, axis=-1).mean()) for m, c in pairs]

    def hand_errors(motions: list[np.ndarray]) -> list[float]:
        return [hand_gap_error_mm(motions[i], clips[i]) for i in holding]

    def compared(name: str, pair: Sequence[Sequence[float] | np.ndarray], unit: str = "mm") -> Figure:
        return mean(name, pair[0], pair[1], unit, reference_name=WITHOUT)

    def moving(name: str, column: str, unit: str) -> Figure:
        return compared(name, [table[column] for table in physics], unit)

    return [
        compared("tokenizer: joint error", [*map(joint_errors, rebuilt)]),
        compared("tokenizer: joined hands: distance off", [*map(hand_errors, rebuilt)]),
        moving("generation: foot skate", "foot_skate_mm_per_frame", "mm/frame"),
        moving("generation: jerk", "jerk_m_per_s3", "m/s³"),
        moving("generation: overlap of bodies", "penetration_mm", "mm"),
        share("generation: the limbs asked for meet", *meet, reference_name=WITHOUT),
        compared("reaction: joined hands: distance off", [*map(hand_errors, reactions)]),
    ]


def without(bench: ModelBench) -> ModelBench:
    """The bench with its model as published ones are: each person decoded alone."""
    bundle = bench.model.bundle
    plain = replace(
        bundle,
        info=replace(bundle.info, pair_decoder=None),
        pair_decoder=None,
        sha256=f"{bundle.sha256}-apart",  # part of the key of cached motions
    )
    model = InteractionModel(plain, bench.model.filler.text_encoder, str(bench.model.device))
    return replace(bench, model=model)
