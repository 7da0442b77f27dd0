"""Limbs that should meet, from the contacts of a kind and what was read."""

from __future__ import annotations

import pytest

from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.skeleton import JOINT
from intermask_cli.reading.contacts import wishes_of

RIGHT, LEFT, CHEST = JOINT["right_wrist"], JOINT["left_wrist"], JOINT["spine3"]
PUNCH = {"low": [[["right_wrist", "left_wrist"]]], "high": [[["right_wrist", "left_wrist"]]]}
WALK = {"apart": [], "hand in hand": [[["right_wrist", "left_wrist"]]]}


@pytest.mark.parametrize(
    ("actor", "side", "expected"),
    [
        (0, "right", {((RIGHT, LEFT),)}),
        (1, "right", {((LEFT, RIGHT),)}),
        (0, "left", {((LEFT, RIGHT),)}),
        (1, "left", {((RIGHT, LEFT),)}),
        (None, "left", {((RIGHT, LEFT),), ((LEFT, RIGHT),)}),
        (0, "either", {((RIGHT, LEFT),), ((LEFT, RIGHT),)}),
        (0, None, {((RIGHT, LEFT),)}),
    ],
)
def test_actor_and_side(
    actor: int | None, side: str | None, expected: set[tuple[tuple[int, int], ...]]
) -> None:
    (wish,) = wishes_of(PUNCH, actor, side, "low", 8, 40)
    assert set(wish.options) == expected and (wish.start, wish.stop) == (8, 40)


def test_what_meets_at_the_same_time_is_one_wish_and_what_does_not_is_several() -> None:
    push = {"": [[["right_wrist", "spine3"], ["left_wrist", "spine3"]]]}
    assert wishes_of(push, 1) == (ContactWish((((CHEST, LEFT), (CHEST, RIGHT)),)),)
    in_turn = {"": [[["right_wrist", "spine3"]], [["left_wrist", "spine3"]]]}
    assert len(wishes_of(in_turn, 0)) == 2


def test_only_what_meets_in_every_manner_is_wished_where_the_manner_is_not_known() -> None:
    assert wishes_of(WALK, 0, None, "hand in hand")
    assert not wishes_of(WALK, 0, None, "apart") and not wishes_of(WALK, 0, None, None)
    assert wishes_of(PUNCH, 0, "right", None) == wishes_of(PUNCH, 0, "right", "low")
