"""From what was read of a text to the limbs that should meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intermask_cli.motion.body.contacts import ContactWish, Touch
from intermask_cli.motion.skeleton import JOINT, MIRROR

#: Manner ("" for none) -> groups of limbs that meet at the same time, as pairs of joint names: of the actor
#: and of the other, for the side "right".
KindContacts = Mapping[str, Sequence[Sequence[Sequence[str]]]]


def wishes_of(
    contacts: KindContacts,
    actor: int | None = None,
    side: str | None = None,
    manner: str | None = None,
    start: int = 0,
    stop: int | None = None,
) -> tuple[ContactWish, ...]:
    """The wishes of one phase, in frames [start, stop) of a clip; `stop` None is its end.

    Args:
        contacts: of the kind that was read.
        actor: the acting person (0 or 1). None: either may be.
        side: "left" or "right"; None for kinds without sides, "either" where the text leaves it open.
        manner: the kind's manner. None, or one that is not known: only limbs that meet in every manner.
    """
    of_manners = [_joints(groups) for groups in contacts.values()]
    if manner is not None and manner in contacts:
        groups = _joints(contacts[manner])
    else:
        groups = [group for group in of_manners[0] if all(group in other for other in of_manners)]
    mirrored = {"left": (True,), "either": (False, True)}.get(side or "", (False,))
    actors = (0, 1) if actor is None else (actor,)
    return tuple(
        ContactWish(
            tuple(dict.fromkeys(_placed(group, mirror, first) for mirror in mirrored for first in actors)),
            start,
            stop,
        )
        for group in groups
    )


def _joints(groups: Sequence[Sequence[Sequence[str]]]) -> list[tuple[Touch, ...]]:
    """Groups of pairs of joint names as pairs of joint numbers."""
    return [tuple((JOINT[one], JOINT[other]) for one, other in group) for group in groups]


def _placed(group: tuple[Touch, ...], mirror: bool, actor: int) -> tuple[Touch, ...]:
    """A group of touches on that side, by that actor, in an order that does not depend on either."""
    pairs = [(MIRROR[one], MIRROR[other]) if mirror else (one, other) for one, other in group]
    return tuple(sorted(pairs if actor == 0 else [(other, one) for one, other in pairs]))
