"""The tokenizer against recorded encodings, decodings and activations of the published one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.models.published import load_tokenizer
from intermask_cli.models.tokenizer import Tokenizer, Upsample
from tests.helpers.parity_comparing import assert_close as assert_within
from tests.helpers.parity_comparing import assert_same
from tests.helpers.published_batches import send_messages_in_first_sample_only

pytestmark = pytest.mark.parity
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


@pytest.fixture(params=["interhuman", "interx"])
def dataset(request):
    return request.param


@pytest.fixture
def golden(dataset, load):
    return load(f"model/vq_{dataset}.npz")


@pytest.fixture
def tokenizer(dataset, checkpoint):
    return load_tokenizer(checkpoint(dataset, "tokenizer"))[0]


@pytest.fixture
def batched(tokenizer):
    send_messages_in_first_sample_only(tokenizer)
    return tokenizer


def floats(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def indices(array: np.ndarray) -> Tensor:
    """(B, 5n, q) of any integer type, q quantiser layers."""
    return torch.from_numpy(array.astype(np.int64))


def code_vectors(tokenizer: Tokenizer, ids: Tensor) -> Tensor:
    """(B, 5n, q) -> (q, B, 5n, C)."""
    layers = zip(tokenizer.quantizer.layers, ids.unbind(-1), strict=True)
    return torch.stack([layer.lookup(one) for layer, one in layers])


def decoded(tokenizer: Tokenizer, ids: Tensor) -> Tensor:
    """Motion of (B, 5n, q); with one layer through `decode`, which knows layer 0 only."""
    if ids.shape[-1] == 1:
        return tokenizer.decode(ids[..., 0].unflatten(1, (5, -1)))
    latents = code_vectors(tokenizer, ids).sum(0).transpose(1, 2)
    return tokenizer.decode_latents(latents.unflatten(2, (5, -1)))


def all_indices(tokenizer: Tokenizer, motion: Tensor) -> Tensor:
    """(B, 5n, q) of every quantiser layer."""
    vectors = tokenizer.latents(motion).permute(0, 2, 3, 1).flatten(0, 2)
    return tokenizer.quantizer(vectors).ids.unflatten(0, (len(motion), -1))


def assert_ids(actual: Tensor, expected: np.ndarray) -> None:
    """Token map (B, 5, n) against layer 0 of (B, 5n, q)."""
    assert_same(actual.flatten(1), expected[..., 0])


def assert_close(actual: Tensor, expected: np.ndarray) -> None:
    assert_within(actual, expected, **CLOSE)


@torch.inference_mode()
def test_network_input_latents_and_indices(batched, golden):
    motion = floats(golden["motion"])
    assert_close(batched.pack(motion), golden["preprocessed"])
    assert_close(batched.latents(motion), golden["latent"])
    assert_ids(batched.encode(motion), golden["code_idx"])
    assert_same(all_indices(batched, motion), golden["code_idx"])


@torch.inference_mode()
def test_decoding_and_code_vectors(batched, golden):
    ids = indices(golden["code_idx"])
    assert_close(code_vectors(batched, ids).transpose(2, 3), golden["all_codes"])
    assert_close(decoded(batched, ids), golden["decoded"])


@torch.inference_mode()
def test_full_pass_in_eval_mode(batched, golden):
    out = batched(floats(golden["motion"]))
    assert_close(out.reconstruction, golden["forward_recon"])
    assert_within(out.commitment, golden["forward_commit"], rtol=1e-4)
    assert_within(out.perplexity, golden["forward_perplexity"], rtol=1e-4)
    assert_ids(out.ids, golden["code_idx"])


@torch.inference_mode()
def test_one_sample_alone_and_in_a_batch(tokenizer, golden):
    """Our default gives for every sample of a batch what the published code gives for it alone."""
    motion = floats(golden["motion"])
    expected = golden["code_idx_sample1_alone"]
    assert_ids(tokenizer.encode(motion[1:2]), expected)
    assert_ids(tokenizer.encode(motion)[1:2], expected)
    ids = indices(golden["code_idx"])  # the recorded decoding is of the batch's row 1, decoded alone
    assert_close(decoded(tokenizer, ids[1:2]), golden["decoded_sample1_alone"])
    assert_close(decoded(tokenizer, ids)[1:2], golden["decoded_sample1_alone"])


@torch.inference_mode()
def test_frames_not_a_multiple_of_four(batched, golden):
    assert_ids(batched.encode(floats(golden["motion_odd"])), golden["code_idx_odd"])
    assert_close(decoded(batched, indices(golden["code_idx_odd"])), golden["decoded_odd"])


@torch.inference_mode()
def test_padding_ids_are_zero_latents(batched, golden):
    assert_close(decoded(batched, indices(golden["code_idx_with_pad"])), golden["decoded_with_pad"])


@torch.inference_mode()
def test_decoder_alone(batched, golden):
    ids = indices(golden["random_idx"])
    assert_close(code_vectors(batched, ids), golden["random_codes"])
    assert_close(decoded(batched, ids), golden["random_decoded"])


def test_upsampling_rows(tokenizer, golden):
    tables = [module.rows.numpy() for module in tokenizer.modules() if isinstance(module, Upsample)]
    assert_same(tables[0], golden["upsample_joint_map_1"])
    assert_same(tables[1], golden["upsample_joint_map_2"])


@torch.inference_mode()
def test_every_recorded_activation(batched, golden):
    names = [name for name in golden if name.startswith("act/")]
    if not names:
        pytest.skip("no activations recorded")
    seen: dict[str, Tensor] = {}
    modules = dict(batched.named_modules())
    for name in names:
        modules[name[4:]].register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.__setitem__(name, output)
        )
    batched(floats(golden["motion"]))
    for name in names:
        output = seen[name][:1]
        assert_close(output.permute(0, 3, 2, 1) if "gcn" in name else output, golden[name])
