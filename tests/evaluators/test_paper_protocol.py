"""The paper's protocol on tiny trees in InterHuman's and Inter-X's layouts, with tiny random networks."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluators.data.cache import Cache
from evaluators.data.paper import open_dataset
from evaluators.evaluator import InterClipEvaluator, InterXPairEvaluator
from evaluators.networks.bundle import network_config
from evaluators.networks.bundle_info import EvaluatorInfo
from evaluators.networks.interclip import InterClip
from evaluators.networks.interx import InterXEvaluator
from evaluators.protocols import paper as paper_protocol
from evaluators.protocols.evaluation import Evaluation
from evaluators.protocols.paper import PaperRun, sampled, score_paper
from evaluators.protocols.protocol import INTERHUMAN, INTERX, ProtocolRecord
from intermask_cli.datasets.interx.word_vectors import WordVectors
from intermask_cli.errors import InputError
from intermask_cli.generation.workers.launch import Worker, join_workers
from intermask_cli.inference.model import InteractionModel
from intermask_cli.models.bundle import load_bundle
from tests.helpers.dataset_trees import interhuman_tree, interx_tree
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_evaluator import TINY_INTERCLIP, TINY_INTERX

pytestmark = pytest.mark.slow

INTERHUMAN_FRAMES = {str(i): frames for i, frames in enumerate((20, 27, 33, 20, 24))}
INTERX_FRAMES = {f"G{i}": frames for i, frames in enumerate((25, 32, 40, 24, 29))}
FEW = dict(pool_size=2, repetitions=2, diversity_pairs=3, mm_captions=2, mm_samples=10, mm_pairs=2)
ALONE = Worker(0, 1, "cpu")
BOTH_DATASETS = pytest.mark.parametrize("run", ["interhuman", "interx"], indirect=True)


def word_ids(texts):
    ids = torch.zeros(len(texts), 9, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        words = [48, *(len(word) for word in text.split()), 49]
        row[: len(words)] = torch.tensor(words)
    return ids


def make_trees(folder: Path, dataset: str) -> None:
    save_tiny(folder / "model", dataset)
    if dataset == "interhuman":
        interhuman_tree(folder / "tree", INTERHUMAN_FRAMES)
    else:
        interx_tree(folder / "tree", {"test": INTERX_FRAMES, "train": {}, "val": {}})


def make_run(folder: Path, dataset: str, worker: Worker = ALONE, cache: str = "cache") -> PaperRun:
    """The same networks and data every time; trees and model are in `folder`."""
    model = InteractionModel(load_bundle(folder / "model"), FakeTextEncoder())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if dataset == "interhuman":
            network = InterClip(TINY_INTERCLIP).eval()
            info = described("interclip", network, dataset)
            evaluator = InterClipEvaluator(info, "0" * 64, network, word_ids)
        else:
            network = InterXEvaluator(TINY_INTERX).eval()
            words = WordVectors.load(folder / "tree" / "glove")
            evaluator = InterXPairEvaluator(described("interx", network, dataset), "0" * 64, network, words)
    protocol = replace(INTERHUMAN if dataset == "interhuman" else INTERX, **FEW)
    return PaperRun(
        evaluator, protocol, open_dataset(dataset, folder / "tree"), model, model.info.sampling, "generate",
        3407, Cache(folder / cache), worker,
    )  # fmt: skip


def described(architecture, network, protocol):
    encoder = {"id": "x", "sha256": None, "dim": 16}
    return EvaluatorInfo("tiny", architecture, network_config(network), protocol, encoder)


@pytest.fixture
def run(tmp_path, request):
    dataset = getattr(request, "param", "interhuman")
    make_trees(tmp_path, dataset)
    return make_run(tmp_path, dataset)


def evaluated(run: PaperRun) -> Evaluation:
    record = ProtocolRecord(
        run.protocol, "tiny", "0" * 64, "x", run.task, "tree", "1" * 64, run.clips_per_pass, "all"
    )
    evaluation = Evaluation(record, {"kind": "model"})
    score_paper(evaluation, run)
    return evaluation


@BOTH_DATASETS
def test_all_rows_with_incomplete_pools_dropped_and_two_passes_for_the_ground_truth(run):
    evaluation = evaluated(run)
    assert run.clips_per_pass == 4 and len(evaluation.items) == 4
    assert list(evaluation.rows) == ["ground truth", "reconstruction", "generated"]
    truth, generated = evaluation.rows["ground truth"], evaluation.rows["generated"]
    assert truth["FID"].mean > 0, "two random passes differ"
    assert truth["MModality"].absent and generated["MModality"].mean > 0
    assert all(len(generated[name].values) == 2 for name in ("R@1", "FID", "MM Dist", "Diversity"))
    assert len({item.interactions.seeds[item.index] for item in evaluation.items}) == 4
    for name in ("ground truth", "generated"):
        assert evaluation.physics[name]["floor_penetration_mm"].shape == (4,)


@pytest.mark.long
def test_the_protocol_takes_decoded_motion_whatever_body_the_model_has(tmp_path):
    make_trees(tmp_path, "interhuman")
    decoded = evaluated(make_run(tmp_path, "interhuman", cache="decoded"))
    shutil.rmtree(tmp_path / "model")
    save_tiny(tmp_path / "model", "interhuman", body="rigid")
    run = make_run(tmp_path, "interhuman", cache="rigid")
    assert run.model.info.body == "rigid"
    rigid = evaluated(run)
    for row, metrics in decoded.rows.items():
        for name, metric in metrics.items():
            np.testing.assert_array_equal(rigid.rows[row][name].values, metric.values, f"{row}: {name}")


@BOTH_DATASETS
def test_generated_lengths_are_whole_tokens(run):
    prompts = run.drawn(0, 2)
    for i in range(len(prompts)):
        made = sampled(run, prompts, [i], 0)
        assert made.frames == (prompts.frames[i] // 4 * 4,) and made.ids == (prompts.ids[i],)
        assert made.features[0].shape == (2, made.frames[0], *run.evaluator.feature_shape)


def test_velocities_are_the_decoders_own(run):
    made = sampled(run, run.drawn(0, 2), [0], 0)
    joints, velocities = (made.features[0][..., s].reshape(2, -1, 22, 3) for s in (slice(66), slice(66, 132)))
    assert np.abs(velocities[:, :-1] - np.diff(joints, axis=1)).max() > 1e-3


@BOTH_DATASETS
def test_a_reaction_keeps_all_true_frames_of_the_given_person(run):
    run = replace(run, task="react")
    prompts = run.drawn(0, 2)
    for i, given in enumerate(prompts.features):
        made = sampled(run, prompts, [i], 0)
        (pair,), (frames,) = made.features, made.frames
        np.testing.assert_array_equal(pair[0], given[0])
        assert not pair[1, frames:].any() and np.abs(pair[1, :frames] - given[1, :frames]).max() > 1e-3
    evaluation = evaluated(run)
    assert evaluation.rows["generated"]["MModality"].absent
    assert {item.interactions.generated_persons[item.index] for item in evaluation.items} == {(1,)}


def test_samples_of_a_caption_are_in_the_order_of_the_published_wrapper(run):
    """It sorts motions by falling length, `np.argsort(lengths)[::-1]`, and does not undo it."""
    prompts = run.drawn(0, paper_protocol._SAMPLED)
    captions, samples = run.protocol.mm_captions, run.protocol.mm_samples
    repeated, ids = paper_protocol._several_samples(run, prompts, 0)
    chosen = run.rng(0, paper_protocol._REPEATED).choice(len(prompts), captions, replace=False)
    assert repeated.shape[:2] == (captions, samples) and ids == tuple(prompts.ids[i] for i in chosen)
    everyone = prompts.take(np.repeat(chosen, samples).tolist())
    for c in range(captions):
        part = list(range(c * samples, (c + 1) * samples))
        made = sampled(run, everyone, part, 0, paper_protocol._REPEATED)
        lengths = [everyone.tokens[i] for i in part]
        embedded = run.evaluator.embed_features(made.features, made.frames, made.ids)
        published = embedded[np.argsort(lengths)[::-1]]
        np.testing.assert_allclose(repeated[c], published, rtol=0, atol=5e-6)
        assert np.abs(repeated[c] - embedded).max() > 1e-4, "the order matters"


@BOTH_DATASETS
def test_cached_repetitions_are_not_computed_again(run, monkeypatch):
    first = evaluated(run)
    monkeypatch.setattr(paper_protocol, "rebuilt", None)
    monkeypatch.setattr(paper_protocol, "sampled", None)
    again = evaluated(run)
    assert again.rows == first.rows
    assert [item.distance for item in again.items] == [item.distance for item in first.items]
    for column, values in first.physics["generated"].items():
        np.testing.assert_array_equal(values, again.physics["generated"][column])


@pytest.mark.long
def test_an_interrupted_evaluation_resumes(run, monkeypatch):
    whole = evaluated(replace(run, cache=Cache(run.cache.folder / "whole")))
    made = []

    def counting(*arguments):
        made.append(arguments[2])
        if len(made) == 5:
            raise KeyboardInterrupt
        return sampled(*arguments)

    monkeypatch.setattr(paper_protocol, "sampled", counting)
    with pytest.raises(KeyboardInterrupt):
        evaluated(run)
    assert evaluated(run).rows == whole.rows
    again = len(made)
    made.clear()
    monkeypatch.setattr(paper_protocol, "sampled", lambda *arguments: made.append(1) or sampled(*arguments))
    evaluated(replace(run, cache=Cache(run.cache.folder / "third")))
    assert again == len(made) + 1, "only the interrupted part is made twice"


@BOTH_DATASETS
def test_draws_differ_between_repetitions_and_repeat_for_a_seed(run):
    def described(drawn):
        return [drawn.ids, drawn.prompts, [features.tobytes() for features in drawn.features]]

    one = described(run.drawn(0, 0))
    assert one == described(run.drawn(0, 0)) != described(run.drawn(1, 0))
    assert one != described(replace(run, seed=1).drawn(0, 0))


def test_the_hash_of_a_split_covers_captions_and_motions(tmp_path):
    make_trees(tmp_path, "interhuman")
    before = open_dataset("interhuman", tmp_path / "tree").sha256
    assert open_dataset("interhuman", tmp_path / "tree").sha256 == before
    path = tmp_path / "tree/motions_processed/person2/3.npy"
    motion = np.load(path)
    motion[4, 5] += 0.01
    np.save(path, motion)
    moved = open_dataset("interhuman", tmp_path / "tree").sha256
    (tmp_path / "tree/annots/2.txt").write_text("another caption\n")
    assert len({before, moved, open_dataset("interhuman", tmp_path / "tree").sha256}) == 3


def test_interx_reads_what_the_published_loader_gives_its_evaluator(tmp_path):
    make_trees(tmp_path, "interx")
    run = make_run(tmp_path, "interx")
    item = run.data.pairs.item(4, np.random.default_rng(3))
    _, text, features = run.data.item(4, np.random.default_rng(3))
    network = run.evaluator.network
    words, kinds = (torch.from_numpy(a).float()[None] for a in (item.words, item.classes))
    with torch.no_grad():
        plain_text = network.embed_text(words, kinds, torch.tensor([item.caption_length]))
        plain_motion = network.embed_motion(torch.from_numpy(item.motion)[None], torch.tensor([item.frames]))
    np.testing.assert_allclose(run.evaluator.embed_texts([text]), plain_text, atol=1e-6)
    embedded = run.evaluator.embed_features([features], [item.frames], ["one"])
    np.testing.assert_allclose(embedded, plain_motion, atol=1e-6)


def test_clips_that_cannot_be_scored_are_named(run):
    drawn = run.drawn(0, 0)
    broken = drawn.features[0].copy()
    broken[0, 3, 7] = np.nan
    with pytest.raises(InputError, match=f"{drawn.ids[0]}: features contain NaN"):
        run.evaluator.embed_features([broken], [broken.shape[1]], drawn.ids[:1])
    with pytest.raises(InputError, match=r"accepted: \(2, T, 262\)"):
        run.evaluator.embed_features([broken[..., :100]], [4], ["short"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@BOTH_DATASETS
def test_embeddings_on_a_gpu_are_those_of_the_cpu(run):
    drawn = run.drawn(0, 0)

    def embedded():
        motions = run.evaluator.embed_features(drawn.features, drawn.frames, drawn.ids)
        return motions, run.evaluator.embed_texts(drawn.texts)

    plain = embedded()
    run.evaluator.network.to("cuda")
    run.evaluator.device = torch.device("cuda")
    for ours, theirs in zip(embedded(), plain, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


# several processes -----------------------------------------------------------------------------------


def _rank(rank: int, folder: Path, port: int) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    torch.set_num_threads(1)
    made = []

    def counting(run, prompts, part, *more):
        made.append(len(part))
        return sampled(run, prompts, part, *more)

    paper_protocol.sampled = counting
    with join_workers("cpu") as worker:
        assert worker.world == 2
        evaluation = evaluated(make_run(folder, "interx", worker, "shared"))
    (folder / f"rank{rank}.json").write_text(json.dumps({"made": sum(made), "rows": plain(evaluation)}))


def plain(evaluation: Evaluation) -> dict:
    return {
        row: {name: list(score.values) or score.absent for name, score in scores.items()}
        for row, scores in evaluation.rows.items()
    }


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_share_the_work_and_give_the_numbers_of_one(tmp_path):
    make_trees(tmp_path, "interx")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in each of the two: with another number sums round differently
    try:
        one = evaluated(make_run(tmp_path, "interx"))
    finally:
        torch.set_num_threads(threads)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(_rank, args=(tmp_path, port), nprocs=2, join=True)
    first, second = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first["rows"] == second["rows"] == plain(one)
    # Two repetitions of four clips and of two captions sampled three times.
    assert first["made"] + second["made"] == 2 * (4 + 20) and min(first["made"], second["made"]) > 0


def test_a_cache_that_is_not_shared_is_named(run):
    lonely = replace(run, worker=Worker(1, 2, "cpu"))
    with pytest.raises(InputError, match="one folder as --cache"):
        evaluated(lonely)
