"""Smoke test of `make benchmark`: every section with tiny sizes, file and document. No timing is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.machine import ROOT
from benchmarks.speed import __main__ as speed
from benchmarks.speed import (
    commands,
    corpus,
    earlier,
    evaluation,
    gpu,
    gpu_session,
    growth,
    jobs,
    pictures,
    report,
    sampling,
    starts,
    storage,
    training,
)
from benchmarks.speed.goals import Goal
from benchmarks.speed.published_loop import flops_per_pass
from benchmarks.speed.report import write_report
from benchmarks.speed.timing import exponent, in_turns, summary
from intermask_cli.config import TransformerConfig
from tests.helpers.tiny import CODES
from tests.helpers.tiny_model import TinyModel

NETWORK = TransformerConfig(
    codebook_size=CODES, code_dim=12, latent_dim=24, heads=3, layers=2, ff_dim=32, text_dim=16, text_width=16,
    text_heads=2, text_ff=24,
)  # fmt: skip


def test_samples_are_taken_in_turns() -> None:
    order: list[str] = []
    samples = in_turns("x", {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert {name: len(seconds) for name, seconds in samples.items()} == {"a": 3, "b": 3}


def test_ratios_are_of_minima_and_medians() -> None:
    rows = summary({"plain": [4.0, 6.0, 5.0], "ours": [2.0, 4.0, 2.5]}, "plain")
    assert "times_as_fast" not in rows["plain"]
    assert (rows["ours"]["times_as_fast"], rows["ours"]["times_as_fast_median"]) == (2.0, 2.0)
    assert rows["ours"]["samples"] == [2.0, 4.0, 2.5]


def test_exponents() -> None:
    assert exponent([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0]) == pytest.approx(2)


def test_work_of_a_full_size_pass() -> None:
    """Counted independently from the layer sizes: 44.9 GFLOP for 750 tokens."""
    assert flops_per_pass(TransformerConfig(), 75) / 1e9 == pytest.approx(44.9, abs=0.3)


@pytest.mark.parametrize("lengths", [[4], [3, 5, 3, 2]])
def test_both_loops_make_the_same_tokens(lengths: list[int]) -> None:
    contest = sampling.Contest(NETWORK, lengths, steps=6)
    for run in contest.runs().values():
        run()
    assert contest._equal() == 1.0
    assert not torch.equal(contest.made[sampling.PLAIN][0][0], contest.made[sampling.PLAIN][0][1])
    for n, made in zip(lengths, contest.made[sampling.HALF], strict=True):
        assert made.shape == (2, 5, n) and ((made >= 0) & (made < CODES)).all()


def test_the_earlier_version_is_run_from_its_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1.0 comes out of the history; a checkout without it leaves the section out."""
    seen = []

    def note_it(command: list[str], folder: Path) -> float:
        seen.append((folder, command))
        assert (folder / "intermask_cli" / "version.py").exists() and Path(command[4]).is_file()
        return 1.0

    monkeypatch.setattr(commands, "processor_seconds", note_it)
    found = earlier.measure(earlier.EarlierSizes(2))
    if found is not None:
        assert [folder == ROOT for folder, _ in seen] == [False, True, True]
        assert seen[2][1][-2:] == ["--processes", "1"] and found["processor"][earlier.NOW]["min"] == 1.0
    monkeypatch.setattr(earlier, "COMMIT", "0" * 40)
    assert earlier.measure(earlier.EarlierSizes(2)) is None


def test_a_clip_of_the_corpus_is_timed_without_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "checked_out", lambda tree: True)
    monkeypatch.setattr(commands, "processor_seconds", _seconds_of_a_command)
    found = corpus.measure(corpus.CorpusSizes(clips=50, fewer=10, rounds=1))
    assert found is not None
    assert found["runs"][earlier.EARLIER]["min"] == pytest.approx(0.025)
    assert found["runs"][earlier.NOW]["times_as_fast"] == pytest.approx(2.5)
    assert "| now | 2.50x | 10.0 ms | 100 |" in report._corpus(found)
    monkeypatch.setattr(corpus, "checked_out", lambda tree: False)
    assert corpus.measure(corpus.CorpusSizes()) is None


