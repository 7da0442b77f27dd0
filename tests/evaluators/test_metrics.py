"""Metrics against closed forms, SciPy and plain loops; invariants of R-Precision pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.metrics import (
    NOT_RANKED,
    Gaussian,
    confidence_interval,
    diversity,
    euclidean_distances,
    fid,
    frechet_distance,
    mm_distance,
    multimodality,
    multimodality_contributions,
    paired_distances,
    pool_ranks,
    precision_at,
    published_multimodality,
    r_precision,
    same_group,
)
from evaluators.metrics.diversity import draw_pairs
from tests.helpers.paths import SHARED
from tests.oracles import plain_metrics

RNG = np.random.default_rng(7)


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> Gaussian:
    return Gaussian(mean, np.linalg.cholesky(covariance).T)


# FID ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "dims"), [(2, 64), (24, 48), (48, 48), (500, 16)])
def test_fid_of_a_set_with_itself_is_zero(count, dims):
    x = RNG.normal(size=(count, dims)) * 3 + 5
    assert fid(x, x, scale=6) < 1e-9 * (x * 6).var()


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 30), st.integers(0, 10**6))
def test_fid_is_symmetric_non_negative_and_ignores_order(n, m, dims, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, dims)), rng.normal(size=(m, dims)) + 0.5
    forward = fid(a, b)
    assert forward >= 0
    assert np.isclose(forward, fid(b, a), rtol=1e-9, atol=1e-9)
    assert np.isclose(forward, fid(rng.permutation(a), rng.permutation(b)), rtol=1e-9, atol=1e-9)


def test_fid_of_shifted_copies_is_the_squared_shift():
    x, shift = RNG.normal(size=(40, 12)), RNG.normal(size=12)
    assert np.isclose(fid(x, x + shift), (shift**2).sum(), rtol=1e-9)


def test_fid_scales_with_the_square_of_the_factor():
    a, b = RNG.normal(size=(30, 8)), RNG.normal(size=(30, 8)) + 1
    assert np.isclose(fid(a, b, scale=6), 36 * fid(a, b), rtol=1e-10)


def test_frechet_distance_has_its_closed_form_for_commuting_covariances():
    first, second = np.array([4.0, 9.0, 1.0]), np.array([1.0, 16.0, 25.0])
    rotation, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    a = gaussian(np.zeros(3), rotation @ np.diag(first) @ rotation.T)
    b = gaussian(np.array([1.0, 2.0, 2.0]), rotation @ np.diag(second) @ rotation.T)
    expected = 9.0 + ((np.sqrt(first) - np.sqrt(second)) ** 2).sum()
    assert np.isclose(frechet_distance(a, b), expected, rtol=1e-12)


def test_fid_agrees_with_the_matrix_square_root_of_scipy():
    linalg = pytest.importorskip("scipy.linalg")
    a, b = RNG.normal(size=(300, 20)) @ RNG.normal(size=(20, 20)), RNG.normal(size=(200, 20))
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(c1 @ c2)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c1 + c2 - 2 * root.real)
    assert np.isclose(fid(a, b), expected, rtol=1e-8)


def test_fid_with_fewer_samples_than_dimensions_agrees_with_eigenvalues():
    a, b = RNG.normal(size=(10, 40)), RNG.normal(size=(200, 40))
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root_trace = np.sqrt(np.maximum(np.linalg.eigvals(c1 @ c2).real, 0)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c1 + c2) - 2 * root_trace
    assert np.isclose(fid(a, b), expected, rtol=1e-5)


def test_fid_grows_with_noise():
    x = RNG.normal(size=(400, 16))
    noise = RNG.normal(size=x.shape)
    scores = [fid(x, x + level * noise) for level in (0.0, 0.2, 0.5, 1.0, 2.0)]
    assert scores == sorted(scores) and scores[-1] > 1


def test_fid_refuses_one_sample_and_nan():
    x = RNG.normal(size=(5, 3))
    with pytest.raises(ValueError, match="at least 2 samples"):
        fid(x, x[:1])
    bad = x.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fid(x, bad)
    with pytest.raises(ValueError, match="widths differ: 3 and 2"):
        fid(x, x[:, :2])


@pytest.mark.parametrize(
    ("count", "other", "dims"), [(300, 200, 20), (24, 200, 48), (200, 24, 48), (480, 70, 64)]
)
@pytest.mark.parametrize("scale", [1, 6])
def test_fid_agrees_with_the_published_matrix_root(count, other, dims, scale):
    pytest.importorskip("scipy")
    a = (RNG.normal(size=(count, dims)) @ RNG.normal(size=(dims, dims))).astype(np.float32)
    b = RNG.normal(size=(other, dims)).astype(np.float32)
    assert np.isclose(fid(a, b, scale), plain_metrics.frechet(a, b, scale), rtol=1e-4)


@pytest.mark.parametrize(("count", "other", "dims"), [(10, 7, 40), (2, 3, 512), (5, 5, 6)])
def test_fid_of_two_small_sets_agrees_with_roots_of_symmetric_matrices(count, other, dims):
    """Both covariances singular, where the usual root of their product is not to be had."""
    a, b = RNG.normal(size=(count, dims)), RNG.normal(size=(other, dims)) + 1
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    middle = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * middle
    assert np.isclose(fid(a, b), expected, rtol=1e-5)


def test_fid_of_constant_sets_is_their_squared_distance():
    a, b = np.zeros((4, 3)), np.full((6, 3), 2.0)
    assert fid(a, b) == pytest.approx(12) and fid(a, a) == 0


def test_float32_and_float64_input_agree():
    text, motion = (RNG.normal(size=(64, 24)).astype(np.float32) for _ in (1, 2))
    wide = text.astype(np.float64), motion.astype(np.float64)
    assert fid(text, motion, 6) == fid(*wide, 6)
    assert mm_distance(text, motion) == mm_distance(*wide)
    np.testing.assert_array_equal(pool_ranks(text, motion), pool_ranks(*wide))
    drawn = [diversity(x, np.random.RandomState(1), pairs=64) for x in (text, wide[0])]
    assert drawn[0] == drawn[1]


# R-Precision and MM Dist ---------------------------------------------------------------------------


def test_distances_agree_with_a_plain_loop_and_are_finite_for_equal_vectors():
    a, b = RNG.normal(size=(5, 7)), RNG.normal(size=(4, 7))
    plain = [[np.sqrt(((x - y) ** 2).sum()) for y in b] for x in a]
    np.testing.assert_allclose(euclidean_distances(a, b), plain, rtol=1e-12)
    same = np.repeat(RNG.normal(size=(1, 512)) * 100, 3, axis=0)
    distances = euclidean_distances(same, same)
    assert np.isfinite(distances).all() and distances.max() < 1e-3


def test_perfect_embeddings_are_always_first():
    x = RNG.normal(size=(64, 8))
    assert r_precision(x, x, pool_size=32).precision.tolist() == [1, 1, 1]


def test_shuffled_captions_fall_to_chance():
    x = RNG.normal(size=(3200, 16))
    scores = r_precision(RNG.permutation(x), x, pool_size=32).precision
    np.testing.assert_allclose(scores, np.array([1, 2, 3]) / 32, atol=0.02)


def test_ranks_agree_with_counting_nearer_motions():
    text, motion = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
    distances = euclidean_distances(text, motion)
    counted = [(distances[i] < distances[i, i]).sum() for i in range(20)]
    assert pool_ranks(text, motion).tolist() == counted


@pytest.mark.parametrize(
    ("count", "pool", "dims"), [(96, 96, 8), (100, 96, 512), (70, 32, 3), (9, 2, 5), (4, 4, 1)]
)
def test_retrieval_agrees_with_a_plain_loop_over_pools(count, pool, dims):
    text = RNG.normal(size=(count, dims)).astype(np.float32)
    motion = (text + 0.7 * RNG.normal(size=text.shape)).astype(np.float32)
    _, expected, mm = plain_metrics.retrieval(text, motion, pool)
    np.testing.assert_allclose(r_precision(text, motion, pool).precision, expected, rtol=1e-12)
    used = count // pool * pool
    assert mm_distance(text[:used], motion[:used]) == pytest.approx(mm, rel=1e-5)
    assert mm_distance(text, motion, r_precision(text, motion, pool).ranked) == pytest.approx(mm, rel=1e-5)


def test_equal_motions_tie_exactly_and_rank_by_place():
    """All motions alike: one caption of a pool is first, one second, and so on, which is chance."""
    text = RNG.normal(size=(33, 512)) * 10
    motion = np.tile(RNG.normal(size=512) * 10, (33, 1))
    assert pool_ranks(text, motion).tolist() == list(range(33))
    assert precision_at(pool_ranks(text, motion)).tolist() == [1 / 33, 2 / 33, 3 / 33]
    assert (euclidean_distances(motion, motion) == 0).all()


def test_pools_smaller_than_k_are_always_hit():
    text, motion = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 4))
    assert r_precision(text, motion, 2).precision[1:].tolist() == [1, 1]


def test_order_within_a_pool_changes_nothing():
    text, motion = RNG.normal(size=(32, 6)), RNG.normal(size=(32, 6))
    order = RNG.permutation(32)
    np.testing.assert_array_equal(pool_ranks(text, motion)[order], pool_ranks(text[order], motion[order]))


def test_an_incomplete_last_pool_is_dropped():
    text, motion = RNG.normal(size=(70, 6)), RNG.normal(size=(70, 6))
    retrieval, complete = r_precision(text, motion, 32), r_precision(text[:64], motion[:64], 32)
    np.testing.assert_array_equal(retrieval.precision, complete.precision)
    assert (retrieval.ranks[64:] == NOT_RANKED).all() and retrieval.ranked[:64].all()
    with pytest.raises(ValueError, match="pool size is 96"):
        r_precision(text, motion, 96)


def test_pools_follow_the_given_order():
    text = RNG.normal(size=(70, 6))
    motion, order = text + RNG.normal(size=text.shape), RNG.permutation(70)
    ordered = r_precision(text[order], motion[order], 32)
    dealt = r_precision(text, motion, 32, order)
    np.testing.assert_array_equal(dealt.precision, ordered.precision)
    np.testing.assert_array_equal(dealt.ranks[order], ordered.ranks)


def test_precision_grows_with_k_and_falls_with_the_pool():
    text = RNG.normal(size=(384, 8))
    motion = text + RNG.normal(size=text.shape)
    small, large = (r_precision(text, motion, size).precision for size in (32, 96))
    assert (np.diff(small) >= 0).all() and (large <= small).all()


def test_equal_captions_miss_by_the_published_rule_and_hit_by_the_fair_one():
    text = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]])
    motion = np.array([[0.1, 0.0], [0.2, 0.0], [5.0, 5.1]])
    assert pool_ranks(text, motion).tolist() == [0, 1, 0]
    assert pool_ranks(text, motion, same_group(np.array(["bow", "bow", "hug"]))).tolist() == [0, 0, 0]


def test_the_fair_rule_equals_the_published_one_without_duplicates():
    text, motion = RNG.normal(size=(64, 4)), RNG.normal(size=(64, 4))
    fair = r_precision(text, motion, 32, relevance=same_group)  # every pair is a group of its own
    np.testing.assert_array_equal(r_precision(text, motion, 32).ranks, fair.ranks)


def test_the_fair_rule_does_not_reward_a_wrong_group():
    text = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    motion = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 0.0]])
    assert pool_ranks(text, motion, same_group(np.array([0, 0, 1]))).tolist() == [1, 1, 0]


def test_a_motion_is_relevant_to_a_vaguer_caption_and_not_the_reverse():
    text = np.array([[0.0], [0.1]])  # "a hug", "a gentle hug"
    motion = np.array([[5.0], [0.0]])
    relevant = np.array([[True, True], [False, True]])
    assert pool_ranks(text, motion, relevant).tolist() == [0, 0]
    assert pool_ranks(text, motion[::-1], relevant).tolist() == [0, 1]
    with pytest.raises(ValueError, match="true on the diagonal"):
        pool_ranks(text, motion, ~relevant)


def test_mm_distance_is_the_mean_of_paired_distances():
    text, motion = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 1.0]])
    assert paired_distances(text, motion).tolist() == [5.0, 1.0]
    assert mm_distance(text, motion) == 3.0
    with pytest.raises(ValueError, match="same shape"):
        mm_distance(text, motion[:1])


# Diversity, MModality, interval -----------------------------------------------------------------------


def test_diversity_agrees_with_a_plain_loop_over_the_same_draws():
    x = RNG.normal(size=(50, 4))
    first, second = draw_pairs(50, 30, np.random.default_rng(3))
    plain = np.mean([np.linalg.norm(3 * x[i] - 3 * x[j]) for i, j in zip(first, second, strict=True)])
    assert np.isclose(diversity(x, np.random.default_rng(3), pairs=30, scale=3), plain, rtol=1e-12)
    assert len(set(first)) == 30 and len(set(second)) == 30


def test_diversity_of_a_standard_gaussian_has_its_closed_form():
    x = np.random.default_rng(0).normal(size=(20000, 64))
    assert np.isclose(diversity(x, np.random.default_rng(1), pairs=20000), np.sqrt(2 * 64), rtol=0.01)


def test_diversity_of_equal_motions_is_zero_and_too_few_are_refused():
    x = np.ones((10, 4))
    assert diversity(x, np.random.default_rng(0), pairs=10) == 0
    with pytest.raises(ValueError, match="300 pairs cannot be drawn from 10"):
        diversity(x, np.random.default_rng(0))


def test_published_multimodality_agrees_with_a_plain_loop_over_the_same_draws():
    x = RNG.normal(size=(5, 30, 4))
    first, second = draw_pairs(30, 10, np.random.default_rng(3))
    plain = np.mean(
        [np.linalg.norm(x[c, i] - x[c, j]) for c in range(5) for i, j in zip(first, second, strict=True)]
    )
    assert np.isclose(published_multimodality(x, np.random.default_rng(3), pairs=10), plain, rtol=1e-12)


def test_multimodality_ignores_differences_between_captions():
    x = np.repeat(RNG.normal(size=(6, 1, 4)) * 100, 12, axis=1)
    assert multimodality(x, np.random.default_rng(0)) == 0
    with pytest.raises(ValueError, match="3 non-empty axes"):
        multimodality(x[0], np.random.default_rng(0))


def test_diversity_and_published_multimodality_draw_at_most_the_number_of_samples():
    x = RNG.normal(size=(12, 4))
    assert diversity(x, np.random.default_rng(0), pairs=12) > 0
    with pytest.raises(ValueError, match="13 pairs cannot be drawn from 12"):
        diversity(x, np.random.default_rng(0), pairs=13)
    few = RNG.normal(size=(3, 4, 5))
    assert published_multimodality(few, np.random.default_rng(0), pairs=4) > 0
    with pytest.raises(ValueError, match="10 pairs cannot be drawn from 4"):
        published_multimodality(few, np.random.default_rng(0))
    with pytest.raises(ValueError, match="0 pairs"):
        diversity(x, np.random.default_rng(0), pairs=0)


@pytest.mark.parametrize("samples", [2, 3, 5, 9])
@pytest.mark.parametrize("pairs", [1, 2, 4])
def test_multimodality_of_few_samples_is_unbiased(samples, pairs):
    x = RNG.normal(size=(4, samples, 3))
    first, second = np.triu_indices(samples, 1)
    expected = np.linalg.norm(x[:, first] - x[:, second], axis=2).mean()
    drawn = [multimodality(x, np.random.default_rng(seed), pairs) for seed in range(400)]
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert abs(np.mean(drawn) - expected) <= 4 * error + 1e-12
    assert np.isclose(multimodality_contributions(x).mean(), expected, rtol=1e-12)


def test_two_samples_have_one_distance_whatever_the_seed():
    path = SHARED / "cases" / "pipeline" / "evaluate-multimodality-few-samples" / "embeddings.npy"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    x = np.load(path)
    for seed in range(20):
        assert np.isclose(multimodality(x, np.random.default_rng(seed), pairs=2), 5.0, rtol=1e-6)


def test_one_sample_of_every_caption_has_no_multimodality():
    with pytest.raises(ValueError, match="of 1 samples; accepted"):
        multimodality(RNG.normal(size=(3, 1, 5)), np.random.default_rng(0), pairs=1)


def test_draws_are_the_published_ones_for_the_legacy_generator():
    np.random.seed(11)
    first, second = (np.random.choice(50, 30, replace=False) for _ in (1, 2))
    x = RNG.normal(size=(50, 6)).astype(np.float32)
    plain = plain_metrics.mean_distance(x.astype(np.float64), first, second, 3)
    assert diversity(x, np.random.RandomState(11), pairs=30, scale=3) == pytest.approx(plain, rel=1e-12)


def test_confidence_interval_uses_the_population_std():
    interval = confidence_interval(np.array([1.0, 3.0]))
    assert interval.mean == 2.0 and np.isclose(interval.half_width, 1.96 / np.sqrt(2))


def test_one_repetition_has_no_interval():
    interval = confidence_interval(np.array([4.0]))
    assert interval.mean == 4.0 and np.isnan(interval.half_width)
