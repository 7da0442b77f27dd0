"""InterCLIP against golden embeddings (atol 2e-5, motion output before normalisation 5e-5)."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from evaluators.networks.clip_vocabulary import load_clip_vocabulary
from evaluators.networks.interclip import pair_input, sinusoids
from evaluators.networks.published import interclip_from_state
from intermask_cli.errors import MissingError
from intermask_cli.models.text_encoders import CLIP_HUB_ID
from tests.helpers.parity_comparing import assert_close, assert_equal
from tests.oracles.contrastive_loss import contrastive_loss

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def model(load, parity_file):
    config = load("evaluation/interclip_config.json")["config"]
    state = load_file(parity_file("evaluation/interclip_reduced.safetensors"))
    return interclip_from_state(
        state, text_heads=config["text_heads"], motion_heads=config["motion_heads"]
    ).eval()


@pytest.fixture(scope="module")
def golden(load):
    return load("evaluation/interclip.npz")


def tensors(golden, *names):
    return [torch.from_numpy(np.array(golden[name])) for name in names]


def test_released_names_and_shapes_load_strictly(model, load):
    shapes = {f"model.{name}": list(value.shape) for name, value in model.state_dict().items()}
    assert_equal(shapes, load("evaluation/interclip_config.json")["tensors"])


def test_positions_are_the_stored_ones(model):
    table = model.motion_encoder.sequence_pos_encoder.pe
    assert_close(sinusoids(*table.shape), table, atol=2e-4)


@torch.no_grad()
def test_text_embeddings(model, golden):
    (ids,) = tensors(golden, "token_ids")
    assert_close(model.embed_text(ids), golden["text_emb"], atol=2e-5)


@torch.no_grad()
def test_motion_embeddings(model, golden):
    motion1, motion2, lengths = tensors(golden, "motion1", "motion2", "lengths")
    assert_close(model.embed_motion(motion1, motion2, lengths), golden["motion_emb"], atol=2e-5)
    raw = model.motion_encoder(pair_input(motion1, motion2), lengths)
    assert_close(raw, golden["motion_emb_unscaled"], atol=5e-5)


@torch.no_grad()
def test_sorted_and_cut_batches_give_the_same(model, golden):
    motion1, motion2, lengths, ids = tensors(golden, "motion1", "motion2", "lengths", "token_ids")
    order = torch.from_numpy(np.array(golden["order"]))
    longest = int(lengths.max())
    cut = model.embed_motion(motion1[order, :longest], motion2[order, :longest], lengths[order])
    assert_close(cut, golden["wrapper_motion_emb"], atol=2e-5)
    assert_close(model.embed_text(ids[order]), golden["wrapper_text_emb"], atol=2e-5)


def test_training_loss(model, golden):
    text, motion = tensors(golden, "text_emb", "motion_emb")
    total, from_text, from_motion = contrastive_loss(text, motion, model.latent_scale.detach())
    assert_close(model.latent_scale, golden["latent_scale"])
    assert_close(total, golden["loss_total"], rtol=1e-5)
    assert_close(from_text, golden["loss_from_text"], rtol=1e-5)
    assert_close(from_motion, golden["loss_from_motion"], rtol=1e-5)


def test_token_ids_of_the_public_vocabulary(load):
    """Needs CLIP's vocabulary: a folder in INTERMASK_CLIP, or the hub's cache."""
    cases = load("evaluation/clip_token_ids.json")
    try:
        vocabulary = load_clip_vocabulary(os.environ.get("INTERMASK_CLIP", CLIP_HUB_ID))
    except MissingError as error:
        pytest.skip(f"no CLIP vocabulary: set INTERMASK_CLIP to its folder ({error})")
    ids = vocabulary([case["caption"] for case in cases])
    for row, case in zip(ids.tolist(), cases, strict=True):
        assert row == case["ids"] + [0] * (len(row) - len(case["ids"]))
