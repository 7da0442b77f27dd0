"""Verdicts of `evaluate --compare`: contributions of clips, pairs, and what is inconclusive."""

from __future__ import annotations

import csv
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evaluator import verdicts as simulation
from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from evaluators.metrics import (
    diversity_contributions,
    fid,
    fid_contributions,
    pool_ranks,
    r_precision_contributions,
    repeated_interval,
    same_group,
    unpaired_difference,
)
from evaluators.protocols.evaluation import Evaluation, scored_items
from evaluators.protocols.protocol import ProtocolRecord
from evaluators.protocols.scoring import Embedded, per_clip_scores, score_repetition
from evaluators.reports.comparing import compare, comparison_notes, comparison_table, verdict_of
from evaluators.reports.report import read_report, report_dict
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import COLUMNS
from tests.helpers.paths import SHARED
from tests.helpers.tiny_evaluator import TINY

CASE = SHARED / "cases" / "pipeline" / "evaluate-compare-verdicts"
CLIPS = 24


def report(motion_seed: int, seed: int = 0, shift: float = 0.0, subject: str = "", **changes) -> dict:
    """The report of a file of 24 clips; evaluations of one `motion_seed` score the same motions."""
    fixed, own = np.random.default_rng(0), np.random.default_rng([1, motion_seed])
    text, reference = fixed.normal(size=(CLIPS, 6)), fixed.normal(size=(40, 6))
    motion = text + own.normal(size=text.shape) + shift
    keys = tuple(f"1 they wave {i}" for i in range(CLIPS))
    embedded = Embedded(text, motion, keys=keys)
    protocol = changes.pop("protocol", TINY)
    record = ProtocolRecord(
        protocol, "tiny-eval", "0" * 64, "fake", "generate", "split", "1" * 64, 40, "pools"
    )
    result = Evaluation(record, {"kind": "file", "sha256": subject or f"hash {motion_seed} {shift}"})
    rngs = [np.random.default_rng([seed, n]) for n in range(protocol.repetitions)]
    repetitions = [score_repetition(protocol, embedded, reference, rng) for rng in rngs]
    result.add("generated", "a file", repetitions, per_clip_scores(protocol, embedded, reference))
    still = tuple(Motion(np.zeros((2, 4, 22, 3), np.float32)) for _ in range(CLIPS))
    prompts = tuple(f"they wave {i}" for i in range(CLIPS))
    clips = InteractionSet(
        "made", prompts, prompts, still, (0,) * CLIPS, (None,) * CLIPS, (BOTH_PERSONS,) * CLIPS
    )
    result.items = scored_items(clips, repetitions[0], 0)
    skate = np.abs(own.normal(size=CLIPS)) + 1.0 + 3 * shift
    result.physics = {"generated": dict.fromkeys(COLUMNS, skate)}
    return json.loads(json.dumps(report_dict(result), allow_nan=False))


def texts(a: dict, b: dict) -> dict[str, str]:
    return {verdict.name: verdict.text for verdict in compare(a, b)}


@pytest.mark.parametrize("subject", ["", "another hash of the same motions"])
def test_a_file_is_never_different_from_itself_whatever_the_seed(subject):
    first = report(1)
    for seed in range(1, 12):
        found = texts(first, report(1, seed=seed, subject=subject))
        assert all(text.startswith(("no difference", "absent")) for text in found.values()), found


def test_a_plainly_worse_file_is_found_with_the_number_of_clips_and_what_would_be_seen():
    a, b = report(1), report(2, shift=2.0)
    found = {verdict.name: verdict for verdict in compare(a, b)}
    for name in ("FID", "MM Dist", "foot skate mm/frame"):
        assert found[name].text == "a is better" and found[name].clips == "24 paired"
        assert 0 < found[name].difference.visible < found[name].difference.value
    assert found["jerk m/s³"].text == "b is higher"
    assert texts(b, a)["FID"] == "b is better"
    table = comparison_table(list(found.values()))
    assert "would be seen" in table[0] and len({len(row) for row in table}) == 1
    assert "2 repetitions" in comparison_notes(a, b)[0]


def test_files_of_other_prompts_are_compared_unpaired():
    a, b = report(1), report(2)
    for clips in b["per_clip"]["generated"].values():
        clips["keys"] = [f"other {key}" for key in clips["keys"]]
    assert {verdict.clips for verdict in compare(a, b) if verdict.difference} == {"24 and 24"}


def test_other_protocols_rows_and_chance_levels_are_not_compared():
    a = report(1)
    with pytest.raises(InputError, match="pool_size: 3 and 4"):
        compare(a, report(2, protocol=replace(TINY, pool_size=4)))
    with pytest.raises(InputError, match="no row 'reconstruction'"):
        compare(a, report(2), row="reconstruction")
    b = report(2)
    b["rows"]["generated"]["R@1"]["chance"] = 0.7
    assert texts(a, b)["R@1"] == "inconclusive: chance is 0.333 in a and 0.700 in b"


def test_sampling_settings_are_reported():
    a, b = report(1), report(2)
    a["protocol"]["sampling"] = {"steps": 20, "guidance": 2}
    b["protocol"]["sampling"] = {"steps": 10, "guidance": 2}
    assert "sampling settings of a and b: steps: 20 and 10" in comparison_notes(a, b)


