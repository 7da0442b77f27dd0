"""Which reader a model gets."""

from pathlib import Path

import pytest

from intermask_cli import plugins
from intermask_cli.errors import InputError, MissingError
from intermask_cli.reading.readers import LABELS, load_reader, reading_of
from intermask_cli.reading.reading import unread
from tests.helpers.readers import WordEncoder, word_reader


def test_the_models_own_reader_or_none() -> None:
    assert reading_of("auto", LABELS) == LABELS
    assert reading_of("auto", "") == reading_of("off", LABELS) == ""
    assert load_reader("", Path("nowhere"), WordEncoder()) is None


@pytest.mark.parametrize(("choice", "recorded"), [("aotu", LABELS), (LABELS, ""), ("auto", "not-installed")])
def test_others_are_refused_by_name(choice: str, recorded: str) -> None:
    with pytest.raises(InputError, match="reading is '"):
        reading_of(choice, recorded)


def test_a_model_without_its_readers_files(tmp_path: Path) -> None:
    with pytest.raises((MissingError, InputError), match=r"reader\.json"):
        load_reader(LABELS, tmp_path, WordEncoder())


def test_a_plugin_reads_for_a_users_own_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = []

    def call(group: str, name: str, *arguments: object) -> object:
        given.append((group, name, *arguments))
        return word_reader()

    monkeypatch.setattr(plugins, "registered", lambda group: {"mine": None})
    monkeypatch.setattr(plugins, "call", call)
    encoder = WordEncoder()
    assert reading_of("mine", LABELS) == reading_of("auto", "mine") == "mine"
    reader = load_reader("mine", tmp_path, encoder)
    assert reader is not None and reader.read("they bow").read_as == "bow"
    assert given == [("intermask.readings", "mine", tmp_path, encoder)]


def test_unread_texts_have_equal_phases() -> None:
    reading = unread("they bow | they wave")
    assert [phase.text for phase in reading.phases] == [
        "they bow",
        "they wave",
    ] and reading.confidence is None