def test_mixed_lengths_span_the_prompt_file() -> None:
    assert sampling.mixed_lengths(64)[0] == sampling.mixed_lengths(3)[0] == 15
    assert sampling.mixed_lengths(64)[-1] == sampling.mixed_lengths(3)[-1] == 75


class TrainingCommands:
    """Stands in for processes that train: what they would print."""

    def run(self, command: list[str]) -> str:
        half = json.loads(command[-1])["half"]
        return "0.2\n" if half and "torch.distributed.run" in command else "0.5\n"


@pytest.mark.parametrize("half", [False, True])
def test_training_steps_are_timed(half: bool) -> None:
    sizes = training.TrainingSizes(batch=2, tokens=2, steps=4)
    assert 0 < training.seconds_of_a_step(sizes, half) < 60


def _seconds_of_a_command(command: list[str], folder: Path = ROOT) -> float:
    """2 s, and for each clip of a corpus 10 ms, in 0.1.0 25 ms."""
    clips = int(command[-1]) if "duets" in command else 0
    return 2.0 + clips * (0.010 if folder == ROOT else 0.025)


@pytest.mark.slow
@pytest.mark.long
def test_every_section_and_the_document(
    tmp_path: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for section in (earlier, corpus):
        monkeypatch.setattr(section, "checked_out", lambda tree: True)
    # These would take minutes; the first has a test of its own.
    monkeypatch.setattr(commands, "processor_seconds", _seconds_of_a_command)
    model = tuple(tiny_model.options)
    small = jobs.JobSizes(model, 4, 8, 1, (20, 40), 4, 8, 20)
    measured = jobs.machinery(small)
    bundle, encoder = str(tiny_model.bundle), str(tiny_model.encoder)
    sections = {
        "sampling": lambda: sampling.measure(sampling.SamplingSizes(NETWORK, 3, 2, 1, 2, 2, 2, 2)),
        "end to end": lambda: jobs.end_to_end(small),
        "machinery": lambda: measured,
        "machinery 1,000": lambda: measured,  # as the one before
        "starts": lambda: starts.measure(starts.StartSizes(model, 8, 1)),
        "storage": lambda: storage.measure(storage.StorageSizes(bundle, encoder, ("hug", "bow"), 12, 1)),
        "many": lambda: jobs.many(small),
        "pictures": lambda: pictures.measure(pictures.PictureSizes(12, 120, 1, 3)),
        "growth": lambda: growth.measure(
            growth.GrowthSizes(bundle, encoder, (8, 16), (1, 2), (1, 2), (1, 2), 8, 2, 1)
        ),
        "against 0.1.0": lambda: earlier.measure(earlier.EarlierSizes(3)),
        "duets": lambda: corpus.measure(corpus.CorpusSizes(clips=50, fewer=10, rounds=1)),
        "evaluate": lambda: evaluation.measure(evaluation.EvaluationSizes()),
        "training": lambda: training.measure(training.TrainingSizes(batch=4, tokens=4)),
        "gpu": lambda: None,
    }
    monkeypatch.setattr(training, "commands", TrainingCommands())
    path = tmp_path / "results" / "tiny.json"
    path.parent.mkdir()
    speed.run_sections(path, list(sections), sections, "tiny")
    record = json.loads(path.read_text())
    assert record["format"] == speed.FORMAT
    assert set(record["sections"]) == set(sections) - {"gpu"} == set(speed.SECTIONS) - {"gpu"}
    first = record["sections"]["sampling"]
    assert first["figures"]["mixed lengths"]["tokens_equal_to_plain"] == 1.0
    assert first["machine"]["versions"]["torch"] and first["machine"]["cores"] >= 1
    assert record["sections"]["machinery"]["figures"]["sampling_seconds"] > 0
    assert record["sections"]["pictures"]["figures"]["runs"]["GIF"]["pictures_per_second"] > 0
    assert record["sections"]["many"]["figures"]["by_count"]["40"]["merge_seconds"] > 0
    lines = speed.summary_lines(record)
    assert len(lines) >= 10 and all(line.split()[-1] in ("reached", "missed") for line in lines)
    document = tmp_path / "docs" / "benchmarks.md"
    document.parent.mkdir()
    write_report([{**record, "version": "0.0.9"}, {**record, "version": "0.0.10"}], document)
    text = document.read_text()
    for shares in first["figures"]["shares_of_a_pass"].values():
        assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) > 0
    words = (
        "## tiny", "What bounds it", "plain loop, float32", "2 workers", "| varied |", "peak MiB",
        "| partner |", "| bodies |", "3 prompts of 152 to 172 frames",
        "| second run |", "| 0.0.9 | 0.0.10 |", "of import torch", "times smaller",
        "a process per core | 2.50x", "| now | 2.50x | 10.0 ms | 100 |",
    )  # fmt: skip
    for word in words:
        assert word in text
    images = {image.name for image in (tmp_path / "docs" / "images").iterdir()}
    assert images == {"tiny-goals.png", "tiny-growth.png", "tiny-many.png"}


