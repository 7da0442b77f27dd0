"""The language check: words in prose and identifiers, phrases over line breaks, exemptions, exit codes."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "check_language.py"
spec = importlib.util.spec_from_file_location("check_language", SCRIPT)
assert spec is not None and spec.loader is not None
language = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = language
spec.loader.exec_module(language)

LIST = """
# a comment
exempt: prompts/*.txt
exempt: *wordings*.yaml
allow: hand in hand
heard|hears -> attended
in hand -> current
whole share -> intact_share
name: said -> captions
name: Maker -> MotionGenerator
"""


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(LIST)
    return language.read_word_list(path)


def found(words, text, path="module.py"):
    return [(finding.line, finding.word) for finding in language.check_text(path, text, words)]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("heard = attention(q, k, v)", "heard"),
        ("was_heard = 1", "heard"),
        ("class HeardBefore: ...", "Heard"),
        ("HEARD = 1", "HEARD"),
        ('"""Hears the partner."""', "Hears"),
        ("config.whole_share", "whole share"),
        ("wholeShare = 1", "whole Share"),
        ("# the part in hand is finished", "in hand"),
    ],
)
def test_words_are_found_in_prose_and_identifiers(words, line, word):
    assert found(words, f"first = 1\n{line}\n") == [(2, word)]


@pytest.mark.parametrize(
    "line", ["unheard = 1", "dancing hand in hand", "begin handing it over", "put it in. Hand"]
)
def test_other_words_are_not(words, line):
    assert found(words, f"# {line}\n") == []


@pytest.mark.parametrize(
    "text", ["# the part in\n# hand", "The part in\nhand.", "    #: the part in\n    #: hand"]
)
def test_a_phrase_may_cross_a_line_break(words, text):
    ((line, word),) = found(words, text)
    assert line == 1 and word.startswith("in") and word.endswith("hand")


def test_names_are_python_identifiers_only(words):
    assert found(words, "said = 1\n'said'  # as said above\nnot_said = Maker()\nmaker = 2\n") == [
        (1, "said"),
        (3, "Maker"),
    ]
    assert found(words, "as said above", "docs/a.md") == []


def test_a_line_with_a_reason_is_exempt_and_one_without_is_reported(words):
    assert found(words, "heard = 1  # language: ok, sound is meant\n") == []
    assert found(words, "heard <!-- language: ok: sound -->\n", "a.md") == []
    assert found(words, "heard = 1  # language: ok\nx = 1\n") == [(1, "language: ok")]


@pytest.mark.parametrize(
    ("path", "is_read"),
    [
        ("prompts/demo.txt", False),
        ("intermask_cli/datasets/duets/wordings_all.yaml", False),
        ("deep/folder/module.py", True),
        ("Makefile", True),
        ("deploy/Makefile", True),
        ("weights.safetensors", False),
    ],
)
def test_which_files_are_read(words, path, is_read):
    assert words.reads(path) == is_read


def test_dated_releases_of_the_changelog_are_history(words):
    text = "# Changelog\n## [Unreleased]\n- heard\n## [0.1.0] - 2026-01-31\n- heard\n"
    assert found(words, text, "CHANGELOG.md") == [(3, "heard")]
    assert len(found(words, text, "docs/news.md")) == 2


def test_files_are_read_and_deleted_ones_skipped(words, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\nheard = 2\n")
    (finding,) = language.check_files(["a.py", "gone.py"], words, tmp_path)
    assert str(finding) == "a.py:2: 'heard': attended"


@pytest.mark.parametrize("line", ["heard", "heard ->", "-> attended", "(heard -> attended"])
def test_a_bad_list_names_its_line(tmp_path, line):
    path = tmp_path / "list.txt"
    path.write_text(f"# a comment\n{line}\n")
    with pytest.raises(ValueError, match=r"list\.txt:2"):
        language.read_word_list(path)


def test_the_command_prints_findings_and_exits_with_1(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.py").write_text("heard = 1\n")
    (tmp_path / "good.py").write_text("attended = 1\n")
    monkeypatch.setattr(language, "ROOT", tmp_path)
    monkeypatch.setattr(language, "read_word_list", lambda: words)
    assert language.main(["bad.py"]) == 1
    assert capsys.readouterr().out == "bad.py:1: 'heard': attended\n"
    assert language.main(["good.py"]) == 0
    assert language.main(["--counts", "bad.py"]) == 1
    assert "     1  heard|hears\n" in capsys.readouterr().out


def test_the_list_of_the_repository_can_be_read():
    words = language.read_word_list()
    assert len(words.rules) >= 50
    for text in (
        "heard = 1",
        "def tell_rejected(): ...",
        "HOPELESS = 8",
        "class Beside: ...",
        "RoughMaker()",
    ):
        assert found(words, text), text
