"""The tokenizer's published loss terms against the recorded ones."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.training.tokenizer.losses import (
    CRITERIA,
    published_interhuman_terms,
    published_interx_terms,
)
from tests.helpers.parity_comparing import assert_close

pytestmark = pytest.mark.parity

GOLDEN_NAMES = {
    "reconstruction": "rec",
    "position": "explicit",
    "motion": "vel",
    "bone": "bn",
    "rotation": "geo",
    "foot": "fc",
}


def _tensors(golden, prefix, names):
    return [torch.from_numpy(golden[f"{prefix}/{name}"]) for name in names]


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
@pytest.mark.parametrize("prefix", ["ih", "ix"])
def test_terms(load, prefix, criterion):
    golden = load("model/vq_losses.npz")
    if prefix == "ih":
        terms = published_interhuman_terms(
            *_tensors(golden, "ih", ("pred", "motion", "mean", "std")), CRITERIA[criterion]
        )
    else:
        terms = published_interx_terms(
            *_tensors(golden, "ix", ("pred", "motion", "pred_joints", "joints")), CRITERIA[criterion]
        )
    assert set(terms) == set(GOLDEN_NAMES)
    for name, value in terms.items():
        expected = golden[f"{prefix}/{criterion}/{GOLDEN_NAMES[name]}"]
        assert_close(value, expected, rtol=1e-4, what=name)
