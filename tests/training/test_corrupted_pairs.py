"""Corrupted pairs: which tokens a clip keeps, what they depend on, and their true motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from intermask_cli.config import SamplingConfig
from intermask_cli.errors import InputError
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.training.config import PairDecoderTrainConfig
from intermask_cli.training.pair_decoder.corrupted_pairs import PairCorruptor, cached_maps, draw_clips
from intermask_cli.training.sources.pairs import PairSource
from intermask_cli.training.sources.source import ClipCaption, ClipText
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import moving_pair
from tests.helpers.tiny import CODES, tiny_info, tiny_parts


class Clip:
    def __init__(self, number: int, frames: int):
        self.joints, self.rotations6d = moving_pair(frames, number)


class Clips(PairSource[Clip]):
    def text(self, index: int) -> ClipText:
        return ClipText((ClipCaption(f"clip {index}"),))


@pytest.fixture(scope="module")
def source() -> Clips:
    return Clips([Clip(i, frames) for i, frames in enumerate((32, 40, 32, 35, 90))], "five")


def corruptor(source: Clips, **settings: object) -> PairCorruptor:
    tokenizer, transformer, normalizer = tiny_parts(tiny_info())
    filler = TokenFiller(transformer, FakeTextEncoder(), torch.device("cpu"), lambda tokens: 2)
    config = PairDecoderTrainConfig(fill_steps=2, max_frames=60, **settings)
    assert normalizer is not None
    return PairCorruptor(source, tokenizer, normalizer, filler, config, SamplingConfig())


def test_intact_clips_keep_the_tokenizers_tokens(source: Clips) -> None:
    corrupting = corruptor(source, intact_share=1.0)
    maps = corrupting.maps([1, 4])
    assert [one.shape for one in maps] == [(2, 5, 10), (2, 5, 15)]  # the second is cut to max_frames
    features = source.features(1, 1, 0, 40)
    motion = torch.from_numpy(corrupting.normalizer.normalize(features))
    with torch.inference_mode():
        assert torch.equal(maps[0], corrupting.tokenizer.encode(motion))


def test_only_masked_tokens_change(source: Clips) -> None:
    whole = corruptor(source, intact_share=1.0).maps([0])[0]
    none = corruptor(source, intact_share=0.0, max_masked_share=0.0).maps([0])[0]
    some = corruptor(source, intact_share=0.0, max_masked_share=0.9).maps([0])[0]
    assert torch.equal(none, whole)
    assert 0 < int((some != whole).sum()) < whole.numel()
    assert int(some.min()) >= 0 and int(some.max()) < CODES


def test_a_clip_depends_on_no_other(source: Clips) -> None:
    corrupting = corruptor(source, intact_share=0.0)
    together = corrupting.maps([0, 1, 2, 3])
    assert torch.equal(corrupting.maps([2])[0], together[2])
    assert not torch.equal(together[0], together[2])


def test_true_motion_goes_with_what_the_tokens_decode_to(source: Clips) -> None:
    corrupting = corruptor(source)
    maps = corrupting.maps([3, 1])
    pairs = corrupting.pairs([3, 1], maps)
    assert pairs.lengths.tolist() == [32, 40] and pairs.starts.tolist() == [0, 32]
    corrupted, truth, corrupted_rotations, true_rotations = pairs.take(torch.arange(32, 72)[None])
    expected = source.features(1, 1, 0, 40)
    np.testing.assert_array_equal(truth[0].numpy(), expected[..., :66].reshape(2, 40, 22, 3))
    np.testing.assert_allclose(
        true_rotations[0].numpy().reshape(2, 40, -1), expected[..., 132:258], atol=1e-3
    )
    with torch.inference_mode():
        decoded = corrupting.normalizer.denormalize(corrupting.tokenizer.decode(maps[1]).numpy())
    np.testing.assert_allclose(corrupted[0].numpy(), decoded[..., :66].reshape(2, 40, 22, 3), atol=1e-6)
    np.testing.assert_allclose(
        corrupted_rotations[0].numpy().reshape(2, 40, -1), decoded[..., 132:258], rtol=1e-3, atol=1e-3
    )


def test_filled_maps_are_kept_while_nothing_changes(tmp_path: Path) -> None:
    made = [torch.randint(CODES, (2, 5, n)) for n in (3, 7)]
    calls: list[int] = []

    def make() -> list[torch.Tensor]:
        calls.append(1)
        return made

    path = tmp_path / "cache" / "maps.safetensors"
    for key, times in (({"a": "1"}, 1), ({"a": "1"}, 1), ({"a": "2"}, 2)):
        kept = cached_maps(path, key, make)
        assert len(calls) == times
        assert all(torch.equal(a, b) for a, b in zip(kept, made, strict=True))


def test_clips_are_drawn_once_and_all_for_none(source: Clips) -> None:
    assert draw_clips(source, 0, 1) == [0, 1, 2, 3, 4]
    drawn = draw_clips(source, 3, 1)
    assert drawn == sorted(set(drawn)) == draw_clips(source, 3, 1) and len(drawn) == 3


def test_a_clip_without_a_whole_token_is_refused(source: Clips) -> None:
    short = Clips([Clip(0, 3)], "short")
    with pytest.raises(InputError, match="clip 0 has 3 frames; accepted: 4 or more"):
        corruptor(short).maps([0])
