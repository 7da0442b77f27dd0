"""Whether limbs meet that should: decoded pairs solved without and with what is wished of them.

Wishes are those of the clips' labels, so this measures the solver and not the reading of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.bundled_model.bench import SEED, ClipCounts, held_out
from benchmarks.bundled_model.contacts import contacts_of, limbs_meet
from evaluators.data.sets import DUETS_KINDS, FULL_CAPTION, clip_set
from evaluators.protocols.evaluation import item_seeds
from intermask_cli import load_model
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.labels import kind_set, phases_of
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.body.solver import solve_clips
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics_table

#: Clips of every kind that are generated, and of these the ones that are also reacted to.
_PER_KIND, _REACTIONS_PER_KIND = 5, 3
#: Kinds whose bodies must not overlap over nine seconds, and clips of each.
_WALKS, _WALKS_PER_KIND, _WALK_FRAMES = ("walk_side_by_side", "follow", "lead_by_hand"), 4, 270
_SOLVED_TOGETHER = 8


class _Clips(NamedTuple):
    """Clips that are solved, the held-out ones they were asked for, and the given person of each or None."""

    made: list[Interaction]
    asked: list[CorpusClip]
    given: list[int | None]


def table(limit: int | None) -> str:
    """A Markdown table of generated pairs, reactions and nine-second walks; of a clip per kind if limited."""
    sizes = ClipCounts(_PER_KIND if limit is None else 1, _REACTIONS_PER_KIND, two_phase=0)
    single = list(held_out(sizes, kind_set(DUETS_KINDS)).single)
    model = load_model("duet-mini", device="cpu")
    lines = [
        "| | limbs meet, % | overlap, mm | frames with overlap, % | foot skate, mm/frame | jerk, m/s³ |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, clips in (
        ("generated", _generated(model, single)),
        ("reactions", _reactions(model, single)),
        ("nine seconds of walking", _walks(model, single)),
    ):
        lines.append(_line(f"{name}: true clips", [c.joints for c in clips.asked], clips))
        for how, wishes in (("solved", None), ("solved with wishes", [_wished(c) for c in clips.asked])):
            lines.append(_line(f"{name}: {how}", _solved(clips, wishes), clips))
    return "\n".join(lines)


def _wished(clip: CorpusClip) -> list[ContactWish]:
    """What should meet in a clip; at what time is left to the solver."""
    touches = [tuple((t.joint1, t.joint2) for t in phase.contacts) for phase in phases_of(clip.labels)]
    return [ContactWish((tuple(dict.fromkeys(own)),)) for own in touches if own]


def _generated(model: InteractionModel, clips: list[CorpusClip]) -> _Clips:
    asked = clip_set(clips, "held-out clips")
    frames = [motion.frames for motion in asked.motions]
    made = model.generate(asked.prompts, frames, seeds=item_seeds(asked, SEED, 0), body="decoded")
    return _Clips(made, clips, [None] * len(clips))


def _reactions(model: InteractionModel, clips: list[CorpusClip]) -> _Clips:
    some = _first_of_kinds(clips, _REACTIONS_PER_KIND)
    asked = clip_set(some, "some held-out clips")
    given = [i % 2 for i in range(len(some))]
    motions = [
        Motion(motion.joints[[person]], None if motion.rotations6d is None else motion.rotations6d[[person]])
        for motion, person in zip(asked.motions, given, strict=True)
    ]
    seeds = item_seeds(asked, SEED, 0)
    made = model.react_each(motions, asked.prompts, given, seeds=seeds, check_body=False, body="decoded")
    return _Clips(made, some, list(given))


def _walks(model: InteractionModel, clips: list[CorpusClip]) -> _Clips:
    some = _first_of_kinds([clip for clip in clips if clip.labels.kind in _WALKS], _WALKS_PER_KIND)
    texts = [clip.captions[FULL_CAPTION] for clip in some]
    seeds = [sample_seed(SEED, text, 0, 0) for text in texts]
    made = model.generate(texts, _WALK_FRAMES, seeds=seeds, body="decoded")
    return _Clips(made, some, [None] * len(some))


def _first_of_kinds(clips: Sequence[CorpusClip], per_kind: int) -> list[CorpusClip]:
    seen: dict[str, int] = {}
    chosen = []
    for clip in clips:
        seen[clip.labels.kind] = seen.get(clip.labels.kind, 0) + 1
        if seen[clip.labels.kind] <= per_kind:
            chosen.append(clip)
    return chosen


def _solved(clips: _Clips, wishes: list[list[ContactWish]] | None) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) of every clip with solved bodies, given persons as they were."""
    joints: list[np.ndarray] = []
    for start in range(0, len(clips.made), _SOLVED_TOGETHER):
        part = slice(start, start + _SOLVED_TOGETHER)
        solved = solve_clips(
            [item.joints for item in clips.made[part]],
            [item.rotations6d for item in clips.made[part]],
            wishes=None if wishes is None else wishes[part],
            kept=[[person == given for person in (0, 1)] for given in clips.given[part]],
            keep_shape=False,
        )
        for bodies, item, given in zip(solved, clips.made[part], clips.given[part], strict=True):
            pair = bodies.joints.copy()
            if given is not None:
                pair[given] = item.joints[given]
            joints.append(pair)
    return joints


def _line(name: str, joints: list[np.ndarray], clips: _Clips) -> str:
    """A row of the table; feet and jerk are those of the generated persons."""
    touching = [i for i, clip in enumerate(clips.asked) if contacts_of(clip)]
    meet = limbs_meet([joints[i] for i in touching], [clips.asked[i] for i in touching])
    persons = [tuple(person for person in (0, 1) if person != given) for given in clips.given]
    physics = physics_table(joints, persons)
    return (
        f"| {name} ({len(joints)}) | {100 * meet.mean():.0f} ({meet.sum()} of {len(meet)}) "
        f"| {physics['penetration_mm'].mean():.1f} | {100 * physics['penetration_share'].mean():.1f} "
        f"| {np.nanmean(physics['foot_skate_mm_per_frame']):.2f} | {physics['jerk_m_per_s3'].mean():.0f} |"
    )
