"""What the pair decoder gives: the same clips, captions and tokens with it, and beside them without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.bundled_model.bench import Bench, joints_of
from benchmarks.bundled_model.figures import Figure, mean, share
from benchmarks.bundled_model.touch import contacts_of, joined, limbs_meet
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.physics import physics_table

WITHOUT = "without it"


def measure(bench: Bench) -> list[Figure]:
    """Some held-out clips of every kind; nothing for a model that has no pair decoder."""
    if bench.model.info.pair_decoder is None:
        return []
    both = (bench, without(bench))
    clips = [bench.clips.single[i] for i in bench.few]
    rebuilt = [[b.model.reconstruct(c.joints, c.rotations6d).joints for c in clips] for b in both]
    some = bench.truth.take(bench.few, "some held-out clips")
    made = [joints_of(bench.made, bench.few), joints_of(both[1].generate(some))]
    partners = [joints_of(b.reactions) for b in both]
    physics = [physics_table(motions) for motions in made]
    asked = [i for i, clip in enumerate(clips) if contacts_of(clip)]
    holding = [i for i, clip in enumerate(clips) if contacts_of(clip, hands_only=True)]

    def error(motions: list[np.ndarray]) -> list[float]:
        pairs = zip(motions, clips, strict=True)
        return [1000 * float(np.linalg.norm(m - c.joints, axis=-1).mean()) for m, c in pairs]

    def hands_off(motions: list[np.ndarray]) -> list[float]:
        pairs = [(motions[i], clips[i]) for i in holding]
        return [1000 * float(np.abs(joined(m, c) - joined(c.joints, c)).mean()) for m, c in pairs]

    def compared(
        name: str, values: Callable[[list[np.ndarray]], list[float]], of: list[list[np.ndarray]]
    ) -> Figure:
        return mean(name, values(of[0]), values(of[1]), "mm", beside_what=WITHOUT)

    def moving(name: str, column: str, unit: str) -> Figure:
        return mean(name, physics[0][column], physics[1][column], unit, beside_what=WITHOUT)

    met = [limbs_meet([motions[i] for i in asked], [clips[i] for i in asked]) for motions in made]
    return [
        compared("tokenizer: joint error", error, rebuilt),
        compared("tokenizer: joined hands: distance off", hands_off, rebuilt),
        moving("generation: foot skate", "foot_skate_mm_per_frame", "mm/frame"),
        moving("generation: jerk", "jerk_m_per_s3", "m/s³"),
        moving("generation: overlap of bodies", "penetration_mm", "mm"),
        share("generation: the limbs asked for meet", met[0], met[1], beside_what=WITHOUT),
        compared("reaction: joined hands: distance off", hands_off, partners),
    ]


def without(bench: Bench) -> Bench:
    """The bench with its model as published ones are: each person decoded alone."""
    bundle = bench.model.bundle
    plain = replace(
        bundle,
        info=replace(bundle.info, pair_decoder=None),
        pair_decoder=None,
        sha256=f"{bundle.sha256}-apart",  # motions are kept by it
    )
    model = InteractionModel(plain, bench.model.filler.text_encoder, str(bench.model.device))
    return replace(bench, model=model)
