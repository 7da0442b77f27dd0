"""Recorded sampled ids of both persons, decoded to motion as the published code decodes a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from intermask_cli.models.published import load_tokenizer
from intermask_cli.models.tokenizer import GraphLayer
from tests.helpers.parity_comparing import assert_close

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("dataset", ["interhuman", "interx"])
@torch.inference_mode()
def test_sampled_ids_to_motion(dataset, load, checkpoint):
    golden = load(f"model/endtoend_{dataset}.npz")
    tokenizer = load_tokenizer(checkpoint(dataset, "tokenizer"))[0]
    for module in tokenizer.modules():
        if isinstance(module, GraphLayer):
            module.first_sample_only = True
    pair = torch.from_numpy(golden["final_ids"].astype(np.int64)).unflatten(1, (2, 5, -1))
    for person in (0, 1):
        expected = golden[f"person{person + 1}_batch"]
        assert_close(tokenizer.decode(pair[:, person]), expected, atol=2e-4, rtol=1e-4)
