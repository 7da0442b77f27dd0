"""Metrics against the golden numbers of both published protocols (rtol 1e-5, FID 1e-4)."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.metrics import (
    Gaussian,
    confidence_interval,
    diversity,
    euclidean_distances,
    fid,
    mm_distance,
    multimodality,
    pool_ranks,
    r_precision,
)
from evaluators.metrics.diversity import draw_pairs, mean_pair_distance
from evaluators.metrics.multimodality import mean_sample_distance

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
    np.testing.assert_allclose(
        euclidean_distances(text, motion), case("first_distance_matrix"), rtol=1e-5, atol=1e-5
    )
    hits = case("first_topk")
    ranks = pool_ranks(text, motion)
    np.testing.assert_array_equal(ranks[:, None] < np.arange(1, hits.shape[1] + 1), hits)


def test_r_precision_and_counts(case):
    pool, expected = int(case("pool")), case("r_precision")
    scores = r_precision(case("text"), case("gen"), pool, top_k=len(expected))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    used = len(case("text")) // pool * pool
    np.testing.assert_array_equal(np.rint(scores * used).astype(int), case("topk_counts"))


def test_mm_distance(case):
    used = len(case("text")) // int(case("pool")) * int(case("pool"))
    np.testing.assert_allclose(
        mm_distance(case("text")[:used], case("gen")[:used]), case("mm_dist"), rtol=1e-5
    )


def test_fid_and_statistics(case):
    scale, reference, generated = float(case("emb_scale")), case("gt"), case("gen")
    np.testing.assert_allclose(fid(reference, generated, scale), case("fid"), rtol=1e-4)
    np.testing.assert_allclose(fid(reference, generated[:24], scale), case("fid_first24"), rtol=1e-4)
    gaussian = Gaussian.fit(reference.astype(np.float64) * scale)
    np.testing.assert_allclose(gaussian.mean, case("mu_gt"), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gaussian.covariance_trace, case("cov_trace_gt"), rtol=1e-5)


def test_diversity_with_the_stored_draws_and_with_the_legacy_generator(case, load):
    scale, embeddings = float(case("emb_scale")) / float(case("divide_by")), case("gen").astype(np.float64)
    first, second = case("diversity_idx1"), case("diversity_idx2")
    np.testing.assert_allclose(
        scale * mean_pair_distance(embeddings, first, second), case("diversity"), rtol=1e-5
    )
    seed = int(load(FILE)["numpy_seed_diversity"])
    drawn = draw_pairs(len(embeddings), len(first), np.random.RandomState(seed))
    np.testing.assert_array_equal(drawn[0], first)
    np.testing.assert_array_equal(drawn[1], second)
    score = diversity(embeddings, np.random.RandomState(seed), pairs=len(first), scale=scale)
    np.testing.assert_allclose(score, case("diversity"), rtol=1e-5)


def test_multimodality_with_the_stored_draws_and_with_the_legacy_generator(case, load):
    scale, embeddings = (
        float(case("emb_scale")) / float(case("divide_by")),
        case("mm_embeddings").astype(np.float64),
    )
    first, second = case("mm_idx1"), case("mm_idx2")
    np.testing.assert_allclose(
        scale * mean_sample_distance(embeddings, first, second), case("multimodality"), rtol=1e-5
    )
    rng = np.random.RandomState(int(load(FILE)["numpy_seed_multimodality"]))
    score = multimodality(embeddings, rng, pairs=len(first), scale=scale)
    np.testing.assert_allclose(score, case("multimodality"), rtol=1e-5)


def test_confidence_intervals(load):
    golden = load(FILE)
    one = confidence_interval(golden["replications_scalar"], count=PUBLISHED_REPETITIONS)
    np.testing.assert_allclose(one.mean, golden["replications_scalar_mean"], rtol=1e-5)
    np.testing.assert_allclose(one.half_width, golden["replications_scalar_ci"], rtol=1e-5)
    columns = golden["replications_vec"].T
    many = [confidence_interval(column, count=PUBLISHED_REPETITIONS) for column in columns]
    np.testing.assert_allclose([i.mean for i in many], golden["replications_vec_mean"], rtol=1e-5)
    np.testing.assert_allclose([i.half_width for i in many], golden["replications_vec_ci"], rtol=1e-5)
