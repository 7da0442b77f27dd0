"""From readings to clips: what a model with a reader makes of a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from intermask_cli import load_model
from intermask_cli.errors import InputError
from intermask_cli.inference.model import InteractionModel
from intermask_cli.inference.scripts import meetings_of, read_text, script_of
from intermask_cli.inference.windows import phase_ends
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import moving_pair, same
from tests.helpers.readers import word_reader
from tests.helpers.tiny import save_tiny

TWO = "Ben bows to Anna, then she waves"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> InteractionModel:
    return load_model(save_tiny(tmp_path_factory.mktemp("model")), FakeTextEncoder())


@pytest.fixture(scope="module")
def reading(plain: InteractionModel) -> InteractionModel:
    encoder = plain.filler.text_encoder
    return InteractionModel(plain.bundle, encoder, reader=word_reader(), reading="words")


def test_the_model_makes_the_full_caption_that_was_read(
    plain: InteractionModel, reading: InteractionModel
) -> None:
    text, seed = "Ben bows deeply to Anna", 5
    (made,) = reading.generate([text], frames=24, seed=seed)
    (action,) = word_reader().read(text).phases[0].actions
    assert same(made, plain.generate([action.text], frames=24, seed=seed)[0])
    assert made.text == text and made.read_as == "bow, person 1, deeply" and made.outside == ""
    assert made.read_confidence == pytest.approx(0.99, abs=0.02)


def test_what_is_outside_is_made_from_its_own_words_and_marked(
    plain: InteractionModel, reading: InteractionModel
) -> None:
    (made,) = reading.generate(["they swim"], frames=24, seed=3)
    assert same(made, plain.generate(["they swim"], frames=24, seed=3)[0])
    assert made.read_as == "outside" and "no action" in made.outside
    assert plain.generate(["they swim"], frames=24)[0].read_as == ""


def test_found_phases_take_the_lengths_of_their_kinds(
    plain: InteractionModel, reading: InteractionModel
) -> None:
    read = read_text(word_reader(), TWO, 30)
    assert read.found and script_of(read, 0).shares == (120, 60)
    assert script_of(read, 0).texts == ("bow deeply by 0", "wave left by 1")
    assert phase_ends(30, [120, 60]) == [20, 30]
    made = reading.generate([TWO], frames=120, seed=1)[0]
    assert made.read_as == "bow, person 1 | wave, person 2" and made.frames == 120
    assert made.seams and made.seams[-1].frame <= 80 < made.seams[-1].frame + 32
    assert not same(made, plain.generate([TWO], frames=120, seed=1)[0])


def test_a_clip_too_short_for_its_phases_is_one(reading: InteractionModel) -> None:
    assert len(read_text(word_reader(), TWO, 7).phases) == 1
    assert reading.generate([TWO], frames=28)[0].frames == 28


def test_limbs_that_should_meet_are_those_of_the_caption_that_is_made() -> None:
    read = read_text(word_reader(), TWO, 30)
    (wish,) = meetings_of(read, 0, 30)
    assert (wish.start, wish.stop) == (80, 120)
    sides = {meetings_of(read, seed, 30)[0].options for seed in range(4)}
    assert len(sides) == 2  # the text leaves the side open: it goes with the seed, as in the caption
    assert meetings_of(read_text(None, TWO, 30), 0, 30) is None


def test_every_task_reads(reading: InteractionModel) -> None:
    joints, _ = moving_pair(frames=32)
    (reaction,) = reading.react(joints[0], ["he waves"], check_body=False)
    longer = reading.extend(joints, "they wave", 16, check_body=False)
    (edited,) = reading.edit(joints, ["they wave"], persons=1, check_body=False)
    (between,) = reading.in_between(joints, ["they wave"], 8, 8, check_body=False)
    for one in (reaction, longer, edited, between):
        assert one.read_as.startswith("wave")


def test_read(reading: InteractionModel, plain: InteractionModel) -> None:
    one, two = reading.read(["they bow", "they tug"])
    assert one.read_as == "bow" and "tug" in two.outside
    with pytest.raises(InputError, match="without a reader"):
        plain.read("they bow")


@pytest.mark.parametrize("shares", [[1, 1, 1], [100, 1, 1], [1, 1, 100], [7, 5, 3]])
def test_every_phase_has_a_token(shares: list[int]) -> None:
    for total in range(3, 40):
        ends = [0, *phase_ends(total, shares)]
        assert ends[-1] == total and np.diff(ends).min() >= 1


def test_equal_shares_are_equal_parts() -> None:
    assert phase_ends(60, [1, 1]) == phase_ends(60, [80, 80]) == [30, 60]
    with pytest.raises(InputError, match="3 phases"):
        phase_ends(2, [1, 1, 1])


def test_a_plugin_is_chosen_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reading is 'nothing'"):
        load_model(save_tiny(tmp_path / "m"), FakeTextEncoder(), reading="nothing")
