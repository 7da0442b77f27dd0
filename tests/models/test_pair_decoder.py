"""The pair decoder: what it may depend on, how it joins hands that should meet, and its place in a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from intermask_cli import load_model
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.bundle import load_bundle, save_bundle
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.training.config import PairDecoderTrainConfig, Recipe
from intermask_cli.training.loop import StageRun
from intermask_cli.training.pair_decoder.corrupted_pairs import CorruptedPairs
from intermask_cli.training.pair_decoder.losses import meeting
from intermask_cli.training.pair_decoder.stage import PairDecoderStage, turned
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import moving_pair, same
from tests.helpers.tiny import TINY_PAIR_DECODER, random_pair_decoder, save_tiny_with_pair_decoder


def pair(frames: int = 24, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    joints, rotations = moving_pair(frames, seed)
    return torch.from_numpy(joints)[None], torch.from_numpy(rotations)[None]


def test_untrained_it_changes_nothing() -> None:
    joints, rotations = pair()
    after, turned_after = PairDecoder(TINY_PAIR_DECODER)(joints, rotations)
    assert torch.equal(after, joints) and torch.equal(turned_after, rotations)


def test_it_knows_no_first_person() -> None:
    model, (joints, rotations) = random_pair_decoder(), pair()
    after, rotations_after = model(joints, rotations)
    swapped, rotations_swapped = model(joints.flip(1), rotations.flip(1))
    assert not torch.allclose(after, joints)
    torch.testing.assert_close(swapped.flip(1), after)
    torch.testing.assert_close(rotations_swapped.flip(1), rotations_after)


def test_it_does_not_matter_where_the_pair_stands() -> None:
    model, (joints, rotations) = random_pair_decoder(), pair()
    moved = torch.tensor([3.0, 0.0, -7.0])
    after, _ = model(joints + moved, rotations)
    torch.testing.assert_close(after - moved, model(joints, rotations)[0], atol=1e-5, rtol=0)


def test_a_person_depends_on_the_other() -> None:
    model, (joints, rotations) = random_pair_decoder(), pair()
    nearer = joints.clone()
    nearer[:, 1, ..., 2] -= 0.3
    assert not torch.allclose(model(nearer, rotations)[0][:, 0], model(joints, rotations)[0][:, 0])


def test_meeting_sees_the_way_between_near_hands_only() -> None:
    joints = pair()[0]
    joints[:, 1] = joints[:, 0] + torch.tensor([5.0, 0.0, 0.0])  # far apart: nothing meets
    assert float(meeting(joints + 0.1, joints, 0.15)) < 1e-6
    apart = joints.clone()
    apart[:, 1, :, 7] += 0.3
    assert float(meeting(apart, joints, 0.15)) < 1e-6
    joints[:, 1, :, 20] = joints[:, 0, :, 21]  # a left wrist in a right one
    missed = joints.clone()
    missed[:, 1, :, 20, 0] += 0.2
    both = joints + torch.tensor([0.2, 0.0, 0.0])
    assert float(meeting(missed, joints, 0.15)) > 0.1
    assert float(meeting(both, joints, 0.15)) < 1e-5  # where they meet does not matter


def held_hands(clips: int = 6, frames: int = 40) -> CorruptedPairs:
    """Pairs whose wrists touch; corrupted by moving one wrist and letting the feet slide."""
    made, truth, rotations = [], [], []
    for seed in range(clips):
        joints, turns = pair(frames, seed)
        joints[0, 1, :, 20] = joints[0, 0, :, 21]
        corrupted = joints.clone()
        corrupted[0, 1, :, 20, 1] += 0.12
        corrupted[0, :, :, [7, 8, 10, 11], 0] += 0.02 * torch.sin(torch.arange(frames) * 0.9)[:, None]
        made.append(corrupted[0].transpose(0, 1))
        truth.append(joints[0].transpose(0, 1))
        rotations.append(turns[0].transpose(0, 1).half())
    lengths = torch.full((clips,), frames)
    return CorruptedPairs(
        torch.cat(made), torch.cat(rotations), torch.cat(truth), torch.cat(rotations),
        lengths.cumsum(0) - lengths, lengths,
    )  # fmt: skip


def small_recipe(**training: object) -> Recipe:
    settings = {
        "batch_size": 4, "steps": 60, "window": 32, "lr": 5e-3, "warmup_steps": 5, "validate_clips": 4,
        **training,
    }  # fmt: skip
    return Recipe(pair_decoder=TINY_PAIR_DECODER, pair_decoder_training=PairDecoderTrainConfig(**settings))


@pytest.mark.slow
@pytest.mark.long
def test_training_joins_hands_and_a_run_can_be_repeated(tmp_path: Path) -> None:
    reports = []
    for folder in ("one", "two"):
        data = held_hands()
        stage = PairDecoderStage(small_recipe(), data, data, Accelerator(cpu=True))
        reports.append(StageRun(stage, tmp_path / folder, Accelerator(cpu=True), False).run()["best"])
    best = reports[0]
    assert best["meeting_mm"] < 0.7 * best["rough_meeting_mm"]
    assert {k: v for k, v in best.items() if k != "minutes"} == {
        k: v for k, v in reports[1].items() if k != "minutes"
    }


def test_a_given_person_is_the_true_one_and_stays() -> None:
    data = held_hands()
    stage = PairDecoderStage(small_recipe(given_share=1.0), data, data, Accelerator(cpu=True))
    stage.model = stage.objective.model = random_pair_decoder()
    torch.manual_seed(0)
    batch = stage.batch(0)
    joints, rotations = stage.objective.corrected(batch)
    for sample, person in enumerate(batch.given.tolist()):
        assert torch.equal(joints[sample, person], batch.truth[sample, person])
        assert torch.equal(rotations[sample, person], batch.true_rotations[sample, person])
        assert not torch.equal(joints[sample, 1 - person], batch.truth[sample, 1 - person])


def test_turned_keeps_heights_and_distances() -> None:
    data = held_hands()
    stage = PairDecoderStage(small_recipe(), data, data, Accelerator(cpu=True))
    torch.manual_seed(3)
    batch = stage.batch(0)
    lowest = data.truth[..., 1].min()
    assert float(batch.truth[..., 1].min()) >= float(lowest) - 1e-6
    quarter = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    x = torch.zeros(1, 2, 1, 22, 3)
    x[..., 2] = 1.0
    assert torch.equal(turned(x, quarter)[0, 0, 0, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_windows_longer_than_every_clip_are_refused() -> None:
    data = held_hands(frames=24)
    with pytest.raises(InputError, match="no clip has 32 frames"):
        PairDecoderStage(small_recipe(), data, data, Accelerator(cpu=True))


# ---------------------------------------------------------------- in a model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a pair decoder of random weights."""
    return save_tiny_with_pair_decoder(tmp_path_factory.mktemp("corrected"))


