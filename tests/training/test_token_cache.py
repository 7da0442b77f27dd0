"""Token maps of a split, encoded once and kept in a file."""

from __future__ import annotations

import torch

from intermask_cli.training.transformer.token_cache import cached_split, encode_split, excerpt_starts
from tests.helpers.training_samples import SmoothSource, tiny_recipe


def test_token_cache_keeps_both_canonical_versions(source, normalizer, tokenizer_stage):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    cache = encode_split(source, tokenizer, normalizer, max_frames=300, device=torch.device("cpu"))
    for canonical in (0, 1):
        ids, lengths = cache.take(torch.tensor([4]), torch.tensor([canonical]))
        frames = source.frames(4) // 4 * 4
        motion = normalizer.normalize(source.features(4, canonical, 0, frames))
        with torch.no_grad():
            expected = tokenizer.encode(torch.from_numpy(motion))
        assert int(lengths) == frames // 4
        assert torch.equal(ids.view(2, 5, -1), expected)


def test_long_clips_become_overlapping_excerpts(normalizer, tokenizer_stage):
    assert excerpt_starts(80, 80) == [0]
    assert excerpt_starts(81, 80) == [0, 1]
    assert excerpt_starts(200, 80) == [0, 40, 80, 120]
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    cache = encode_split(SmoothSource(2, lengths=(90, 30)), tokenizer, normalizer, 40, torch.device("cpu"))
    assert cache.clips.tolist() == [0, 0, 0, 0, 1] and cache.lengths.tolist() == [10, 10, 10, 10, 7]


def test_token_cache_notices_another_tokenizer(source, normalizer, tokenizer_stage, tmp_path, capsys):
    tokenizer = tokenizer_stage(tiny_recipe()).model.eval()
    arguments = (normalizer, 80, torch.device("cpu"))
    cached_split(tmp_path / "t", source, tokenizer, *arguments)
    cached_split(tmp_path / "t", source, tokenizer, *arguments)
    assert "encoding again" not in capsys.readouterr().err
    tokenizer.quantizer.first.initialise(torch.randn(200, 8))
    again = cached_split(tmp_path / "t", source, tokenizer, *arguments)
    assert "encoding again" in capsys.readouterr().err
    assert int(again.maps.max()) > 0
