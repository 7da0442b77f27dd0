"""Scores of motions in memory, and evaluators and metrics that packages outside register."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluators.api import evaluate_interactions
from evaluators.evaluator import load_evaluator
from evaluators.metrics import registered
from evaluators.protocols import protocol
from intermask_cli.errors import InputError, MissingError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import COLUMNS
from tests.helpers.interaction_files import write_interactions
from tests.helpers.tiny_evaluator import TINY, save_tiny_evaluator

pytestmark = pytest.mark.slow

PLUGIN = """
import numpy as np
import torch
from evaluators.evaluator import Evaluator
from evaluators.networks.bundle_info import EvaluatorInfo

def spread(generated, reference, text):
    assert generated.shape == text.shape and reference.shape[1] == text.shape[1]
    return float(np.std(generated))

def broken(generated, reference, text):
    raise RuntimeError("not today")

class Speeds(Evaluator):
    # A motion is embedded as its mean speed, a text as its length.
    def embed_texts(self, texts):
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    def prepared(self, motion, name):
        return torch.from_numpy(motion.joints)

    def embed_batch(self, motions):
        speeds = [float(joints.diff(dim=1).norm(dim=-1).mean()) for joints in motions]
        return torch.tensor([[speed, 1.0] for speed in speeds])

def load(text_encoder, device):
    info = EvaluatorInfo("speeds", "none", {}, "duets", {"id": "lengths", "sha256": None, "dim": 1})
    return Speeds(info, "0" * 64, torch.device(device))
"""
ENTRY_POINTS = """
[intermask.metrics]
Spread = outside_plugin:spread
Broken = outside_plugin:broken

