"""Makes a clip: random bodies and labels in, an exact two-person interaction out.

The choreography of a kind (`kinds/`) is performed on a `Stage` and posed. The result is mirrored for the left
side, the people are exchanged when the actor is person 1 (counted from 0), and both get a random place.
Clips of two phases come from `two_phase`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from intermask_cli.datasets.duets.kinds import perform
from intermask_cli.datasets.duets.labels import (
    CORE,
    KINDS,
    LEFT,
    DuetClip,
    KindSet,
    Labels,
    draw_labels,
    timed,
)
from intermask_cli.datasets.duets.motion_plan import MIRROR_X
from intermask_cli.datasets.duets.posing import Posed, pose
from intermask_cli.datasets.duets.rig import random_body
from intermask_cli.datasets.duets.stage import Stage
from intermask_cli.datasets.duets.timing import Array
from intermask_cli.datasets.duets.two_phase import two_phase_stage
from intermask_cli.datasets.duets.vectors import euler
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import MIRROR

#: Clips are placed within this distance of the origin, along x and along z, metres.
WORLD_M = 3.0


def make_clip(seed: int, index: int, kind: str | None = None, kinds: KindSet = CORE) -> DuetClip:
    """Clip `index` of the corpus with this seed: the same bytes every time; `kind` None draws one of `kinds`.

    Raises ValueError for an unknown kind.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    if kind is None and kinds.two_phase > 0.0 and rng.random() < kinds.two_phase:
        stage, labels, exchange = two_phase_stage(rng, kinds.pairs)
        return _finished(stage, _posed(stage), labels, exchange, seed, index)
    drawn = kinds.kinds[int(rng.integers(len(kinds.kinds)))]
    name = drawn if kind is None else kind
    if name not in KINDS:
        raise ValueError(f"unknown kind {name!r}; choose one of {', '.join(KINDS)}")
    labels = draw_labels(rng, name)
    stage = perform(rng, labels, (random_body(rng), random_body(rng)))
    posed = _posed(stage)
    exchange = bool(labels.actor) if labels.actor is not None else bool(rng.integers(2))
    return _finished(stage, posed, labels, exchange, seed, index)


def _posed(stage: Stage) -> Posed:
    """The motion plan of the stage as joints and rotations."""
    return pose(stage.plan.until(stage.frames()[1]), stage.bodies, stage.rng)


def _finished(stage: Stage, posed: Posed, labels: Labels, exchange: bool, seed: int, index: int) -> DuetClip:
    """Mirror for the left side, exchange persons, place in the world, and pack with final labels."""
    first, last = stage.frames()
    joints, columns, pelvis = (values[..., first:] for values in (posed.joints, posed.columns, posed.pelvis))
    offsets = np.stack([body.offsets for body in stage.bodies])
    if labels.side == LEFT:
        order, signs = list(MIRROR), MIRROR_X[:, None] * MIRROR_X
        joints = joints[:, :, order] * MIRROR_X[:, None, None, None]
        columns = columns[:, :, :, order] * signs[:, :2, None, None, None].astype(np.float32)
        pelvis = pelvis * signs[..., None, None]
        offsets = offsets[:, order] * MIRROR_X
    if exchange:
        joints, columns, pelvis, offsets = (
            joints[:, ::-1],
            columns[:, :, ::-1],
            pelvis[:, :, ::-1],
            offsets[::-1],
        )
    joints, pelvis = _in_the_world(stage.rng, joints, pelvis)
    then = labels.then
    if then is not None:
        then = timed(then, then.contacts, then.events, labels.side == LEFT, exchange, first, last)
    final = timed(labels, stage.contacts, stage.events, labels.side == LEFT, exchange, first, last)
    people, frames = joints.shape[1], joints.shape[3]
    sixd = columns[:, :, :, 1:].transpose(2, 4, 3, 0, 1)  # (2, T, 21, 3, 2)
    return DuetClip(
        motion=Motion(
            joints.transpose(1, 3, 2, 0).astype(np.float32, order="C"),
            sixd.astype(np.float32, order="C").reshape(people, frames, -1, 6),
        ),
        root_rotation=pelvis.transpose(2, 3, 0, 1).astype(np.float32, order="C"),
        offsets=offsets.astype(np.float32),
        labels=replace(final, then=then),
        seed=seed,
        index=index,
    )


def _in_the_world(rng: np.random.Generator, joints: Array, pelvis: Array) -> tuple[Array, Array]:
    """Both persons turned and moved together to a random heading and place.

    joints (3, 2, 22, T), rotation of the pelvis (3, 3, 2, T).
    """
    world = euler(rng.uniform(-math.pi, math.pi), 0.0, 0.0)
    middle = joints[:, :, 0].mean(axis=(1, 2)) * np.array([1.0, 0.0, 1.0])
    place = rng.uniform(-WORLD_M, WORLD_M, 3) * np.array([1.0, 0.0, 1.0])
    moved = (world @ joints.reshape(3, -1)).reshape(joints.shape)
    moved += (place - world @ middle)[:, None, None, None]
    return moved, (world @ pelvis.reshape(3, -1)).reshape(pelvis.shape)
