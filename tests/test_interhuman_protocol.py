"""The paper's protocol on a tiny tree in InterHuman's layout, with tiny random networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from dataset_trees import interhuman_tree
from fakes import FakeTextEncoder
from test_contrastive import TINY as TINY_INTERCLIP
from tiny import save_tiny
from tiny_evaluator import TINY

from evaluators.bundle import EvaluatorInfo, network_config
from evaluators.contrastive import InterClip
from evaluators.embedding_cache import Cache
from evaluators.evaluation import Evaluation
from evaluators.evaluator import InterClipEvaluator
from evaluators.interhuman_protocol import InterHumanRun, generated_features, score_interhuman
from evaluators.protocol import INTERHUMAN, ProtocolRecord
from intermask_cli.datasets.interhuman import InterHuman, TextPairs
from intermask_cli.models.bundle import load_bundle
from intermask_cli.pipeline import InteractionModel

LENGTHS = {str(i): frames for i, frames in enumerate((20, 27, 33, 20, 24))}
SMALL = replace(
    INTERHUMAN, pool_size=2, repetitions=2, diversity_pairs=3, mm_captions=2, mm_samples=3, mm_pairs=2
)


def word_ids(texts):
    ids = torch.zeros(len(texts), 9, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        words = [48, *(len(word) for word in text.split()), 49]
        row[: len(words)] = torch.tensor(words)
    return ids


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    network = InterClip(TINY_INTERCLIP).eval()
    info = EvaluatorInfo(
        "tiny", "interclip", network_config(network), "interhuman", {"id": "x", "sha256": None, "dim": 16}
    )
    model = InteractionModel(load_bundle(save_tiny(tmp_path / "model")), FakeTextEncoder())
    pairs = TextPairs(InterHuman(interhuman_tree(tmp_path / "tree", LENGTHS), "test", "published"))
    evaluator = InterClipEvaluator(info, "0" * 64, network, word_ids)
    return InterHumanRun(
        evaluator, SMALL, pairs, model, model.info.sampling, "generate", 3407, Cache(tmp_path / "cache")
    )


def evaluated(run: InterHumanRun) -> Evaluation:
    record = ProtocolRecord(TINY, "tiny", "0" * 64, "x", run.task, "tree", run.split_sha256, run.kept, "all")
    evaluation = Evaluation(record, {"kind": "model"})
    score_interhuman(evaluation, run)
    return evaluation


def test_all_rows_with_incomplete_pools_dropped_and_two_passes_for_the_ground_truth(run):
    evaluation = evaluated(run)
    assert run.kept == 4 and len(evaluation.items) == 4
    assert list(evaluation.rows) == ["ground truth", "reconstruction", "generated"]
    truth, generated = evaluation.rows["ground truth"], evaluation.rows["generated"]
    assert truth["FID"].mean > 0, "two random passes differ"
    assert truth["MModality"].absent and generated["MModality"].mean > 0
    assert all(len(generated[name].values) == 2 for name in ("R@1", "FID", "MM Dist", "Diversity"))


def test_generated_lengths_are_whole_tokens_and_features_the_decoders_own(run):
    prompts = run.drawn(0, 2, "prompts")
    made = generated_features(run, prompts, 0)
    for motion, prompt in zip(made.motions, prompts.motions, strict=True):
        assert motion.joints.shape[1] == prompt.joints.shape[1] // 4 * 4
        assert motion.features.shape[2] == 262
        velocities = motion.features[..., 66:132].reshape(*motion.joints.shape)
        assert np.abs(velocities[:, :-1] - np.diff(motion.joints, axis=1)).max() > 1e-3


def test_a_reaction_keeps_the_given_persons_own_features(run):
    run = replace(run, task="react")
    prompts = run.drawn(0, 2, "prompts")
    made = generated_features(run, prompts, 0)
    for motion, prompt in zip(made.motions, prompts.motions, strict=True):
        np.testing.assert_array_equal(motion.features[0], prompt.features[0, : motion.joints.shape[1]])
    assert set(made.made) == {(1,)}
    assert evaluated(run).rows["generated"]["MModality"].absent


def test_kept_repetitions_are_not_made_again(run, monkeypatch):
    first = evaluated(run)
    monkeypatch.setattr("evaluators.interhuman_protocol.reconstructed_features", None)
    again = evaluated(run)
    assert again.rows == first.rows


def test_draws_differ_between_repetitions_and_repeat_for_a_seed(run):
    one, two = run.drawn(0, 0, "a"), run.drawn(1, 0, "b")
    assert one.sha256 == run.drawn(0, 0, "a").sha256 != two.sha256
    assert one.sha256 != replace(run, seed=1).drawn(0, 0, "a").sha256
