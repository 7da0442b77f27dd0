"""The loaded model: equal to a hand-written path, given motion is kept, results are free of the batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from intermask_cli import load_model
from intermask_cli.config import SamplingConfig, TokenizerConfig, TransformerConfig
from intermask_cli.errors import InputError
from intermask_cli.inference.growing_clip import (
    GrowingClip,
    blank_pair,
    features_in,
    frames_at,
)
from intermask_cli.inference.inputs import given_motion
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel
from intermask_cli.inference.windows import Window, plan_phases, plan_windows
from intermask_cli.models.bundle import Bundle, load_bundle
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.placement import pair_frames
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.rotation import (
    matrix_about_y,
)
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import moving_pair, same
from tests.helpers.paths import ROOT
from tests.helpers.tiny import CODES, save_tiny
from tests.oracles.plain_sampler import plain_sample

TEXTS = ["two people bow", "they hug", "the first person kicks", "both dance", "one waves"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder: Path) -> InteractionModel:
    return load_model(folder, FakeTextEncoder())


# ---------------------------------------------------------------- generate


def test_generate_equals_the_plain_path(folder: Path, model: InteractionModel) -> None:
    """Text head, plain sampling loop, decoder and statistics called one after the other, by hand."""
    made = model.generate(["they hug"], frames=27, seed=11)[0]
    bundle, n = load_bundle(folder), 6
    with torch.no_grad():
        condition = bundle.transformer.condition(FakeTextEncoder().encode(["they hug"]))
        ids = plain_sample(
            lambda x: bundle.transformer(x, condition),
            lambda x: bundle.transformer(x, None),
            torch.full((1, 10 * n), -1),
            torch.ones(1, 10 * n, dtype=torch.bool),
            [torch.Generator().manual_seed(11)],
            CODES,
            steps=6,
        )
        tokens = ids.view(2, 5, n)
        motion = bundle.tokenizer.decode(tokens).numpy()
    assert np.array_equal(made.tokens, tokens.numpy())
    assert bundle.normalizer is not None
    features = motion * bundle.normalizer.std + bundle.normalizer.mean
    np.testing.assert_allclose(made.joints, features[..., :66].reshape(2, 24, 22, 3), atol=1e-4)
    assert made.rotations6d is not None
    np.testing.assert_allclose(made.rotations6d, features[..., 132:258].reshape(2, 24, 21, 6), atol=1e-4)
    assert (made.text, made.seed, made.frames, made.given) == ("they hug", 11, 24, None)


def test_arrays_have_the_promised_types(model: InteractionModel) -> None:
    made = model.generate(TEXTS[:2], frames=[16, 20])
    for one, frames in zip(made, (16, 20), strict=True):
        assert one.rotations6d is not None
        assert (one.joints.shape, one.joints.dtype) == ((2, frames, 22, 3), np.float32)
        assert (one.rotations6d.shape, one.rotations6d.dtype) == ((2, frames, 21, 6), np.float32)
        assert (one.tokens.shape, one.tokens.dtype) == ((2, 5, frames // 4), np.int16)
    assert model.generate("they hug")[0].frames == model.default_frames == 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threads", "size", "draw"),
    [(1, 1, "categorical"), (1, 3, "gumbel"), (2, 3, "categorical"), (2, 1, "gumbel")],
)
def test_bytes_depend_on_nothing_else(model: InteractionModel, threads: int, size: int, draw: str) -> None:
    """Eight samples of mixed lengths at once on one thread, against smaller batches on more threads."""
    sampling = SamplingConfig(steps=3, draw=draw)
    texts, seeds = [TEXTS[i % 5] for i in range(8)], [3, 1, 4, 15, 9, 2, 6, 5]
    frames = [16, 24, 16, 40, 24, 16, 12, 16]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        base = model.generate(texts, frames, seeds=seeds, sampling=sampling)
        torch.set_num_threads(threads)
        for start in range(0, 8, size):
            part = slice(start, start + size)
            made = model.generate(texts[part], frames[part], seeds=seeds[part], sampling=sampling)
            assert all(map(same, made, base[part])), start
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_seed_text_and_length_change_the_result(model: InteractionModel) -> None:
    base = model.generate(["they hug"], 24, seed=1)[0]
    assert same(base, model.generate(["they hug"], 24, seed=1)[0])
    assert same(base, model.generate(["other", "they hug"], 24, seeds=[0, 1])[1])
    assert not same(base, model.generate(["they hug"], 24, seed=2)[0])
    assert not same(base, model.generate(["they part"], 24, seed=1)[0])
    assert not np.array_equal(base.tokens[..., :4], model.generate(["they hug"], 16, seed=1)[0].tokens)


def test_sampling_settings_reach_the_sampler(model: InteractionModel) -> None:
    base = model.generate(["they hug"], 24, seed=1)[0]
    assert same(base, model.generate(["they hug"], 24, seed=1, sampling=SamplingConfig(steps=6))[0])
    for change in (
        {"steps": 5},
        {"guidance": 1.0},
        {"guidance": 0.0},
        {"guidance": 5.0},
        {"temperature": 3.0},
    ):
        sampling = SamplingConfig(**{"steps": 6, **change})
        assert not same(base, model.generate(["they hug"], 24, seed=1, sampling=sampling)[0]), change


def test_without_guidance_the_text_does_not_matter(model: InteractionModel) -> None:
    sampling = SamplingConfig(steps=4, guidance=0.0)
    a, b = (model.generate([text], 24, seed=1, sampling=sampling)[0] for text in TEXTS[:2])
    assert same(a, b)


@pytest.mark.parametrize(
    ("interval", "passes"), [((0.0, 1.0), 7), ((0.6, 1.0), 5), ((0.99, 1.0), 4), ((0.2, 0.9), 6)]
)
def test_guidance_in_an_interval_costs_the_passes_of_its_steps(
    model: InteractionModel,
    interval: tuple[float, float],
    passes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four steps have 1, 0.87, 0.5 and 0 of the tokens masked; the first unconditional pass is kept."""
    transformer = model.filler.transformer
    model.generate([TEXTS[0]], 24)  # keeps it
    calls = []
    forward = transformer.forward
    monkeypatch.setattr(transformer, "forward", lambda *a, **k: (calls.append(1), forward(*a, **k))[1])
    (made,) = model.generate(
        [TEXTS[0]], 24, seed=1, sampling=SamplingConfig(steps=4, guidance_interval=interval)
    )
    assert len(calls) == passes
    alike = model.generate([TEXTS[0]], 24, seed=1, sampling=SamplingConfig(steps=4))[0]
    assert same(made, alike) == (interval == (0.0, 1.0))


