"""The trained text layers on recorded encoder states."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from intermask_cli.models.published import load_transformer
from intermask_cli.models.text_encoders import TextStates
from tests.helpers.parity_comparing import assert_close

pytestmark = pytest.mark.parity
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["interhuman", "interx"])
@torch.inference_mode()
def test_states_to_condition_to_logits(dataset, load, checkpoint):
    golden = load(f"model/trans_{dataset}.npz")
    transformer = load_transformer(checkpoint(dataset, "transformer"))[0]
    states = torch.from_numpy(golden["text/clip_last_hidden"])
    end = torch.from_numpy(golden["text/eot_index"].astype(np.int64))
    everything = torch.ones(states.shape[:2], dtype=torch.bool)

    assert_close(transformer.clipTrans(states), golden["text/clipTrans_out"], **CLOSE)
    condition = transformer.condition(TextStates(states, everything, end))
    assert_close(condition, golden["text/text_feature"], **CLOSE)
    assert_close(transformer.cond_emb(condition), golden["text/cond_embedding"], **CLOSE)
    logits = transformer(torch.from_numpy(golden["text/ids"].astype(np.int64)), condition)
    assert_close(logits.transpose(1, 2), golden["text/logits"], **CLOSE)