[intermask.evaluators]
outside-eval = outside_plugin:load
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, tiny_model) -> Path:
    from intermask_cli.models.text_encoders import load_text_encoder

    encoder = load_text_encoder(str(tiny_model.encoder))
    described = {"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}
    return save_tiny_evaluator(tmp_path_factory.mktemp("evaluator") / "tiny-eval", described)


@pytest.fixture
def evaluator(bundle, tiny_model, monkeypatch):
    monkeypatch.setitem(protocol.PROTOCOLS, "duets", TINY)
    return load_evaluator(bundle, str(tiny_model.encoder))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on sys.path whose dist-info registers two metrics and an evaluator."""
    site = tmp_path / "site"
    dist_info = site / "outside_plugin-1.0.dist-info"
    dist_info.mkdir(parents=True)
    (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-plugin\nVersion: 1.0\n")
    (dist_info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "outside_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(site)


def pairs(count: int = 8, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.normal(size=(count, 2, 24, 22, 3)).astype(np.float32))


TEXTS = [f"the two people wave {i}" for i in range(8)]


def test_arrays_are_scored_like_records(evaluator):
    reference = pairs(9, seed=1)
    scores = evaluate_interactions(pairs(), TEXTS, reference, evaluator)
    assert set(scores.metrics) == {"R@1", "R@2", "R@3", "FID", "MM Dist", "Diversity", "MModality"}
    assert scores.metrics["FID"].mean > 0 and len(scores.metrics["R@1"].values) == TINY.repetitions
    assert scores.metrics["MModality"].absent == "one sample per prompt"
    assert set(scores.physics) == set(COLUMNS) and scores.distances.shape == (8,)
    records = [Interaction(Motion(joints), text=text) for joints, text in zip(pairs(), TEXTS, strict=True)]
    again = evaluate_interactions(records, None, [Motion(joints) for joints in reference], evaluator)
    assert again.metrics == scores.metrics and again.physics == scores.physics
    alike = evaluate_interactions(reference, [*TEXTS, "they bow"], reference, evaluator, repetitions=1)
    assert alike.metrics["FID"].mean == pytest.approx(0, abs=1e-6)
    assert len(alike.metrics["R@1"].values) == 1


def test_physics_of_a_reaction_covers_the_partner_only(evaluator):
    joints = pairs(4)
    for pair in joints:
        pair[0, ..., 1] = 5.0  # the given person floats
        pair[1, ..., 1] = 0.0
    reactions = [Interaction(Motion(pair), text="a hug", given=0) for pair in joints]
    assert evaluate_interactions(reactions, None, pairs(), evaluator).physics["float_mm"] == 0
    assert evaluate_interactions(joints, ["a hug"] * 4, pairs(), evaluator).physics["float_mm"] > 0


def test_texts_that_do_not_match_are_refused(evaluator):
    with pytest.raises(InputError, match="motions without texts"):
        evaluate_interactions(pairs(), None, pairs(), evaluator)
    with pytest.raises(InputError, match="8 texts for 3 motions"):
        evaluate_interactions(pairs(3), TEXTS, pairs(), evaluator)
    with pytest.raises(InputError, match="generated: no motions"):
        evaluate_interactions([], [], pairs(), evaluator)


def test_metrics_of_an_installed_package_are_reported_with_ours(evaluator, installed):
    assert list(registered.registered_metrics()) == ["Broken", "Spread"]
    scores = evaluate_interactions(pairs(), TEXTS, pairs(9, seed=1), evaluator)
    spread = scores.metrics["Spread"]
    assert spread.values == (float(np.std(evaluator.embed_motions([Motion(p) for p in pairs()]))),) * 2
    assert np.isnan(spread.half_width)  # no contributions of clips, so no interval is known
    assert scores.metrics["Broken"].absent == "RuntimeError: not today"
    assert scores.metrics["FID"].mean > 0


def test_an_evaluator_of_an_installed_package_is_found_by_its_name(installed, monkeypatch):
    monkeypatch.setitem(protocol.PROTOCOLS, "duets", TINY)
    scores = evaluate_interactions(pairs(), TEXTS, pairs(9, seed=1), "outside-eval")
    assert scores.evaluator.startswith("speeds ") and scores.metrics["FID"].mean >= 0
    still = [np.repeat(pair[:, :1], 24, axis=1) for pair in pairs()]
    found = load_evaluator("outside-eval")
    np.testing.assert_array_equal(found.embed_motions([Motion(pair) for pair in still])[:, 0], np.zeros(8))
    with pytest.raises(MissingError, match="neither bundled"):
        load_evaluator("other-eval")


def test_the_command_reports_an_installed_metric_and_uses_an_installed_evaluator(
    installed, cli, tmp_path, monkeypatch
):
    monkeypatch.setitem(protocol.PROTOCOLS, "duets", TINY)
    path = write_interactions(tmp_path / "interactions.h5")
    options = ["--evaluator", "outside-eval", "--reference", path, "--cache", tmp_path / "cache"]
    code, out, err = cli("evaluate", path, *options, "--out", tmp_path / "report", "--device", "cpu")
    assert code == 0, err
    assert "Spread" in out and "Broken: RuntimeError: not today" in err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["protocol"]["evaluator"] == "speeds"
    assert len(report["rows"]["generated"]["Spread"]["values"]) == TINY.repetitions
    assert "Spread" in (tmp_path / "report" / "report.md").read_text()


def test_an_evaluator_takes_records_and_arrays_and_names_what_it_cannot_read(evaluator) -> None:
    joints = np.random.default_rng(0).normal(size=(2, 20, 22, 3)).astype(np.float32)
    expected = evaluator.embed_motions([Motion(joints)])
    for pair in (joints, joints.tolist(), Interaction(joints)):
        np.testing.assert_array_equal(evaluator.embed_motions([pair]), expected)
    np.testing.assert_array_equal(evaluator.embed_texts("a bow"), evaluator.embed_texts(["a bow"]))
    assert repr(evaluator) == "DuetEvaluator('tiny-eval', cpu)"
    for call, words in (
        (lambda: evaluator.embed_motions(Motion(joints)), "motions"),
        (lambda: evaluator.embed_motions([]), "no motions"),
        (lambda: evaluator.embed_motions(joints), "joints of shape"),
        (lambda: evaluator.embed_texts(5), "texts is 5"),
        (lambda: evaluate_interactions(None, evaluator=evaluator), "generated"),
        (lambda: evaluate_interactions(Interaction(joints), evaluator=evaluator), "generated"),
        (
            lambda: evaluate_interactions([joints], "a", [joints], evaluator, repetitions=0),
            "repetitions is 0",
        ),
    ):
        with pytest.raises(InputError, match=words):
            call()
