"""Captions of mirrored motion."""

import pytest

from intermask_cli.motion.mirror import mirror_caption, mirror_caption_literal


@pytest.mark.parametrize(
    ("caption", "mirrored"),
    [
        ("The right hand touches the left shoulder.", "The left hand touches the right shoulder."),
        ("He turns counterclockwise, she clockwise.", "He turns clockwise, she counterclockwise."),
        ("Both turn anticlockwise.", "Both turn clockwise."),
        ("A left-handed, bright person steps right.", "A right-handed, bright person steps left."),
        ("Left, then RIGHT, then leftwards, leftmost.", "Right, then LEFT, then rightwards, rightmost."),
        ("The leftovers are outright alright.", "The leftovers are outright alright."),
        ("A counter-clockwise turn", "A clockwise turn"),
    ],
)  # fmt: skip
def test_words_are_swapped_and_others_kept(caption, mirrored):
    assert mirror_caption(caption) == mirrored


def test_literal_chain_shows_the_published_quirk():
    assert mirror_caption_literal("brightly counterclockwise") == "bleftly countercounterclockwise"
