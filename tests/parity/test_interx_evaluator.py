"""The Inter-X evaluator against golden embeddings (atol 2e-5)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from evaluators.networks.published import interx_from_state
from tests.helpers.parity_comparing import assert_close, assert_equal

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def model(parity_file):
    return interx_from_state(load_file(parity_file("evaluation/interx_evaluator_reduced.safetensors")))


@pytest.fixture(scope="module")
def golden(load):
    return load("evaluation/interx_evaluator.npz")


def tensor(golden, name):
    return torch.from_numpy(np.array(golden[name]))


def test_released_names_and_shapes_load_strictly(model, load):
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    assert_equal(shapes, load("evaluation/interx_evaluator_config.json")["tensors"])


@torch.no_grad()
def test_movements(model, golden):
    assert_close(model.movements(tensor(golden, "motions").float()), golden["movements"], atol=2e-5)


@torch.no_grad()
def test_motion_embeddings(model, golden):
    embedded = model.embed_motion(tensor(golden, "motions").float(), tensor(golden, "lengths").long())
    assert_close(embedded[golden["order"]], golden["wrapper_motion_emb"], atol=2e-5)


@torch.no_grad()
def test_text_embeddings(model, golden):
    words, kinds = tensor(golden, "word_vectors"), tensor(golden, "pos_onehot")
    embedded = model.embed_text(words.float(), kinds, tensor(golden, "caption_lengths").long())
    assert_close(embedded[golden["order"]], golden["wrapper_text_emb"], atol=2e-5)
