"""Which limbs meet in each kind, as data: read off the choreographies, for what knows no corpus."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from intermask_cli.datasets.duets.kinds import perform
from intermask_cli.datasets.duets.labels import KINDS, RIGHT, Contact, Labels
from intermask_cli.datasets.duets.rig import random_body
from intermask_cli.motion.skeleton import JOINT_NAMES

#: Kind -> manner ("" for kinds without) -> limbs that meet at the same time, as (joint of the actor, joint of
#: the other), in order of time. For the side "right"; a wrist stands for the palm.
ContactTable = dict[str, dict[str, list[list[list[str]]]]]


def contact_table(kinds: Iterable[str] = tuple(KINDS)) -> ContactTable:
    """The contact table of some kinds; kinds and manners in which nothing meets have empty lists."""
    return {kind: {manner or "": _touches(kind, manner) for manner in _manners(kind)} for kind in kinds}


def _manners(kind: str) -> tuple[str | None, ...]:
    return KINDS[kind].manners or (None,)


#: Performances that are looked at: holds that differ by chance are not in the table.
_PERFORMANCES = 4


def _touches(kind: str, manner: str | None) -> list[list[list[str]]]:
    """The limbs that meet in every performance of a kind."""
    groups, *others = (_performed(kind, manner, seed) for seed in range(_PERFORMANCES))
    for other in others:
        met = [pair for group in other for pair in group]
        # Where none of the two acts, chance decides who is which: the better fitting way counts.
        ways = (met, [pair[::-1] for pair in met])
        groups = max(([[p for p in group if p in way] for group in groups] for way in ways), key=_pairs)
    return [group for group in groups if group]


def _pairs(groups: list[list[list[str]]]) -> int:
    return sum(map(len, groups))


def _performed(kind: str, manner: str | None, seed: int) -> list[list[list[str]]]:
    """The limbs that meet in one performance of a kind."""
    info = KINDS[kind]
    labels = Labels(
        kind, actor=0 if info.has_actor else None, side=RIGHT if info.side else None, tempo="normal",
        manner=manner, repeats=min(info.repeats) if info.repeats else None, approach="near",
        contacts=(), events=(),
    )  # fmt: skip
    rng = np.random.Generator(np.random.PCG64(seed))
    stage = perform(rng, labels, (random_body(rng), random_body(rng)))
    groups: list[list[list[str]]] = []
    for at_once in _simultaneous(stage.contacts):
        pairs = [[JOINT_NAMES[touch.joint1], JOINT_NAMES[touch.joint2]] for touch in at_once]
        if pairs not in groups:  # repeats
            groups.append(pairs)
    return groups


def _simultaneous(contacts: Iterable[Contact]) -> list[list[Contact]]:
    """Contacts that overlap in time together, in order of time."""
    groups: list[list[Contact]] = []
    end = -1
    for touch in sorted(contacts, key=lambda touch: touch.start):
        if touch.start >= end:
            groups.append([])
        groups[-1].append(touch)
        end = max(end, touch.end)
    return groups
