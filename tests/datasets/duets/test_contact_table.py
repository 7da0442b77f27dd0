"""The contact table says of every kind what its clips say."""

from __future__ import annotations

import json

import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.contact_table import contact_table
from intermask_cli.datasets.duets.labels import KINDS
from intermask_cli.reading.contacts import wishes_of


@pytest.mark.slow
def test_wishes_of_labels_are_the_contacts_of_the_clip() -> None:
    table = contact_table()
    assert json.loads(json.dumps(table)) == table
    assert any(any(groups for groups in of_kind.values()) for of_kind in table.values())
    for kind in KINDS:
        for index in range(4):
            labels = make_clip(5, index, kind).labels
            wishes = wishes_of(table[kind], labels.actor, labels.side, labels.manner)
            wished = [set(option) for wish in wishes for option in wish.options]
            touches = {(touch.joint1, touch.joint2) for touch in labels.contacts}
            assert bool(touches) == bool(wishes), kind
            if len(wishes) == 1 and kind == "latin_dance":  # both hands are held, or one is on the back
                assert any(option <= touches for option in wished), (kind, labels)
            elif len(wishes) == 1:
                assert touches in wished, (kind, labels)
