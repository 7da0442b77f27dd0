"""Where another action may begin."""

import pytest

from intermask_cli.reading.clauses import clauses, joined


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("they bow, then shake hands", ["they bow", "shake hands"]),
        ("They bow. Then they shake hands.", ["They bow", "they shake hands."]),
        ("First she waves, after that he bows and finally they hug", ["she waves", "he bows", "they hug"]),
        ("he pushes her and then she kicks him", ["he pushes her", "she kicks him"]),
        ("they bow; a hug", ["they bow", "a hug"]),
        ("they bow before they hug", ["they bow", "they hug"]),
        ("they bow and afterwards shake hands", ["they bow", "shake hands"]),
        ("the first person waves", ["the first person waves"]),
        ("first person waves", ["first person waves"]),
        ("two people hug!", ["two people hug!"]),
        ("...", ["..."]),
        ("", [""]),
    ],
)
def test_parts(text: str, parts: list[str]) -> None:
    assert clauses(text) == parts


def test_joined_parts_are_the_text_between_them() -> None:
    text = "he bows, then smiles, then waves"
    one, two, _ = clauses(text)
    assert joined(text, one, two) == "he bows, then smiles"
