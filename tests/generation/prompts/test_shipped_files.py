"""The prompt files that ship are read without a rejected line and agree with each other."""

import pytest

from intermask_cli.generation.prompts.read import read_prompts
from tests.helpers.paths import ROOT

PROMPTS = ROOT / "prompts"


@pytest.mark.parametrize("name, count", [("demo.txt", 8), ("benchmark.txt", 64), ("benchmark.csv", 64)])
def test_every_line_is_good(name, count):
    found = read_prompts([PROMPTS / name])
    assert not found.rejected and len(found.prompts) == count
    assert len({prompt.text for prompt in found.prompts}) == count


def test_benchmark_lengths_cover_two_to_ten_seconds():
    table = read_prompts([PROMPTS / "benchmark.csv"]).prompts
    frames = [prompt.frames for prompt in table]
    assert min(frames) == 60 and max(frames) == 300 and len(set(frames)) > 50
    assert all(n % 4 == 0 for n in frames)
    assert [p.text for p in table] == [p.text for p in read_prompts([PROMPTS / "benchmark.txt"]).prompts]