def test_an_interval_without_steps_leaves_guidance_out(model: InteractionModel) -> None:
    made, plain = (
        model.generate(["they hug"], 24, seed=1, sampling={"steps": 4, **change})[0]
        for change in ({"guidance": 5.0, "guidance_interval": [0.6, 0.7]}, {"guidance": 1.0})
    )
    assert same(made, plain)


def test_bf16_runs_and_stays_near(folder: Path) -> None:
    half = load_model(folder, FakeTextEncoder(), dtype="bf16")
    made = half.generate(TEXTS[:2], 24)
    assert np.isfinite(made[0].joints).all()
    assert made[0].joints.dtype == np.float32


# ---------------------------------------------------------------- react


@pytest.mark.parametrize("person", [0, 1])
@pytest.mark.parametrize("frames", [4, 30, 57, 60])
def test_given_person_is_untouched_and_the_partner_as_long(
    model: InteractionModel, person: int, frames: int
) -> None:
    joints, rotations = moving_pair(frames)
    made = model.react(joints[0], TEXTS[:2], person, rotations[0])
    for one in made:
        assert np.array_equal(one.joints[person], joints[0])
        assert one.rotations6d is not None
        assert np.array_equal(one.rotations6d[person], rotations[0])
        assert one.joints.shape == (2, frames, 22, 3)
        assert one.given == person
        assert np.abs(one.joints[1 - person]).max() > 0
    assert not np.array_equal(made[0].joints[1 - person], made[1].joints[1 - person])