def test_few_clips_and_metrics_of_packages_are_inconclusive():
    few = {str(i): float(i) for i in range(5)}
    assert verdict_of("FID", few, few, "lower").text == "inconclusive: fewer than 8 clips"
    a, b = report(1), report(2)
    for one in (a, b):
        one["rows"]["generated"]["Spread"] = {"mean": 2.0, "half_width": 0.1, "values": [2.0, 2.0]}
    assert texts(a, b)["Spread"] == "inconclusive: a metric of an installed package"


@pytest.mark.skipif(not CASE.is_dir(), reason=f"{CASE} is not here")
def test_reports_without_contributions_of_clips_have_no_winner():
    a, other, b = (read_report(CASE / f"{name}.json") for name in ("a", "a-other-seed", "b"))
    for pair in ((a, other), (a, b)):
        assert not [text for text in texts(*pair).values() if "better" in text or "higher" in text]
    assert texts(a, other)["FID"].startswith("no difference")
    assert texts(a, b)["FID"] == "inconclusive: no contributions of clips"
    assert any("score both files again" in line for line in comparison_notes(a, b))


# contributions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [None, [0, 1, 2, 0, 3, 1, 0, 4]])
def test_contributions_to_r_precision_are_the_jackknife_over_all_pools(groups):
    rng, count, size = np.random.default_rng(4), 8, 4
    text = rng.normal(size=(count, 3))
    motion = text + rng.normal(size=text.shape)
    relevant = None if groups is None else same_group(groups)

    def over_all_pools(clips: list[int]) -> np.ndarray:
        hits = []
        for i in clips:
            for others in itertools.combinations([j for j in clips if j != i], size - 1):
                pool = np.array([i, *others])
                answers = None if relevant is None else relevant[np.ix_(pool, pool)]
                rank = pool_ranks(text[pool], motion[pool], answers)[0]
                hits.append([rank < k for k in (1, 2, 3)])
        return np.mean(hits, axis=0)

    value = over_all_pools(list(range(count)))
    without = np.array([over_all_pools([j for j in range(count) if j != i]) for i in range(count)])
    jackknife = value + (count - 1) * (without.mean(axis=0) - without)
    found = r_precision_contributions(text, motion, size, relevant)
    np.testing.assert_allclose(found, jackknife.T, atol=1e-12)
    np.testing.assert_allclose(found.mean(axis=1), value, atol=1e-12)


# Fewer clips than numbers, where leaving one out lowers the rank of the covariance, and more.
@pytest.mark.parametrize(("count", "agreement"), [(20, 0.8), (200, 0.98)])
def test_contributions_to_fid_are_its_derivative(count, agreement):
    rng = np.random.default_rng(5)
    reference, generated = rng.normal(size=(300, 24)), 1.3 * rng.normal(size=(count, 24)) + 0.2
    found = fid_contributions(reference, generated, 6.0)
    assert np.isclose(found.mean(), fid(reference, generated, 6.0), rtol=1e-9)
    left_out = np.array([fid(reference, np.delete(generated, i, 0), 6.0) for i in range(count)])
    assert np.corrcoef(found, -left_out)[0, 1] > agreement


def test_contributions_to_diversity_average_over_all_pairs():
    x = np.random.default_rng(6).normal(size=(30, 4))
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    assert np.isclose(diversity_contributions(x, 3.0).mean(), 3 * distances.mean())


@pytest.mark.skipif(not CASE.is_dir(), reason=f"{CASE} is not here")
def test_tables_of_the_case_have_the_intervals_that_it_names():
    described = (CASE / "README.md").read_text(encoding="utf-8")
    number = r"(-?\d\.\d+)"
    named = re.search(
        rf"MM Dist b - a is {number}, bootstrap 95 % \[{number}, {number}\] unpaired, \[{number}, {number}\]",
        described,
    )
    value, low, high, paired_low, paired_high = map(float, named.groups())
    tables = []
    for name in ("a", "b"):
        with (CASE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            tables.append({row["prompt"]: float(row["mm_distance"]) for row in csv.DictReader(file)})
    a, b = tables
    verdict = verdict_of("MM Dist", a, b, "lower")
    assert verdict.text == "no difference seen" and verdict.clips == "64 paired"
    assert verdict.difference.value == pytest.approx(value, abs=5e-5)
    assert (verdict.difference.low, verdict.difference.high) == pytest.approx(
        (paired_low, paired_high), abs=0.01
    )
    unpaired = unpaired_difference(np.array(list(a.values())), np.array(list(b.values())))
    assert (unpaired.low, unpaired.high) == pytest.approx((low, high), abs=0.015)


# intervals and error rates ----------------------------------------------------------------------------


@pytest.mark.parametrize("repetitions", [2, 3, 5, 20])
def test_intervals_of_few_repetitions_have_the_coverage_they_claim(repetitions):
    held = simulation.coverage_over_repetitions([repetitions], draws=4000)[repetitions]["ours"]
    assert abs(held - 0.95) < 0.015  # four standard errors of 4000 draws
    assert np.isnan(repeated_interval(np.full(repetitions, 2.0)).half_width)


def test_a_share_of_one_has_an_interval():
    assert 0.01 < repeated_interval(np.ones(3), np.ones(64), share=True).half_width < 0.1


@pytest.mark.slow
def test_two_seeds_of_a_model_are_seldom_called_different():
    # 40 tries of 40 clips: with 5 % false verdicts, 8 or more of 40 happen once in 1000.
    rates = simulation.false_verdicts(40, tries=40, seed=11)
    assert set(rates) >= {"R@1", "R@2", "R@3", "FID", "MM Dist", simulation.SKATE}
    assert all(rate < 0.2 for rate in rates.values()), rates
