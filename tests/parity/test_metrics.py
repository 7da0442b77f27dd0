"""Metrics against the golden numbers of both published protocols (rtol 1e-5, FID 1e-4)."""

from __future__ import annotations

import re

import numpy as np
import pytest

from evaluators.metrics import (
    Gaussian,
    confidence_interval,
    diversity,
    euclidean_distances,
    fid,
    mm_distance,
    pool_ranks,
    published_multimodality,
    r_precision,
)
from evaluators.metrics.diversity import draw_pairs, mean_pair_distance
from evaluators.metrics.multimodality import mean_sample_distance
from tests.helpers.parity_comparing import assert_close, assert_same

pytestmark = pytest.mark.parity
FILE = "evaluation/metrics.npz"
PUBLISHED_REPETITIONS = 20


@pytest.fixture(params=["interhuman", "interx"])
def case(request, load):
    golden = load(FILE)
    return lambda name: golden[f"{request.param}_{name}"]


def test_first_pool_distances_and_hits(case):
    pool = int(case("pool"))
    text, motion = case("text")[:pool], case("gen")[:pool]
    ours, golden = euclidean_distances(text, motion), case("first_distance_matrix").astype(np.float64)
    # The stored ones come from a^2 + b^2 - 2ab in float32, which loses digits where vectors nearly meet.
    squares = (text.astype(np.float64) ** 2).sum(1)[:, None] + (motion.astype(np.float64) ** 2).sum(1)[None]
    lost = 4 * np.finfo(np.float32).eps * squares / np.maximum(ours, np.sqrt(squares) * 1e-3)
    allowed = np.maximum(lost, 1e-5 + 1e-5 * golden)
    assert_close(ours / allowed, golden / allowed, atol=1)
    hits = case("first_topk")
    ranks = pool_ranks(text, motion)
    assert_same(ranks[:, None] < np.arange(1, hits.shape[1] + 1), hits)


def test_r_precision_and_counts(case):
    pool, expected = int(case("pool")), case("r_precision")
    scores = r_precision(case("text"), case("gen"), pool, top_k=len(expected)).precision
    assert_close(scores, expected, rtol=1e-5)
    used = len(case("text")) // pool * pool
    assert_same(np.rint(scores * used).astype(int), case("topk_counts"))


def test_mm_distance(case):
    used = len(case("text")) // int(case("pool")) * int(case("pool"))
    assert_close(mm_distance(case("text")[:used], case("gen")[:used]), case("mm_dist"), rtol=1e-5)


def test_fid_and_statistics(case):
    scale, reference, generated = float(case("emb_scale")), case("gt"), case("gen")
    assert_close(fid(reference, generated, scale), case("fid"), rtol=1e-4)
    gaussian = Gaussian.fit(reference.astype(np.float64) * scale)
    assert_close(gaussian.mean, case("mu_gt"), rtol=1e-5, atol=1e-5)
    assert_close(gaussian.covariance_trace, case("cov_trace_gt"), rtol=1e-5)


def test_fid_with_fewer_samples_than_dimensions(case, load):
    sizes = {int(match[1]) for name in load(FILE) if (match := re.search(r"_fid_first(\d+)$", name))}
    if not sizes:
        pytest.skip(f"{FILE} has no *_fid_first<number>")
    for size in sorted(sizes):
        score = fid(case("gt"), case("gen")[:size], float(case("emb_scale")))
        assert_close(score, case(f"fid_first{size}"), rtol=1e-4)


def test_diversity_with_the_stored_draws_and_with_the_legacy_generator(case, load):
    scale, embeddings = float(case("emb_scale")) / float(case("divide_by")), case("gen").astype(np.float64)
    first, second = case("diversity_idx1"), case("diversity_idx2")
    assert_close(scale * mean_pair_distance(embeddings, first, second), case("diversity"), rtol=1e-5)
    seed = int(load(FILE)["numpy_seed_diversity"])
    drawn = draw_pairs(len(embeddings), len(first), np.random.RandomState(seed))
    assert_same(drawn[0], first)
    assert_same(drawn[1], second)
    score = diversity(embeddings, np.random.RandomState(seed), pairs=len(first), scale=scale)
    assert_close(score, case("diversity"), rtol=1e-5)


def test_multimodality_with_the_stored_draws_and_with_the_legacy_generator(case, load):
    scale, embeddings = (
        float(case("emb_scale")) / float(case("divide_by")),
        case("mm_embeddings").astype(np.float64),
    )
    first, second = case("mm_idx1"), case("mm_idx2")
    assert_close(scale * mean_sample_distance(embeddings, first, second), case("multimodality"), rtol=1e-5)
    rng = np.random.RandomState(int(load(FILE)["numpy_seed_multimodality"]))
    score = published_multimodality(embeddings, rng, pairs=len(first), scale=scale)
    assert_close(score, case("multimodality"), rtol=1e-5)


def test_confidence_intervals(load):
    golden = load(FILE)
    # Published intervals always divide by the root of 20 repetitions (quirk Q9 in
    # docs/reference/data-and-evaluation.md#q9); 20 values are stored.
    assert len(golden["replications_scalar"]) == len(golden["replications_vec"]) == PUBLISHED_REPETITIONS
    one = confidence_interval(golden["replications_scalar"])
    assert_close(one.mean, golden["replications_scalar_mean"], rtol=1e-5)
    assert_close(one.half_width, golden["replications_scalar_ci"], rtol=1e-5)
    columns = golden["replications_vec"].T
    many = [confidence_interval(column) for column in columns]
    assert_close([i.mean for i in many], golden["replications_vec_mean"], rtol=1e-5)
    assert_close([i.half_width for i in many], golden["replications_vec_ci"], rtol=1e-5)
