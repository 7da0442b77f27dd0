"""What should meet in a clip follows from the reading: per phase, and nothing where nothing was read."""

from __future__ import annotations

from intermask_cli.inference.scripts import meetings_of
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.skeleton import JOINT
from intermask_cli.reading.reading import PhaseReading, Reading, StatedAction, unread

RIGHT = JOINT["right_wrist"]
SHAKE = PhaseReading(
    "they shake hands", "handshake", actions=(StatedAction("both shake hands"),), frames=60,
    contacts={"": [[["right_wrist", "right_wrist"]]]},
)  # fmt: skip
BOW = PhaseReading("they bow", "bow", actions=(StatedAction("both bow"),), frames=60, contacts={"": []})


def test_wishes_last_as_long_as_their_phase() -> None:
    both = Reading("they bow, then shake hands", (BOW, SHAKE), found=True)
    assert meetings_of(both, seed=0, tokens=30) == [ContactWish((((RIGHT, RIGHT),),), 60, 120)]


def test_an_action_without_contacts_has_no_wishes_and_what_was_not_read_is_not_known() -> None:
    assert meetings_of(Reading("they bow", (BOW,)), seed=0, tokens=30) == []
    assert meetings_of(unread("they juggle"), seed=0, tokens=30) is None
    assert meetings_of(Reading("", (SHAKE, PhaseReading("they juggle"))), seed=0, tokens=30) is None
