"""The Inter-X evaluator: padding, velocities, lengths and its released file."""

from __future__ import annotations

import pytest
import torch

from evaluators.networks.interx import InterXEvaluator, frames_from_pair
from evaluators.networks.published import read_interx
from intermask_cli.errors import InputError
from tests.helpers.tiny_evaluator import TINY_INTERX


@pytest.fixture()
def model():
    torch.manual_seed(0)
    return InterXEvaluator(TINY_INTERX).eval()


def pairs(batch=3, frames=60):
    return torch.randn(batch, frames, 56, 12, generator=torch.Generator().manual_seed(1))


def test_only_the_translation_velocities_are_removed():
    pair = pairs(1, 4)
    kept = frames_from_pair(pair).reshape(pair.shape)
    assert (kept[..., 55, [3, 4, 5, 9, 10, 11]] == 0).all()
    kept[..., 55, [3, 4, 5, 9, 10, 11]] = pair[..., 55, [3, 4, 5, 9, 10, 11]]
    torch.testing.assert_close(kept, pair)


@torch.no_grad()
def test_zero_padding_is_part_of_the_input(model):
    pair, lengths = pairs(), torch.tensor([60, 40, 21])
    padded = torch.nn.functional.pad(pair, (0, 0, 0, 0, 0, 90))
    torch.testing.assert_close(model.embed_motion(pair, lengths), model.embed_motion(padded, lengths))
    assert model.movements(padded).shape == (3, 37, 8)


@torch.no_grad()
def test_batch_and_order_change_nothing(model):
    pair, lengths = pairs(), torch.tensor([40, 60, 21])
    together = model.embed_motion(pair, lengths)
    for i in range(3):
        torch.testing.assert_close(
            model.embed_motion(pair[i : i + 1], lengths[i : i + 1]), together[i : i + 1]
        )


@torch.no_grad()
def test_words_after_the_caption_are_ignored(model):
    generator = torch.Generator().manual_seed(2)
    words, kinds = torch.randn(2, 9, 20, generator=generator), torch.zeros(2, 9, 15)
    kinds[..., 3] = 1
    lengths = torch.tensor([5, 9])
    before = model.embed_text(words, kinds, lengths)
    words[0, 5:] = 7
    torch.testing.assert_close(model.embed_text(words, kinds, lengths), before)
    kinds[0, 0] = torch.eye(15)[5]
    assert (model.embed_text(words, kinds, lengths)[0] - before[0]).abs().max() > 1e-4


def test_motions_shorter_than_a_step_are_refused(model):
    with pytest.raises(ValueError, match="a motion has 3 frames"):
        model.embed_motion(pairs(1, 3), torch.tensor([3]))


def test_the_released_file_loads(tmp_path, model):
    path = tmp_path / "finest.tar"
    parts = {
        name: getattr(model, name).state_dict()
        for name in ("movement_encoder", "motion_encoder", "text_encoder")
    }
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-4}]}
    torch.save({**parts, "opt_text_encoder": optimizer, "epoch": 9, "iter": 3}, path)
    loaded = read_interx(path)
    assert loaded.config == TINY_INTERX
    for key, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value)
    torch.save({"text_encoder": parts["text_encoder"]}, path)
    with pytest.raises(InputError, match="lacks movement_encoder, motion_encoder"):
        read_interx(path)
    torch.save({**parts, "motion_encoder": None}, path)
    with pytest.raises(InputError, match="'motion_encoder' is a NoneType"):
        read_interx(path)
    del parts["text_encoder"]["pos_emb.weight"]
    torch.save(parts, path)
    with pytest.raises(InputError, match=r"no 'text_encoder\.pos_emb\.weight'"):
        read_interx(path)
