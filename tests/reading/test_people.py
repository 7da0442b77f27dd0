"""People under any names become "the first person" and "the second person"."""

import pytest

from intermask_cli.reading.people import FIRST, SECOND, People


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Anna is pushed by Ben", "Anna", "Ben"),
        ("he pushes her", "he", "her"),
        ("a man and a woman hug", "a man", "a woman"),
        ("one person waves and the other looks", "one person", "the other"),
        ("one of them hugs the other one", "one of them", "the other one"),
        ("someone bows to someone else", "someone", "someone else"),
        ("the first human is kicked by the second human", "the first human", "the second human"),
        ("individual one waves at individual two", "individual one", "individual two"),
        ("person 1 waves at person 2", "person 1", "person 2"),
        ("P1 hands P2 a box", "P1", "P2"),
        ("A kicks B", "A", "B"),
        ("the man in red kicks at the man in blue", "the man in red", "the man in blue"),
        ("my uncle bows to my aunt", "my uncle", "my aunt"),
        ("the old man is led by the little girl", "the old man", "the little girl"),
        ("a person kicks another person", "a person", "another person"),
        ("the teacher whispers to a student", "the teacher", "a student"),
        ("the attacker is blocked by the defender", "the attacker", "the defender"),
    ],
)
def test_the_first_named_is_person_1(text: str, first: str, second: str) -> None:
    wanted = text.replace(second, "\0").replace(first, FIRST, 1).replace("\0", SECOND)
    assert People().numbered(text) == wanted


@pytest.mark.parametrize(
    "text", ["The second individual bows to the first individual", "Player two bows to player one",
             "person B bows to person A", "P2 bows to P1"],
)  # fmt: skip
def test_numbers_count_wherever_they_stand(text: str) -> None:
    assert People().numbered(text) == f"{SECOND} bows to {FIRST}"


@pytest.mark.parametrize(
    "text",
    [
        "Two friends shake hands",
        "they bow",
        "both of them clap",
        "with one hand",
        "a handshake",
        "Ring around",
    ],
)
def test_pairs_and_hands_stay_as_they_are(text: str) -> None:
    assert People().numbered(text) == text


def test_pronouns_go_to_whom_they_fit() -> None:
    text = "The woman bows to the man, then he waves at her"
    assert People().numbered(text) == f"{FIRST} bows to {SECOND}, then {SECOND} waves at {FIRST}"


def test_her_hand_is_a_hand() -> None:
    assert People().numbered("She waves her left hand at him") == f"{FIRST} waves her left hand at {SECOND}"


def test_phases_share_their_people() -> None:
    people = People()
    assert people.numbered("Anna bows to Ben") == f"{FIRST} bows to {SECOND}"
    assert people.numbered("Ben waves at Anna") == f"{SECOND} waves at {FIRST}"
