"""What a label reader makes of texts, and its files."""

import json
from pathlib import Path

import pytest
import torch

from intermask_cli.errors import InputError
from intermask_cli.models.bundle_info import READER, READER_TABLES
from intermask_cli.models.weights import save_weights
from intermask_cli.reading.label_network import LabelNetwork
from intermask_cli.reading.label_reader import LabelReader
from intermask_cli.reading.label_tables import LabelTables
from intermask_cli.reading.reading import shares_of, unread
from tests.helpers.readers import KINDS, LABELS, WordEncoder, word_reader, word_tables


def test_a_kind_with_its_labels() -> None:
    (phase,) = word_reader().read("Ben bows deeply to Anna").phases
    assert (phase.kind, phase.actor, phase.manner, phase.tempo) == ("bow", 0, "deeply", None)
    assert str(phase) == "bow, person 1, deeply"
    assert phase.confidence is not None and phase.confidence > 0.9 and not phase.outside
    assert {action.text for action in phase.actions} == {"bow deeply by 0"} and phase.frames == 120


def test_what_a_text_leaves_open_goes_with_the_seed() -> None:
    (phase,) = word_reader().read("waves").phases
    assert phase.side is None and len(phase.actions) == 4
    assert {phase.action(seed).text for seed in range(8)} == {action.text for action in phase.actions}
    assert phase.action(3) == phase.action(7)


def test_a_value_that_the_kind_cannot_have_is_not_stated() -> None:
    (phase,) = word_reader().read("he waves deeply at her with the left hand").phases
    assert phase.manner is None and phase.side == "left"


@pytest.mark.parametrize(("text", "why"), [("they swim", "no action"), ("they tug", "tug, which the model")])
def test_what_the_model_does_not_know_is_outside(text: str, why: str) -> None:
    reading = word_reader().read(text)
    assert why in reading.outside and reading.read_as == "outside"
    assert reading.phases[0].action(0).text == text  # the model gets the text itself


def test_phases_are_found_where_both_parts_are_actions() -> None:
    reading = word_reader().read("Ben bows to Anna, then she waves.")
    assert reading.found and [phase.kind for phase in reading.phases] == ["bow", "wave"]
    assert shares_of(reading.phases) == [120, 60] and reading.read_as.count("|") == 1
    assert word_reader().read("Ben bows to Anna, then she waves.", find_phases=False).found is False


@pytest.mark.parametrize("text", ["he bows, then smiles", "they bow, then they tug", "he bows, then he bows"])
def test_other_texts_are_not_cut(text: str) -> None:
    reading = word_reader().read(text)
    assert not reading.found and len(reading.phases) == 1


def test_a_clause_without_an_action_belongs_to_the_one_before() -> None:
    reading = word_reader().read("he bows, then he smiles, then she waves")
    assert [phase.text for phase in reading.phases] == ["he bows, then he smiles", "she waves"]


def test_given_phases_stay_and_share_their_people() -> None:
    reading = word_reader().read("Anna bows to Ben | Ben waves")
    assert not reading.found and [phase.actor for phase in reading.phases] == [0, 1]
    mixed = word_reader().read("they bow | they swim")
    assert mixed.outside.startswith("'they swim'") and shares_of(mixed.phases) == [1, 1]


def test_no_text_is_not_read() -> None:
    reading = word_reader().read("")
    assert reading.confidence is None and not reading.outside and reading == unread("")


def test_files(tmp_path: Path) -> None:
    tables = word_tables()
    tables.save(tmp_path / READER_TABLES)
    torch.manual_seed(0)
    network = LabelNetwork(tables.network, len(KINDS), LABELS).eval()
    save_weights(network.state_dict(), tmp_path / READER, fp16=False)
    loaded = LabelReader.load(tmp_path, WordEncoder())
    assert loaded.tables == LabelTables.load(tmp_path / READER_TABLES) and loaded.tables.kinds == KINDS
    states = WordEncoder().encode(["they bow"])
    assert torch.equal(loaded.network.kinds(states), network.kinds(states))
    assert torch.equal(loaded.network.labels(states)["side"], network.labels(states)["side"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "format x"),
        ({"least_confidence": 2}, "least_confidence"),
        ({"kinds": None}, "damaged"),
        ({"labels": {}}, "no label"),
        ({"tables": {}}, "no kind"),
        ({"tables": {"tug": {"frames": {"normal": 0}, "contacts": {}, "actions": []}}}, "frames of tug"),
        (
            {"tables": {"swim": {"frames": {"normal": 1}, "contacts": {}, "actions": [["a"] + [""] * 6]}}},
            "swim",
        ),
        ({"network": {"width": 3, "heads": 2}}, "a divisor of the width"),
    ],
)
def test_damaged_tables_are_refused_in_one_line(tmp_path: Path, change: dict, message: str) -> None:
    path = tmp_path / READER_TABLES
    word_tables().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message) as error:
        LabelTables.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