@pytest.mark.parametrize(("value", "met"), [(1.29, False), (1.3, True)])
def test_a_goal_is_that_of_the_processor(value: float, met: bool) -> None:
    goal = Goal("s", "x", lambda figures, _: figures["x"], 1.18, limit_amx=1.3)
    section = {"machine": {"amx": True}, "figures": {"x": value}}
    found, plain = goal.reached(section), goal.reached({**section, "machine": {}})
    assert found is not None and plain is not None
    assert (found.limit, found.met, plain.limit, plain.met) == (1.3, met, 1.18, True)


def test_a_busy_machine_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(speed, "RESULTS", tmp_path)
    monkeypatch.setattr(speed, "DOCUMENT", tmp_path / "benchmarks.md")
    monkeypatch.setattr(speed, "busy_share", lambda: 0.5)
    monkeypatch.setitem(speed.SECTIONS, "storage", lambda: None)
    with pytest.raises(SystemExit, match="other programs use 50% of the processors"):
        speed.main(["--only", "storage"])
    speed.main(["--only", "storage", "--force"])


def test_the_gpu_section_on_the_cpu() -> None:
    found = gpu.measure(gpu.TINY, "cpu")
    assert found is not None
    assert set(found["throughput"]) == {"1", "2"} and found["best_against_plain_batch_1"] > 0
    assert "one clip: " in gpu_session.summary({"speed": {"outcome": "ok", "figures": found}})


@pytest.mark.slow
@pytest.mark.long
def test_a_gpu_session_continues_after_a_failed_and_a_slow_step(tmp_path: Path) -> None:
    steps = [
        gpu_session.Step("fails", ("-c", "raise SystemExit(3)"), 60),
        gpu_session.Step("slow", ("-c", "import time; time.sleep(60)"), 6),
        gpu_session.Step("works", ("-c", "print('a line'); print('{\"x\": 1}')"), 60),
    ]
    found = gpu_session.run_steps(steps, tmp_path)
    assert [found[name]["outcome"] for name in ("fails", "slow", "works")] == [
        "exit code 3",
        "stopped after 6 s",
        "ok",
    ]
    assert found["works"]["figures"] == {"x": 1}
    assert "a line" in (tmp_path / "works.log").read_text()
    late = gpu_session.run_steps(steps, tmp_path, seconds=1)
    assert {row["outcome"] for row in late.values()} == {"left out: no time left"}


@pytest.mark.slow
@pytest.mark.long
def test_a_complete_gpu_session_on_the_cpu(tmp_path: Path) -> None:
    """All but torch.compile, which needs a compiler."""
    try_it = ["--device", "cpu", "--tiny", "--seconds", "3000", "--without", "compile"]
    gpu_session.main([*try_it, "--out", str(tmp_path)])
    outcomes = {
        k: v["outcome"] for k, v in json.loads((tmp_path / "session.json").read_text())["steps"].items()
    }
    assert outcomes == dict.fromkeys(("tests", "speed", "generate", "data", "training"), "ok")
    assert len(list(tmp_path.iterdir())) <= 8
