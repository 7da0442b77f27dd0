"""Recorded sampled ids of both persons, decoded to motion as the published code decodes a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from intermask_cli.models.published import load_tokenizer
from tests.helpers.parity_comparing import assert_close
from tests.helpers.published_batches import send_messages_in_first_sample_only

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("dataset", ["interhuman", "interx"])
@torch.inference_mode()
def test_sampled_ids_to_motion(dataset, load, checkpoint):
    golden = load(f"model/endtoend_{dataset}.npz")
    tokenizer = load_tokenizer(checkpoint(dataset, "tokenizer"))[0]
    send_messages_in_first_sample_only(tokenizer)
    pair = torch.from_numpy(golden["final_ids"].astype(np.int64)).unflatten(1, (2, 5, -1))
    for person in (0, 1):
        expected = golden[f"person{person + 1}_batch"]
        assert_close(tokenizer.decode(pair[:, person]), expected, atol=2e-4, rtol=1e-4)
