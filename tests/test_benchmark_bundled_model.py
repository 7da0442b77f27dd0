"""The bundled model's benchmark: its ratios, its recognition shares and what it pastes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fakes import FakeTextEncoder
from tiny import save_tiny

from benchmarks import bundled_model as benchmark
from benchmarks.pasting import markers, paste
from evaluators.labels import LabelClassifier, LabelNetwork, Recognised
from intermask_cli.models.bundle import load_bundle
from intermask_cli.pipeline import InteractionModel


@pytest.fixture(scope="module")
def clips():
    return benchmark.held_out(4)


def reader_of_truth(clips):
    """A reader that always answers with the clips' own labels."""
    kinds = tuple(clip.labels.kind for clip in clips)
    actors = np.array([clip.labels.actor or 0 for clip in clips])
    sides = tuple(clip.labels.side or "left" for clip in clips)
    ones = np.ones(len(clips))
    return lambda motions: Recognised(kinds, actors, sides, ones, ones, ones)


def test_recognition_of_the_truth_is_complete_and_of_another_kind_is_not(clips):
    truth = [clip.joints for clip in clips]
    full = benchmark.recognition(truth, clips, reader_of_truth(clips))
    assert full.kind == 1 and full.role in (1.0, pytest.approx(np.nan, nan_ok=True))
    other = benchmark.recognition(truth, clips, reader_of_truth(clips[::-1]))
    assert other.kind < 1


def test_ratios_to_the_truth(clips):
    truth, both = [clip.joints for clip in clips], [(0, 1)] * len(clips)
    same = benchmark.with_ratios(truth, truth, both)
    assert same["jerk_ratio"] == same["foot_skate_ratio"] == 1
    rough = [joints + np.random.default_rng(0).normal(size=joints.shape) * 0.005 for joints in truth]
    assert benchmark.with_ratios(rough, truth, both)["jerk_ratio"] > 1.5


def test_every_row_is_measured_with_a_tiny_model(tmp_path, clips):
    model = InteractionModel(load_bundle(save_tiny(tmp_path / "tiny")), FakeTextEncoder())
    torch.manual_seed(0)
    rows = benchmark.measure(model, clips, LabelClassifier(LabelNetwork(8)), sweep=[1.0])
    assert list(rows) == [
        "ground truth", "reconstruction", "generation, guidance 1", "generation, guidance 2",
        "generation, guidance 2, --clean feet", "reaction to person 1", "reaction to person 2",
    ]  # fmt: skip
    assert rows["ground truth"]["jerk_ratio"] == 1 and rows["reconstruction"]["mpjpe_mm"] > 0
    record = {"rows": rows, "guidance": 2.0, "model": "tiny", "model_sha256": "0" * 64, "clips": 4,
              "machine": "here", "minutes": 0.1}  # fmt: skip
    assert "generation, guidance 2 |" in benchmark.markdown(record)


def test_the_table_replaces_what_is_between_the_markers_only(tmp_path):
    path = tmp_path / "card.md"
    begin, end = markers("figures")
    path.write_text(f"# card\n{begin}\nold\n{end}\nafter\n")
    assert paste(path, "figures", "new table")
    assert path.read_text() == f"# card\n{begin}\nnew table\n{end}\nafter\n"
    path.write_text("no markers\n")
    assert not paste(path, "figures", "new table") and path.read_text() == "no markers\n"
