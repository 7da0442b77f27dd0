"""InterCLIP's architecture: masks, order of persons, loss, and loading of released files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evaluators.networks.interclip import (
    InterClip,
    MotionEncoder,
    MotionTowerConfig,
    pair_input,
    sinusoids,
)
from evaluators.networks.published import interclip_from_state, read_interclip
from intermask_cli.errors import InputError
from tests.helpers.tiny_evaluator import TINY_INTERCLIP
from tests.oracles.contrastive_loss import contrastive_loss


@pytest.fixture()
def model():
    torch.manual_seed(0)
    return InterClip(TINY_INTERCLIP).eval()


def motions(batch=3, frames=20):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, frames, 262, generator=generator) for _ in (1, 2)]


@torch.no_grad()
def test_padding_and_batch_do_not_change_an_embedding(model):
    one, two = motions()
    lengths = torch.tensor([20, 7, 12])
    together = model.embed_motion(one, two, lengths)
    for i, length in enumerate(lengths.tolist()):
        alone = model.embed_motion(one[i : i + 1, :length], two[i : i + 1, :length], lengths[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_frames_after_the_length_are_ignored_and_the_last_frame_is_not(model):
    one, two = motions()
    lengths = torch.tensor([20, 7, 12])
    before = model.embed_motion(one, two, lengths)
    one[1, 7:] = 99.0
    torch.testing.assert_close(model.embed_motion(one, two, lengths), before, atol=1e-6, rtol=0)
    one[1, 6] += 1.0
    assert (model.embed_motion(one, two, lengths)[1] - before[1]).abs().max() > 1e-4


@torch.no_grad()
def test_contacts_are_dropped_and_persons_are_distinguished(model):
    one, two = motions()
    lengths = torch.full((3,), 20)
    before = model.embed_motion(one, two, lengths)
    changed = one.clone()
    changed[..., 258:] += 5
    torch.testing.assert_close(model.embed_motion(changed, two, lengths), before)
    assert (model.embed_motion(two, one, lengths) - before).abs().max() > 1e-3


@torch.no_grad()
def test_embeddings_have_the_length_of_the_scale(model):
    model.latent_scale.fill_(2.5)
    one, two = motions()
    embedded = model.embed_motion(one, two, torch.full((3,), 20))
    torch.testing.assert_close(embedded.norm(dim=-1), torch.full((3,), 2.5))
    ids = torch.tensor([[48, 3, 4, 49, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(model.embed_text(ids).norm(dim=-1), torch.tensor([2.5]))


@torch.no_grad()
def test_text_padding_is_attended_as_published(model):
    ids = torch.tensor([[48, 3, 4, 49, 0, 0, 0, 0, 0]])
    other = ids.clone()
    other[0, 8] = 7
    assert (model.text_output(ids) - model.text_output(other)).abs().max() > 1e-4


@torch.no_grad()
def test_patches_cover_every_frame_of_the_length():
    torch.manual_seed(0)
    encoder = MotionEncoder(MotionTowerConfig(16, 1, 4, 16, patch=4), 8, 0.0).eval()
    pair = pair_input(*motions(batch=1, frames=10))
    before = encoder(pair, torch.tensor([10]))
    moved = pair.clone()
    moved[0, 9] += 1
    assert (encoder(moved, torch.tensor([10])) - before).abs().max() > 1e-4


def test_too_many_frames_are_refused():
    encoder = MotionEncoder(MotionTowerConfig(16, 1, 4, 16, max_positions=8), 8, 0.0)
    with pytest.raises(ValueError, match="8 frames; this encoder accepts at most 7"):
        encoder(torch.zeros(1, 8, 516), torch.tensor([8]))


def test_sinusoids_follow_the_formula():
    table = sinusoids(6, 8)
    assert np.isclose(float(table[5, 2]), np.sin(5 * 10000 ** (-2 / 8)), atol=1e-6)
    assert np.isclose(float(table[5, 3]), np.cos(5 * 10000 ** (-2 / 8)), atol=1e-6)


def test_loss_agrees_with_a_plain_loop_and_is_lower_for_matching_pairs():
    generator = torch.Generator().manual_seed(0)
    text, motion = (torch.randn(5, 6, generator=generator) for _ in (1, 2))
    cosine = torch.stack([torch.stack([torch.cosine_similarity(t, m, dim=0) for m in motion]) for t in text])
    logits = 9 * cosine
    expected = -torch.stack([logits[i].log_softmax(0)[i] for i in range(5)]).mean()
    total, from_text, from_motion = contrastive_loss(text, motion, torch.tensor([3.0]))
    torch.testing.assert_close(from_text, expected)
    torch.testing.assert_close(total, (from_text + from_motion) / 2)
    assert contrastive_loss(motion, motion, torch.tensor([3.0]))[0] < total


def test_a_released_lightning_file_loads(tmp_path, model):
    path = tmp_path / "interclip.ckpt"
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "hyper_parameters": {"lr": 1e-4}}, path)
    loaded = read_interclip(path)
    assert loaded.config == TINY_INTERCLIP
    for key, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value)


class Surprise:
    pass


def test_a_file_with_foreign_objects_is_refused_and_explained(tmp_path, model):
    path = tmp_path / "interclip.ckpt"
    torch.save({"state_dict": model.state_dict(), "callbacks": Surprise()}, path)
    with pytest.raises(InputError, match=r"Surprise.*never loaded"):
        read_interclip(path)


def test_broken_missing_and_foreign_files_are_named(tmp_path, model):
    broken = tmp_path / "broken.ckpt"
    for damaged in (b"not a checkpoint", b""):
        broken.write_bytes(damaged)
        with pytest.raises(InputError, match=r"broken\.ckpt: (not a readable weights file|is an empty file)"):
            read_interclip(broken)
    foreign = tmp_path / "foreign.ckpt"
    torch.save({"state_dict": {"a": torch.zeros(1)}}, foreign)
    with pytest.raises(InputError, match="no InterCLIP tensors"):
        read_interclip(foreign)
    state = dict(model.state_dict())
    del state["out.bias"]
    with pytest.raises(InputError, match=r"1 missing \(out\.bias\)"):
        interclip_from_state(state)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("out.weight", None, "no 'out.weight'"),
        ("token_embedding.weight", None, "no 'token_embedding.weight'"),
        ("textTransEncoder.layers.0.linear1.weight", None, "no 'textTransEncoder.layers.0.linear1.weight'"),
        ("out.weight", torch.zeros(()), r"'out.weight' has shape \(\); expected 2 axes"),
        ("out.weight", 7, "'out.weight' is a int, expected names and tensors"),
        ("out.bias", torch.full((12,), torch.nan), "'out.bias' has NaN"),
        ("textTransEncoder.layers.0.linear1.weight", torch.zeros(3, 13), "width 13 .* multiple of its 8"),
    ],
)
def test_incomplete_and_hostile_interclip_files_are_refused_in_one_line(tmp_path, model, key, value, words):
    state = {**model.state_dict(), key: value}
    path = tmp_path / "interclip.ckpt"
    torch.save({"state_dict": {k: v for k, v in state.items() if v is not None}}, path)
    with pytest.raises(InputError, match=words):
        read_interclip(path)