def test_both_decoded_persons_go_through_it(folder: Path) -> None:
    model = load_model(folder, FakeTextEncoder())
    made = model.generate(["two people bow"], 24, seed=3)[0]
    features = np.stack(model.codec.decode(list(torch.from_numpy(made.tokens.astype(np.int64)))))
    joints = torch.from_numpy(features[..., :66].reshape(1, 2, 24, 22, 3))
    rotations = torch.from_numpy(features[..., 132:258].reshape(1, 2, 24, 21, 6))
    expected, expected_rotations = (
        part[0].detach().numpy() for part in random_pair_decoder()(joints, rotations)
    )
    np.testing.assert_allclose(made.joints, expected, atol=1e-5)
    np.testing.assert_allclose(made.rotations6d, expected_rotations, atol=1e-5)
    pairs = model.codec.decode_pairs([torch.from_numpy(made.tokens.astype(np.int64))])[0]
    steps = np.diff(pairs[..., :66], axis=1)
    np.testing.assert_allclose(pairs[:, :-1, 66:132], steps, atol=1e-6)


def test_the_batch_changes_no_bit(folder: Path) -> None:
    model = load_model(folder, FakeTextEncoder())
    together = model.generate(["a", "b", "c"], [24, 24, 32], seeds=[1, 2, 3])
    alone = model.generate(["b"], 24, seed=2)[0]
    assert same(together[1], alone)


def test_a_partner_is_made_for_the_given_motion_itself(folder: Path) -> None:
    """Two given motions with the same tokens but other wrists: only the pair decoder sees the difference."""
    model = load_model(folder, FakeTextEncoder())
    joints, rotations = moving_pair(24)
    first = model.react(joints[0], ["they shake hands"], 0, rotations[0], seed=5)[0]
    np.testing.assert_array_equal(first.joints[0], joints[0])
    plain = load_model(folder, FakeTextEncoder())
    plain.codec.pair_decoder = None
    uncorrected = plain.react(joints[0], ["they shake hands"], 0, rotations[0], seed=5)[0]
    assert np.array_equal(first.tokens, uncorrected.tokens)
    assert not np.allclose(first.joints[1], uncorrected.joints[1])


@pytest.mark.slow
def test_a_bundle_says_whether_it_has_one(folder: Path, tmp_path: Path) -> None:
    bundle = load_bundle(folder)
    assert bundle.info.pair_decoder == TINY_PAIR_DECODER and bundle.pair_decoder is not None
    (folder / "pair_decoder.safetensors").rename(tmp_path / "moved")
    try:
        with pytest.raises(MissingError, match=r"pair_decoder.safetensors: not found; get the bundle again"):
            load_bundle(folder)
    finally:
        (tmp_path / "moved").rename(folder / "pair_decoder.safetensors")
    with pytest.raises(InputError, match="disagree"):
        save_bundle(
            tmp_path / "wrong", bundle.info, bundle.tokenizer, bundle.transformer, bundle.normalizer, ""
        )
