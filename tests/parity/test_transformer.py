"""The transformer against recorded logits and activations of the published one, and the plain oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from intermask_cli.models.published import load_transformer
from tests.helpers.parity_comparing import assert_close
from tests.oracles import plain_transformer

pytestmark = pytest.mark.parity
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


@pytest.fixture(params=["interhuman", "interx"])
def dataset(request):
    return request.param


@pytest.fixture
def golden(dataset, load):
    return load(f"model/trans_{dataset}.npz")


@pytest.fixture
def transformer(dataset, checkpoint):
    return load_transformer(checkpoint(dataset, "transformer"))[0]


def ids_of(golden, name: str) -> Tensor:
    return torch.from_numpy(golden[name].astype(np.int64))


def lengths_of(golden) -> Tensor:
    return torch.from_numpy(golden["m_lens"].astype(np.int64))


def condition_of(golden, kind: str) -> Tensor | None:
    return torch.from_numpy(golden["cond"]) if kind == "cond" else None


def assert_logits(logits: Tensor, expected: np.ndarray, valid: np.ndarray | None = None) -> None:
    expected = expected.transpose(0, 2, 1)
    assert tuple(logits.shape) == expected.shape
    keep = np.ones(expected.shape[:2], dtype=bool) if valid is None else valid
    assert_close(logits[keep], expected[keep], **CLOSE)


@pytest.mark.parametrize("kind", ["cond", "uncond"])
@torch.inference_mode()
def test_logits_without_padding(transformer, golden, kind):
    ids = ids_of(golden, "ids_nopad")
    expected = golden[f"logits_nopad_{kind}"]
    assert_logits(transformer(ids, condition_of(golden, kind)), expected)
    full = torch.full((len(ids),), ids.shape[1] // 10)
    assert_logits(transformer(ids, condition_of(golden, kind), full), expected)


@pytest.mark.parametrize("kind", ["cond", "uncond"])
@torch.inference_mode()
def test_logits_with_padding(transformer, golden, kind):
    logits = transformer(ids_of(golden, "ids_pad"), condition_of(golden, kind), lengths_of(golden))
    assert_logits(logits, golden[f"logits_pad_{kind}"], golden["padding_mask"] == 0)


@torch.inference_mode()
def test_guided_logits_from_prepared_conditions(transformer, golden):
    ids, lengths, scale = ids_of(golden, "ids_pad"), lengths_of(golden), float(golden["cfg_scale"])
    with_text = transformer(ids, transformer.prepare(condition_of(golden, "cond")), lengths)
    without = transformer(ids, transformer.prepare(None), lengths)
    guided = without + scale * (with_text - without)
    assert_logits(guided, golden["logits_pad_cfg"], golden["padding_mask"] == 0)


@torch.inference_mode()
def test_zero_condition_is_unconditional(transformer, golden):
    zeros = torch.zeros_like(torch.from_numpy(golden["cond"]))
    assert_logits(transformer(ids_of(golden, "ids_nopad"), zeros), golden["logits_nopad_uncond"])


def separator_in_the_middle(x: Tensor) -> Tensor:
    """Ours (B, 10n + 1, d), separator last -> the fixtures' (10n + 1, B, d)."""
    half = x.shape[1] // 2
    return torch.cat([x[:, :half], x[:, -1:], x[:, half:-1]], dim=1).transpose(0, 1)


def recorded(name: str, output: Tensor) -> Tensor:
    """Our module output in the layout of the recorded activation `name`."""
    if "/person" in name:
        return output[:, int(name[-1]) - 1].transpose(0, 1)
    if name == "cond_emb":
        return output
    if name == "transformer":
        return output[:, :-1].transpose(0, 1)
    return separator_in_the_middle(output)


def module_of(transformer, name: str) -> torch.nn.Module:
    path = name.partition("/")[0].replace("block", "Transformer.blocks.")
    last = f"Transformer.blocks.{transformer.config.layers - 1}"
    return transformer.get_submodule(last if name == "transformer" else path)


def valid_positions(golden, positions: int) -> np.ndarray:
    """(positions, B) of valid tokens; the separator, if there, is valid."""
    valid = (golden["padding_mask"] == 0).T
    half = len(valid) // 2
    if positions == half:
        return valid[:half]
    if positions == len(valid):
        return valid
    return np.concatenate([valid[:half], np.ones_like(valid[:1]), valid[half:]])


@torch.inference_mode()
def test_every_recorded_activation(transformer, golden):
    names = [name[4:] for name in golden if name.startswith("act/")]
    if not names:
        pytest.skip("no activations recorded")
    seen: dict[str, Tensor] = {}
    for name in names:
        module_of(transformer, name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.__setitem__(name, output)
        )
    transformer(ids_of(golden, "ids_pad"), condition_of(golden, "cond"), lengths_of(golden))
    for name in names:
        actual, expected = recorded(name, seen[name]), golden[f"act/{name}"]
        assert tuple(actual.shape) == expected.shape, name
        keep = slice(None) if name == "cond_emb" else valid_positions(golden, len(expected))
        assert_close(actual[keep], expected[keep], **CLOSE, what=name)


def test_position_table(transformer, golden):
    expected = golden["pos_enc_2d"]
    table = transformer.position_enc.table(expected.shape[1], torch.zeros(()))
    assert_close(table, expected, **CLOSE)


@torch.inference_mode()
def test_the_oracle_itself(transformer, golden):
    """The plain version other tests and the benchmarks lean on agrees with the recorded logits."""
    condition = torch.from_numpy(golden["cond"])
    logits = plain_transformer.forward(
        transformer.state_dict(),
        ids_of(golden, "ids_pad"),
        condition,
        lengths_of(golden),
        transformer.config.heads,
    )
    assert_logits(logits, golden["logits_pad_cond"], golden["padding_mask"] == 0)