def test_given_tokens_are_the_encoding_in_the_given_persons_own_frame(model: InteractionModel) -> None:
    joints, rotations = moving_pair(24)
    made = model.react(joints[1], ["they hug"], 1, rotations[1])[0]
    features = pair_features(joints, rotations, canonical=1, keep_last=True)[1]
    assert np.array_equal(made.tokens[1], model.codec.encode([features])[0].numpy())


def test_partner_follows_the_given_person_through_the_world(model: InteractionModel) -> None:
    joints, rotations = moving_pair(30)
    turn = matrix_about_y(1.1).astype(np.float32)
    moved = joints[0] @ turn.T + np.array([3.0, 0.4, -2.0], np.float32)
    here = model.react(joints[0], ["they hug"], 0, rotations[0])[0]
    turned = model.react(moved, ["they hug"], 0, rotations[0])[0]
    assert np.array_equal(here.tokens, turned.tokens)
    expected = here.joints[1] @ turn.T + np.array([3.0, 0.4, -2.0], np.float32)
    np.testing.assert_allclose(turned.joints[1], expected, atol=2e-5)


def test_reaction_runs_half_the_steps(model: InteractionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fill = model.filler.fill

    def counted(texts, known, generators, sampling, steps, batch_size=None):
        seen.append(steps)
        return fill(texts, known, generators, sampling, steps, batch_size)

    monkeypatch.setattr(model.filler, "fill", counted)
    joints, rotations = moving_pair(16)
    model.react(joints[0], ["they hug"], 0, rotations[0], sampling=SamplingConfig(steps=7))
    model.generate(["they hug"], 16, sampling=SamplingConfig(steps=7))
    assert seen == [3, 7]


def test_rotations_are_recovered_when_missing(model: InteractionModel) -> None:
    joints, _ = moving_pair(24)
    made = model.react(joints[0], ["they hug"])[0]
    assert np.array_equal(made.joints[0], joints[0])
    assert made.rotations6d is not None
    recovered = given_motion(joints[0], None, 1).rotations6d
    assert recovered is not None
    assert np.array_equal(made.rotations6d[0], recovered[0])


def test_long_reaction_is_made_in_windows(model: InteractionModel) -> None:
    joints, rotations = moving_pair(151)
    made = model.react(joints[0], ["they hug"], 0, rotations[0])[0]
    assert np.array_equal(made.joints[0], joints[0])
    assert made.joints.shape == (2, 151, 22, 3)
    assert made.tokens.shape == (2, 5, 38)
    assert len(made.seams) >= 2
    assert (np.abs(made.joints[1]).sum(axis=(1, 2)) > 0).all()


@pytest.mark.slow
def test_reactions_do_not_depend_on_the_batch(model: InteractionModel) -> None:
    joints, rotations = moving_pair(100)
    together = model.react(joints[0], TEXTS, 1, rotations[0], seeds=[1, 2, 3, 4, 5])
    for i, text in enumerate(TEXTS):
        assert same(model.react(joints[0], [text], 1, rotations[0], seed=i + 1)[0], together[i])


# ---------------------------------------------------------------- longer than a window


@pytest.mark.parametrize(
    ("total", "longest", "overlap", "done"),
    [
        (15, 15, 4, 0),
        (16, 15, 4, 0),
        (40, 15, 4, 0),
        (200, 67, 8, 0),
        (31, 15, 7, 15),
        (9, 15, 4, 5),
        (11, 15, 2, 10),
    ],
)
def test_windows_cover_everything_once(total: int, longest: int, overlap: int, done: int) -> None:
    windows = plan_windows(total, longest, overlap, done)
    covered = done
    for i, window in enumerate(windows):
        assert window.overlap == (overlap if i or done else 0)
        assert window.start + window.overlap == covered
        assert 0 < window.stop - window.start <= longest
        assert window.stop > covered
        covered = window.stop
    assert covered == total
    fresh = [w.stop - w.start - w.overlap for w in windows[(0 if done else 1) :]]
    assert not fresh or max(fresh) - min(fresh) < len(fresh) + 1


def test_window_plan_refuses_an_overlap_without_room() -> None:
    assert plan_windows(5, 8, 0) == [Window(0, 5, 0)]
    for overlap, done in ((0, 0), (8, 0), (6, 5)):
        with pytest.raises(InputError, match="overlap"):
            plan_windows(20, 8, overlap, done)


@pytest.mark.slow
def test_long_clips_have_their_length_and_report_their_seams(model: InteractionModel) -> None:
    made = model.generate(TEXTS[:3], frames=[200, 24, 200], seeds=[1, 2, 3])
    assert [one.frames for one in made] == [200, 24, 200]
    assert [one.tokens.shape[-1] for one in made] == [50, 6, 50]
    assert made[1].seams == ()
    for seam in made[0].seams:
        assert seam.jerk > 0
        assert seam.typical_jerk > 0
    assert same(made[2], model.generate([TEXTS[2]], frames=200, seed=3)[0])


# ---------------------------------------------------------------- phases


def test_phases_are_made_one_after_the_other_each_with_its_text(
    model: InteractionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, fill = [], model.filler.fill

    def record(texts, known, *rest):
        seen.append((list(texts), known[0].shape[-1], int((known[0] >= 0).all(0).all(0).sum())))
        return fill(texts, known, *rest)

    monkeypatch.setattr(model.filler, "fill", record)
    made = model.generate(["they bow | they hug|they part"], frames=72, seed=5)[0]
    assert seen == [(["they bow"], 6, 0), (["they hug"], 10, 4), (["they part"], 10, 4)]
    assert (made.text, made.frames, made.tokens.shape) == ("they bow | they hug|they part", 72, (2, 5, 18))
    assert [(seam.frame, seam.overlap) for seam in made.seams] == [(8, 16), (32, 16)]
    alone = model.generate(["they bow"], frames=24, seed=5)[0]
    assert np.array_equal(made.tokens[..., :6], alone.tokens)
    assert np.array_equal(made.joints[:, :8], alone.joints[:, :8])  # up to the cross-fade


@pytest.mark.slow
def test_phases_do_not_depend_on_the_batch(model: InteractionModel) -> None:
    texts = ["they bow | they hug", "they hug", "they hug | they bow", "a | b | c"]
    together = model.generate(texts, frames=[64, 64, 64, 40], seeds=[1, 2, 3, 4])
    for text, frames, seed, made in zip(texts, (64, 64, 64, 40), (1, 2, 3, 4), together, strict=True):
        assert same(made, model.generate([text], frames, seed=seed)[0])
    assert not np.array_equal(together[0].tokens[..., 8:], together[2].tokens[..., 8:])


def test_reactions_and_continuations_take_phases(model: InteractionModel) -> None:
    joints, rotations = moving_pair(50)
    made = model.react(joints[1], ["they bow | they hug"], 1, rotations[1])[0]
    assert np.array_equal(made.joints[1], joints[1]) and made.frames == 50
    assert [(seam.frame, seam.overlap) for seam in made.seams] == [(8, 16)]
    longer = model.extend(made, "they part | they bow", 48, seed=1, overlap=12)
    assert [seam.frame for seam in longer.seams] == [8, 50, 58]


def test_a_long_phase_is_made_in_windows() -> None:
    plan = plan_phases(60, [1, 1], longest=15, overlap=4)
    assert {phase for phase, _ in plan} == {0, 1}
    assert [window.stop for phase, window in plan if phase == 0][-1] == 30
    assert [window.overlap for phase, window in plan if phase == 1] == [4, 4, 4]
    assert plan_phases(22, [1, 1], longest=15, overlap=6)[1] == (1, Window(7, 22, 4))


@pytest.mark.parametrize(
    ("text", "frames", "reason"),
    [
        ("they bow |", 40, "a phase without words"),
        ("| |", 40, "a phase without words"),
        ("a | b | c", 8, "8 frames for 3 phases; accepted: 12 or more"),
    ],
)
def test_phases_without_words_or_frames_are_refused(
    model: InteractionModel, text: str, frames: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        model.generate([text], frames)


def test_one_given_stretch_takes_one_phase(model: InteractionModel) -> None:
    joints, rotations = moving_pair(32)
    with pytest.raises(InputError, match="several phases; accepted"):
        model.edit(joints, ["they bow | they hug"], rotations6d=rotations)


def test_extend_keeps_what_was_there(model: InteractionModel) -> None:
    start = model.generate(["they hug"], 40, seed=1)[0]
    longer = model.extend(start, "they part", 61, seed=2, overlap=12)
    assert longer.frames == 100
    assert np.array_equal(longer.joints[:, :40], start.joints)
    assert np.array_equal(longer.rotations6d[:, :40], start.rotations6d)
    assert np.array_equal(longer.tokens[..., :10], start.tokens)
    assert longer.kept[:, :40].all() and not longer.kept[:, 40:].any()
    assert longer.seams[0].frame == 40
    other = model.extend(start, "they wave", 61, seed=2, overlap=12)
    assert not np.array_equal(other.joints[:, 60:], longer.joints[:, 60:])
    again = model.extend(longer, "they bow", 20, seed=3)
    assert again.frames == 120
    assert again.seams[: len(longer.seams)] != ()


def test_a_dip_of_a_pair_generated_from_scratch_does_not_move_its_floor() -> None:
    joints, rotations = moving_pair(24)
    joints[..., 1] += -0.05 - joints[..., 1].min()  # one noisy frame 5 cm below the floor
    dipped = Motion(joints, rotations)
    made = GrowingClip(blank_pair(0))
    made.append(dipped, 0, 0)
    assert [frame.floor for frame in made.frames_at(16)] == [0.0, 0.0]
    continued = GrowingClip(dipped, 24)  # somebody's own motion: where its floor is, its lowest joint says
    assert min(frame.floor for frame in continued.frames_at(16)) == pytest.approx(-0.05)


def test_continuation_starts_from_the_end_in_its_own_frame(model: InteractionModel) -> None:
    """The known tokens of a continuation are the overlap as seen from person 1 where it then stands."""
    joints, rotations = moving_pair(40)
    first = Interaction(joints, rotations, np.zeros((2, 5, 10), np.int16), "", None)
    seen: list[torch.Tensor] = []
    fill = model.filler.fill

    def watched(texts, known, generators, sampling, steps, batch_size=None):
        seen.extend(known)
        return fill(texts, known, generators, sampling, steps, batch_size)

    model.filler.fill = watched  # type: ignore[method-assign]
    try:
        model.extend(first, "they hug", 16, overlap=16)
    finally:
        model.filler.fill = fill  # type: ignore[method-assign]
    part = slice(24, 40)
    here = pair_frames(joints[:, part])[0]
    assert seen[0].shape == (2, 5, 8)
    assert (seen[0][:, :, 4:] == -1).all()
    whole = frames_at(Motion(joints, rotations), 24)
    assert (whole[0].yaw, whole[0].origin) == (here.yaw, here.origin)
    assert whole[0].floor == joints[0, ..., 1].min()
    expected = model.codec.encode(features_in(Motion(joints[:, part], rotations[:, part]), whole))
    assert torch.equal(seen[0][:, :, :4], torch.stack(expected))


# ---------------------------------------------------------------- in-between, edit, reconstruct


def test_in_between_keeps_both_ends_and_ignores_the_middle(model: InteractionModel) -> None:
    joints, rotations = moving_pair(48)
    made = model.in_between(joints, TEXTS[:2], 12, 8, rotations)
    for one in made:
        assert np.array_equal(one.joints[:, :12], joints[:, :12])
        assert np.array_equal(one.joints[:, 40:], joints[:, 40:])
    assert not np.array_equal(made[0].joints, made[1].joints)
    noisy, turned = joints.copy(), rotations.copy()
    noisy[:, 12:40], turned[:, 12:40] = np.nan, np.nan
    assert same(model.in_between(noisy, TEXTS[:1], 12, 8, turned)[0], made[0])
    changed = joints.copy()
    changed[:, 40:] += 0.5
    assert not same(model.in_between(changed, TEXTS[:1], 12, 8, rotations)[0], made[0])
    open_end = model.in_between(joints, TEXTS[:1], 12, 0, rotations)[0]
    assert np.array_equal(open_end.joints[:, :12], joints[:, :12])


def test_in_between_has_no_jump_at_the_borders(model: InteractionModel) -> None:
    """The random model decodes far away from the given ends; the fade must still close the gap."""
    joints, rotations = moving_pair(60)
    one = model.in_between(joints, ["they hug"], 16, 16, rotations)[0]
    decoded = model.codec.decode(list(torch.from_numpy(one.tokens.astype(np.int64))))[0]
    raw = np.abs(np.diff(decoded[:, :66], axis=0)).max()
    steps = np.abs(np.diff(one.joints[0], axis=0)).max(axis=(1, 2))
    apart = np.abs(one.joints[0, 15] - decoded[15, :66].reshape(22, 3)).max()
    assert steps[15] < raw + 0.2 * apart
    assert steps[43] < raw + 0.2 * apart


def test_edit_changes_only_what_was_asked(model: InteractionModel) -> None:
    joints, rotations = moving_pair(50)
    one = model.edit(
        joints, ["they hug"], persons=[1], rows=[3, 4], start=18, stop=30, rotations6d=rotations
    )[0]
    assert one.joints.shape == (2, 50, 22, 3)
    assert np.array_equal(one.joints[0], joints[0])
    assert np.array_equal(one.joints[1, :18], joints[1, :18])
    assert np.array_equal(one.joints[1, 30:], joints[1, 30:])
    assert (one.joints[1, 18:30] != joints[1, 18:30]).any(axis=(1, 2)).all()
    before = model.reconstruct(joints, rotations).tokens
    same_tokens = one.tokens == before
    same_tokens[1, 3:, 4:8] = True
    assert same_tokens.all()


def test_reconstruct_is_the_tokenizer_and_back(model: InteractionModel) -> None:
    joints, rotations = moving_pair(41)
    joints = joints @ matrix_about_y(0.7).T.astype(np.float32) + np.float32(1.5)
    one = model.reconstruct(joints, rotations)
    assert one.joints.shape == joints.shape
    padded = np.pad(joints, ((0, 0), (0, 3), (0, 0), (0, 0)), mode="edge")
    features = pair_features(
        padded, np.pad(rotations, ((0, 0), (0, 3), (0, 0), (0, 0)), mode="edge"), keep_last=True
    )
    tokens = model.codec.encode(list(features))
    assert np.array_equal(one.tokens, torch.stack(tokens).numpy())
    frames = pair_frames(padded)
    decoded = model.codec.decode(tokens)
    for p in (0, 1):
        expected = frames[p].to_world(decoded[p][:41, :66].reshape(41, 22, 3))
        np.testing.assert_allclose(one.joints[p], expected, atol=1e-5)


# ---------------------------------------------------------------- Inter-X, loading, errors


def test_interx_gives_features_and_stand_in_joints(tmp_path: Path) -> None:
    model = load_model(save_tiny(tmp_path / "x", "interx"), FakeTextEncoder())
    made = model.generate(TEXTS[:3], frames=[24, 16, 24], seeds=[1, 2, 3])
    assert made[0].features is not None
    assert made[0].features.shape == (2, 24, 56, 6)
    assert made[0].joints.shape == (2, 24, 55, 3)
    assert made[0].rotations6d is None
    alone = model.generate([TEXTS[2]], frames=24, seed=3)[0]
    assert alone.features is not None
    assert made[2].features is not None
    assert alone.features.tobytes() == made[2].features.tobytes()
    joints, _ = moving_pair(16)
    with pytest.raises(InputError, match="react needs a model of interhuman motion"):
        model.react(joints[0], ["x"])
    with pytest.raises(InputError, match="generates up to 60"):
        model.generate(["x"], frames=64)


def test_another_text_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="was trained with text encoder fake"):
        load_model(folder, FakeTextEncoder(dim=13))
    with pytest.raises(InputError, match="dtype is 'half'; accepted: float32, bf16"):
        load_model(folder, FakeTextEncoder(), dtype="half")


def test_wrong_input_says_what_is_accepted(model: InteractionModel) -> None:
    joints, rotations = moving_pair(24)
    bad = joints[0].copy()
    bad[3, 4, 1] = np.nan
    for call, message in [
        (lambda: model.generate([]), "no texts"),
        (lambda: model.generate(["a"], 3), "frames=3; accepted: 4 or more"),
        (lambda: model.generate(["a"], [8, 8]), "2 lengths for 1 texts"),
        (lambda: model.generate(["a"], 8, seeds=[1, 2]), "2 seeds for 1 texts"),
        (lambda: model.react(joints, ["a"]), r"joints of shape \(2, 24, 22, 3\); accepted: T, 22, 3"),
        (lambda: model.react(joints[0], ["a"], 2), "person is 2; accepted: 0 or 1"),
        (lambda: model.react(joints[0, :3], ["a"]), "3 frames; accepted: 4 or more"),
        (lambda: model.react(bad, ["a"]), "NaN or infinite"),
        (lambda: model.react(joints[0], ["a"], 0, rotations[0, :5]), "rotations6d of shape"),
        (lambda: model.in_between(joints, ["a"], 6, 4), "first=6 is not a multiple of 4"),
        (lambda: model.in_between(joints, ["a"], 0, 4), "first=0; accepted: 4 or more"),
        (lambda: model.in_between(joints, ["a"], 20, 4), "keep all of 24 frames"),
        (lambda: model.edit(joints, ["a"], rows=[7]), "accepted: one or more of rows 0-4"),
        (lambda: model.edit(joints, ["a"], start=20, stop=90), "a range within 24 frames"),
        (lambda: model.reconstruct(joints[:, :, :20]), "accepted: 2, T, 22, 3"),
        (lambda: model.edit(moving_pair(64)[0], ["a"]), "takes up to 60"),
    ]:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.slow
@pytest.mark.long
def test_default_size_samples_ten_seconds(tmp_path: Path) -> None:
    """The published sizes, random weights: 300 frames, and the same bytes for another batch size."""
    info = BundleInfo(
        name="default-size",
        tokenizer=TokenizerConfig(),
        transformer=TransformerConfig(text_dim=768),
        text_encoder={"id": FakeTextEncoder.id, "sha256": FakeTextEncoder.sha256, "dim": 768},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokenizer, transformer = (
            Tokenizer(info.tokenizer).eval(),
            InteractionTransformer(info.transformer).eval(),
        )
        tokenizer.quantizer.first.adopt(torch.randn(1024, 512))
        for parameter in transformer.parameters():
            torch.nn.init.normal_(parameter, std=0.04)
    bundle = Bundle(info, tokenizer, transformer, None, Normalizer(np.zeros(262), np.ones(262)), "", tmp_path)
    model = InteractionModel(bundle, FakeTextEncoder(768))
    sampling = SamplingConfig(steps=2)
    made = model.generate(TEXTS[:3], [300, 40, 40], seeds=[1, 2, 3], sampling=sampling)
    assert made[0].joints.shape == (2, 300, 22, 3)
    assert made[0].tokens.shape == (2, 5, 75)
    assert same(made[2], model.generate([TEXTS[2]], 40, seed=3, sampling=sampling)[0])


@pytest.mark.slow
def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, intermask_cli as im; assert im.__version__; "
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules; "
        "assert im.load_model.__name__ == 'load_model' and 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
