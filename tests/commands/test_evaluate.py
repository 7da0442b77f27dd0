"""`intermask evaluate` end to end with tiny random networks: rows, reports, cache, comparison, bad input."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from evaluators import run as running
from evaluators.data.cache import Cache
from evaluators.data.sets import duets_test_set
from evaluators.networks.bundle import network_config, save_evaluator
from evaluators.networks.bundle_info import EvaluatorInfo
from evaluators.networks.interx import InterXEvaluator
from evaluators.protocols import protocol
from evaluators.protocols.motions import GenerationRequest, MotionGenerator
from evaluators.reports.report import CSV_COLUMNS
from intermask_cli.inference.model import load_model
from intermask_cli.models.text_encoders import load_text_encoder
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import COLUMNS
from tests.helpers.dataset_trees import LINE, interhuman_tree, interx_tree
from tests.helpers.interaction_files import write_interactions, write_interx_interactions
from tests.helpers.motion_files import write_h5
from tests.helpers.paths import SHARED
from tests.helpers.tiny import save_tiny
from tests.helpers.tiny_evaluator import TINY, TINY_INTERX, save_tiny_evaluator

pytestmark = pytest.mark.slow

CLIPS, CLIP_FRAMES = 4, 24
PIPELINE = SHARED / "cases" / "pipeline"


def needs_case(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (PIPELINE / name).is_dir(), reason=f"{PIPELINE / name} is not here")


@pytest.fixture(scope="session")
def tiny_eval(tmp_path_factory, tiny_model):
    encoder = load_text_encoder(str(tiny_model.encoder))
    described = {"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}
    return save_tiny_evaluator(tmp_path_factory.mktemp("evaluator") / "tiny-eval", described)


def short_test_set(count: int, skip: int = 0):
    """The bundled split with only the first frames of every clip."""
    whole = duets_test_set(count, skip)
    cut = [Motion(m.joints[:, :CLIP_FRAMES], m.rotations6d[:, :CLIP_FRAMES]) for m in whole.motions]
    return whole.with_motions(whole.name, cut)


@pytest.fixture
def evaluate(cli, tiny_model, tiny_eval, tmp_path, monkeypatch):
    """Run the command with everything tiny: (exit code, stdout, stderr)."""
    monkeypatch.setitem(protocol.PROTOCOLS, "duets", TINY)
    monkeypatch.setattr(running, "duets_test_set", short_test_set)

    def run(*arguments, cache: Path | None = tmp_path / "cache"):
        where = ["--evaluator", tiny_eval, "--evaluator-text-encoder", tiny_model.encoder, "--device", "cpu"]
        kept = ["--out", tmp_path / "report", *([] if cache is None else ["--cache", cache])]
        scores_a_model = "--faults" not in arguments and not (arguments and isinstance(arguments[0], Path))
        model = tiny_model.options if scores_a_model else []
        clips = [] if {"--reference", "--dataset"} & set(arguments) else ["--clips", CLIPS]
        return cli("evaluate", *arguments, *model, *where, *kept, *clips)

    return run


@pytest.fixture
def report(tmp_path):
    return lambda: json.loads((tmp_path / "report" / "report.json").read_text())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_the_model_is_scored_with_all_rows_reports_and_a_fast_second_run(
    evaluate, report, tmp_path, monkeypatch
):
    code, out, err = evaluate()
    assert code == 0, err
    assert "R@1" in out and "foot skate" in out and "report.md" in out
    first = report()
    assert list(first["rows"]) == ["ground truth", "floor", "reconstruction", "generated"]
    assert first["rows"]["ground truth"]["FID"]["mean"] == pytest.approx(0, abs=1e-6)
    assert "absent" in first["rows"]["ground truth"]["MModality"]
    assert first["rows"]["generated"]["MModality"]["mean"] > 0
    assert len(first["rows"]["generated"]["FID"]["values"]) == TINY.repetitions
    assert set(first["physics"]) == {"ground truth", "reconstruction", "generated"}
    assert first["protocol"]["pool_size"] == 3 and first["protocol"]["evaluator"] == "tiny-eval"
    assert first["subject"]["sampling"]["steps"] == 6
    rows = rows_of(tmp_path / "report" / "per_prompt.csv")
    assert len(rows) == CLIPS * TINY.repetitions and tuple(rows[0]) == CSV_COLUMNS
    ranked = [row for row in rows if row["rank"]]
    assert len(ranked) == 3 * TINY.repetitions
    assert all(int(row["top1"]) == (row["rank"] == "1") for row in ranked)
    assert {row["sample"] for row in rows} == {"0", "1"}
    for name in ("report.md", "metrics.png", "worst.png", "best.png"):
        assert (tmp_path / "report" / name).stat().st_size > 0

    def not_again(*_, **__):
        raise AssertionError("the second run must read kept samples")

    monkeypatch.setattr("intermask_cli.inference.model.InteractionModel.generate", not_again)
    monkeypatch.setattr("intermask_cli.inference.model.InteractionModel.reconstruct", not_again)
    code, _, err = evaluate()
    assert code == 0, err
    assert report()["rows"] == first["rows"]


def test_reaction_keeps_the_given_person_and_scores_the_other(evaluate, report, tmp_path):
    code, _, err = evaluate("--task", "react", "--repeats", "1")
    assert code == 0, err
    result = report()
    assert result["protocol"]["task"] == "react" and result["protocol"]["repetitions"] == 1
    assert "absent" not in result["rows"]["generated"]["R@1"]
    assert "absent" in result["rows"]["generated"]["MModality"]
    assert len(rows_of(tmp_path / "report" / "per_prompt.csv")) == CLIPS


def test_reactions_are_scored_as_the_given_persons_motion_with_the_new_partner(tiny_model, tmp_path):
    reference = short_test_set(2)
    model = load_model(tiny_model.bundle, str(tiny_model.encoder))
    given = (1, 0)
    maker = MotionGenerator(model, model.info.sampling, Cache(tmp_path / "cache"))
    made = maker(GenerationRequest(reference, (5, 6), given))
    assert made.generated_persons == ((0,), (1,)) and made.prompts == reference.prompts
    for person, motion, truth in zip(given, made.motions, reference.motions, strict=True):
        np.testing.assert_allclose(motion.joints[person], truth.joints[person], atol=1e-6)
        assert np.abs(motion.joints[1 - person] - truth.joints[1 - person]).max() > 1e-2


def test_reactions_generated_together_equal_those_generated_alone(tiny_model, tmp_path):
    both = short_test_set(2)
    frames = min(motion.joints.shape[1] for motion in both.motions)
    cut = [Motion(m.joints[:, :frames], m.rotations6d[:, :frames]) for m in both.motions]
    reference = both.with_motions("equal lengths", cut)
    model = load_model(tiny_model.bundle, str(tiny_model.encoder))
    made = MotionGenerator(model, model.info.sampling, Cache(tmp_path / "cache"))(
        GenerationRequest(reference, (5, 6), (1, 1))
    )
    for i, truth in enumerate(cut):
        alone = model.react(truth.joints[1], [both.prompts[i]], 1, truth.rotations6d[1], seed=5 + i)
        np.testing.assert_array_equal(made.motions[i].joints, alone[0].joints)


def test_a_file_is_scored_without_a_model_and_absent_metrics_have_reasons(
    evaluate, report, tmp_path, monkeypatch
):
    monkeypatch.setattr(running, "MotionGenerator", None)
    path = write_interactions(tmp_path / "interactions.h5")
    code, _, err = evaluate(path)
    assert code == 0, err
    result = report()
    assert list(result["rows"]) == ["ground truth", "floor", "generated"]
    assert result["rows"]["generated"]["MModality"] == {"absent": "one sample per prompt"}
    assert "one sample per prompt" in err
    assert result["protocol"]["duplicates"] == "every motion of an equal caption"
    rows = rows_of(tmp_path / "report" / "per_prompt.csv")
    assert [row["id"] for row in rows] == [f"p{i}-s0" for i in range(6)]
    assert [row["seed"] for row in rows] == [str(i) for i in range(6)]
    assert all(row[name] != "" or name == "foot_skate_mm_per_frame" for row in rows for name in COLUMNS)


def test_a_file_made_for_the_bundled_prompts_follows_the_rule_of_the_bundled_protocol(
    evaluate, report, tmp_path
):
    path = write_interactions(tmp_path / "interactions.h5", count=CLIPS)
    with h5py.File(path, "a") as file:
        for prompt, group in zip(short_test_set(CLIPS).prompts, file["interactions"].values(), strict=True):
            group.attrs["prompt"] = prompt
    code, _, err = evaluate(path)
    assert code == 0, err
    assert report()["protocol"]["duplicates"] == TINY.duplicates


def test_several_samples_per_prompt_give_multimodality(evaluate, report, tmp_path):
    code, _, err = evaluate(write_interactions(tmp_path / "many.h5", samples=3))
    assert code == 0, err
    assert report()["rows"]["generated"]["MModality"]["mean"] > 0


def test_the_reference_may_be_another_file_split_in_halves_for_the_floor(evaluate, report, tmp_path):
    subject, reference = write_interactions(tmp_path / "a.h5"), write_interactions(tmp_path / "b.h5", count=8)
    code, _, err = evaluate(subject, "--reference", reference)
    assert code == 0, err
    result = report()
    assert result["protocol"]["split_size"] == 8 and "halves" in result["notes"]["floor"]
    assert result["rows"]["floor"]["FID"]["mean"] > 0


def test_the_reference_may_be_an_interhuman_tree(evaluate, report, tmp_path):
    tree = interhuman_tree(tmp_path / "tree", {str(i): 20 + i for i in range(6)})
    code, _, err = evaluate(write_interactions(tmp_path / "a.h5"), "--reference", tree)
    assert code == 0, err
    assert report()["protocol"]["split_size"] == 6 and report()["protocol"]["split"].startswith(
        "InterHuman test"
    )


def test_the_published_protocol_needs_the_published_evaluator(evaluate, tmp_path):
    tree = interhuman_tree(tmp_path / "tree", {str(i): 20 + i for i in range(6)})
    code, _, err = evaluate("--dataset", "interhuman", "--root", tree)
    assert code == 2 and "needs InterCLIP" in err
    code, _, err = evaluate("--dataset", "interhuman", "--root", tree, "--reference", tree)
    assert code == 2 and "leave --reference out" in err
    code, _, err = evaluate("--dataset", "interhuman")
    assert code == 2 and "--dataset interhuman needs --root DIR" in err
    code, _, err = evaluate("--root", tree)
    assert code == 2 and "add --dataset interhuman or interx" in err
    code, _, err = evaluate("--dataset", "interx", "--root", tree)
    assert code == 4 and "splits/test.txt: no such file; is this the root of the dataset?" in err
    code, _, err = evaluate("--dataset", "humanml3d", "--root", tree)
    assert code == 2 and "accepted: interhuman" in err


@pytest.fixture
def interx(cli, tiny_model, tmp_path, monkeypatch):
    """Run the command on a tiny copy of Inter-X with tiny random networks: (exit code, stdout, stderr)."""
    few = dict(pool_size=2, repetitions=1, diversity_pairs=3, mm_captions=2, mm_samples=10, mm_pairs=4)
    monkeypatch.setitem(protocol.PROTOCOLS, "interx", replace(protocol.INTERX, **few))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = InterXEvaluator(TINY_INTERX)
    encoder = {"id": "glove-interx", "sha256": None, "dim": 20}
    info = EvaluatorInfo("tiny-interx", "interx", network_config(network), "interx", encoder)
    save_evaluator(tmp_path / "interx-eval", info, network, "# tiny\n")
    loaded = load_text_encoder(str(tiny_model.encoder))
    described = {"id": loaded.id, "sha256": loaded.sha256, "dim": loaded.dim}
    save_tiny(tmp_path / "interx-model", "interx", text_encoder=described)
    frames = {"test": {f"G{i}": 25 + 4 * i for i in range(5)}, "train": {}, "val": {}}
    interx_tree(tmp_path / "InterX", frames)
    where = ["--evaluator", tmp_path / "interx-eval", "--device", "cpu"]
    kept = ["--cache", tmp_path / "cache", "--out", tmp_path / "report"]

    def run(*arguments):
        model = ["--text-encoder", tiny_model.encoder] if "--model" in arguments else []
        return cli("evaluate", *where, *kept, *model, *arguments)

    return run


def test_the_interx_protocol_end_to_end(interx, report, tmp_path):
    on_tree = ["--dataset", "interx", "--root", tmp_path / "InterX"]
    code, out, err = interx(*on_tree, "--model", tmp_path / "interx-model")
    assert code == 0, err
    assert "reconstruction" in out and "MModality" in out
    result = report()
    record = result["protocol"]
    assert (record["name"], record["pool_size"], record["fid_scale"]) == ("interx", 2, 1.0)
    assert record["split"] == "Inter-X test, published policy" and record["split_size"] == 4
    assert record["text_encoder"].startswith("glove-interx ") and record["sampling"]["steps"] == 6
    assert list(result["rows"]) == ["ground truth", "reconstruction", "generated"]
    assert result["rows"]["generated"]["MModality"]["mean"] > 0
    rows = rows_of(tmp_path / "report" / "per_prompt.csv")
    assert len(rows) == 4 and len({row["seed"] for row in rows}) == 4
    assert all(int(row["frames"]) % 4 == 0 for row in rows)
    code, _, err = interx(*on_tree, "--model", tmp_path / "interx-model", "--task", "react")
    assert code == 0, err
    assert report()["protocol"]["task"] == "react"


def test_a_model_that_does_not_fit_the_dataset_is_one_line(interx, tiny_model, tmp_path):
    on_tree = ["--dataset", "interx", "--root", tmp_path / "InterX"]
    code, _, err = interx(*on_tree, "--model", tiny_model.bundle)
    assert code == 2 and "makes interhuman motion; this dataset needs interx" in err
    config = tmp_path / "interx-model" / "config.json"
    config.write_text(config.read_text().replace('"max_frames": 60', '"max_frames": 32'))
    code, _, err = interx(*on_tree, "--model", tmp_path / "interx-model")
    assert code == 2 and "makes up to 32 frames; the test split asks for 40" in err


def test_an_interx_file_is_scored_against_an_interx_copy(interx, evaluate, report, tmp_path):
    caption, tree = LINE.split("#")[0], tmp_path / "InterX"
    path = write_interx_interactions(tmp_path / "made.h5", caption)
    code, _, err = interx(path, "--reference", tree)
    assert code == 0, err
    result = report()
    assert result["protocol"]["name"] == "interx" and result["protocol"]["split_size"] == 5
    assert result["rows"]["generated"]["FID"]["mean"] > 0
    code, _, err = interx(write_interx_interactions(tmp_path / "other.h5", "they wave"), "--reference", tree)
    assert code == 2 and "'they wave' is not a caption of" in err
    code, _, err = interx(write_interactions(tmp_path / "plain.h5"), "--reference", path)
    assert code == 4 and "word vectors" in err
    # The bundled evaluator reads joints, so it takes the copy's stand-in body and plain prompts.
    code, _, err = evaluate(write_interactions(tmp_path / "joints.h5"), "--reference", tree)
    assert code == 0, err
    assert report()["protocol"]["evaluator"] == "tiny-eval"


def test_reports_are_compared_and_other_protocols_refused(evaluate, cli, tmp_path):
    path = write_interactions(tmp_path / "interactions.h5")
    assert evaluate(path)[0] == 0
    kept = tmp_path / "a.json"
    kept.write_text((tmp_path / "report" / "report.json").read_text())
    code, out, _ = cli("evaluate", "--compare", kept, tmp_path / "report")
    assert code == 0 and "no difference: the same motions" in out
    assert evaluate(path, "--repeats", "3")[0] == 0
    code, _, err = cli("evaluate", "--compare", kept, tmp_path / "report")
    assert code == 2 and "repetitions: 2 and 3" in err and "pool_size" not in err


def test_faults_are_scored_on_real_motion(evaluate):
    code, out, err = evaluate("--faults", "--json")
    assert code == 0, err
    table = json.loads(out)
    assert table["none (ground truth)"]["FID"] == pytest.approx(0, abs=1e-6)
    assert table["2 cm noise"]["FID"] > 0
    assert table["2 cm noise"]["jerk_m_per_s3"] > 5 * table["none (ground truth)"]["jerk_m_per_s3"]
    assert table["wrong caption"]["MM Dist"] != table["none (ground truth)"]["MM Dist"]


def test_options_that_would_do_nothing_are_refused(evaluate, cli, tmp_path, monkeypatch):
    path = write_interactions(tmp_path / "interactions.h5")
    for name, value in (("steps", 3), ("model", "duet-mini"), ("text-encoder", "minilm"), ("processes", 2)):
        code, _, err = evaluate(path, f"--{name}", value)
        assert code == 2 and f"--{name} is for scoring a model" in err
        code, _, err = evaluate("--faults", f"--{name}", value)
        assert code == 2 and f"leave --{name} out" in err
    monkeypatch.setenv("INTERMASK_MODEL", "nowhere")  # a default is not an option that was given
    assert evaluate(path)[0] == 0
    for other in (("--reference", tmp_path), ("--dataset", "interhuman", "--root", tmp_path)):
        code, _, err = evaluate(*other, "--clips", 3)
        assert code == 2 and "--clips counts clips of the bundled test split" in err
    code, _, err = evaluate("--dataset", "interhuman", "--root", tmp_path, "--processes", 2)
    assert code == 2 and "torchrun" in err
    for words, shown in (([path], "SUBJECT"), (["--task", "react"], "--task")):
        code, _, err = cli("evaluate", *words, "--faults")
        assert code == 2 and f"leave {shown} out" in err
        code, _, err = cli("evaluate", "--compare", path, path, *words)
        assert code == 2 and f"leave {shown} out" in err
    code, _, err = evaluate(path, "--task", "react")
    assert code == 2 and "without a given person" in err
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = evaluate(path)
    assert code == 2 and "--dataset only" in err


def test_a_file_of_reactions_is_recognised_and_physics_covers_the_partner(evaluate, report, tmp_path):
    path = write_interactions(tmp_path / "interactions.h5")
    with h5py.File(path, "a") as file:
        for group in file["interactions"].values():
            group.attrs["given_person"] = 1
            group["joints"][0, :, :, 1] = 5.0  # the given person floats; it was not generated
            group["joints"][1, :, :, 1] = 0.0
    code, _, err = evaluate(path)
    assert code == 0, err
    assert report()["protocol"]["task"] == "react"
    assert {row["float_mm"] for row in rows_of(tmp_path / "report" / "per_prompt.csv")} == {"0"}
    with h5py.File(path, "a") as file:
        file["interactions/p0-s0"].attrs["given_person"] = 3
    code, _, err = evaluate(path)
    assert code == 3 and "p0-s0: given_person is 3; accepted: 1 or 2" in err


@pytest.mark.long
def test_fewer_samples_than_the_protocol_takes_are_recorded(evaluate, report, cli, tmp_path):
    assert evaluate(write_interactions(tmp_path / "two.h5", samples=2))[0] == 0
    record = report()["protocol"]
    assert (record["mm_captions"], record["mm_samples"], record["mm_pairs"]) == (6, 2, 1)
    kept = tmp_path / "two.json"
    kept.write_text(json.dumps(report()))
    assert evaluate(write_interactions(tmp_path / "three.h5", samples=3))[0] == 0
    code, _, err = cli("evaluate", "--compare", kept, tmp_path / "report")
    assert code == 2 and "mm_samples: 2 and 3" in err
    # Without MModality on one side there is nothing for these fields to decide.
    assert evaluate(write_interactions(tmp_path / "one.h5"))[0] == 0
    code, out, err = cli("evaluate", "--compare", kept, tmp_path / "report")
    assert code == 0 and "absent: one sample per prompt" in out


def damaged(file, what):
    if what == "fps":
        del file.attrs["fps"]
    elif what == "sampling":
        file.attrs["sampling"] = "{"
    elif what == "id":
        del file["interactions/p3-s0"]
    elif what == "nan":
        file["interactions/p3-s0/joints"][0, 3] = np.nan
    elif what in ("short", "long"):
        del file["interactions/p3-s0/joints"]
        frames = 2 if what == "short" else 401
        joints = 0.1 * np.random.default_rng(0).normal(size=(2, frames, 22, 3))
        file["interactions/p3-s0/joints"] = joints.astype(np.float32)
        file["interactions/p3-s0"].attrs["frames"] = frames
    elif what == "rotations":
        file["interactions/p3-s0/rotations6d"] = np.full((2, 24, 21, 6), np.nan, np.float32)
    else:
        del file["interactions/p3-s0/joints"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("fps", "fps is None; expected a positive number"),
        ("sampling", "attribute sampling is not JSON"),
    ],
)
def test_incomplete_files_are_one_line_and_exit_2(evaluate, tmp_path, what, message):
    path = write_interactions(tmp_path / "bad.h5")
    with h5py.File(path, "a") as file:
        damaged(file, what)
    code, _, err = evaluate(path)
    assert code == 2 and message in err
    assert "Traceback" not in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("id", "no complete interaction 'p3-s0'"),
        ("joints", "p3-s0"),
        ("rotations", "rotations6d"),
        ("nan", "joints contain NaN"),
        ("short", "2 frames; accepted: 4 or more"),
        ("long", "401 frames; evaluator tiny-eval reads at most 400"),
    ],
)
def test_an_interaction_that_cannot_be_scored_is_listed_and_the_others_are(
    evaluate, report, tmp_path, what, reason
):
    path = write_interactions(tmp_path / "bad.h5")
    with h5py.File(path, "a") as file:
        damaged(file, what)
    code, _, err = evaluate(path)
    assert code == 3 and "p3-s0" in err and reason in err and "Traceback" not in err
    result = report()
    assert [item["id"] for item in result["left_out"]] == ["p3-s0"] and reason in result["left_out"][0][
        "reason"
    ]
    assert result["rows"]["generated"]["FID"]["mean"] > 0 and "p3-s0" in (
        tmp_path / "report" / "report.md"
    ).read_text(encoding="utf-8")
    rows = {row["id"]: row for row in rows_of(tmp_path / "report" / "per_prompt.csv")}
    assert len([row for row in rows.values() if row["mm_distance"]]) == 5
    if what == "long":  # physics does not need the evaluator
        assert rows["p3-s0"]["mm_distance"] == "" and rows["p3-s0"]["jerk_m_per_s3"] != ""


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("units", "cm", "units 'cm'; accepted: m"),
        ("units", "inch", "units 'inch'; accepted: m"),
        ("up_axis", "z", "up_axis 'z'; accepted: y"),
        ("fps", 60.0, "60 fps; accepted: 30"),
        ("units", "m", None),
        ("up_axis", "Y", None),
    ],
)
def test_what_a_file_says_about_its_numbers_is_obeyed_or_refused(
    evaluate, cli, tmp_path, attribute, value, message
):
    path = write_interactions(tmp_path / "other.h5")
    with h5py.File(path, "a") as file:
        file.attrs[attribute] = value
    code, _, err = evaluate(path)
    assert (code, "Traceback" in err) == (0 if message is None else 2, False), err
    assert message is None or message in err
    if message is not None and attribute != "fps":  # every command reads through one reader
        code, _, err = cli("info", path)
        assert code == 2 and message in err


@needs_case("evaluate-file-units")
def test_the_file_in_centimetres_of_the_case_is_refused(evaluate, cli, tmp_path):
    made = write_interactions(tmp_path / "interactions.h5")
    script = PIPELINE / "evaluate-file-units" / "units.py"
    subprocess.run([sys.executable, script, made, tmp_path / "cm.h5"], check=True)
    code, _, err = evaluate(tmp_path / "cm.h5")
    assert code == 2 and "cm.h5: units 'cm'; accepted: m" in err
    for command in (("info",), ("export", "--to", "bvh", "--out", tmp_path / "bvh"), ("view",)):
        code, _, err = cli(command[0], tmp_path / "cm.h5", *command[1:])
        assert code == 2 and "units 'cm'; accepted: m" in err, command


def test_bodies_taller_than_people_are_refused_whatever_the_file_says(evaluate, cli, tmp_path):
    path = write_interactions(tmp_path / "cm.h5")
    with h5py.File(path, "a") as file:
        file.attrs["units"] = "m"
        for group in file["interactions"].values():
            group["joints"][...] *= 100
    code, _, err = evaluate(path)
    assert code == 2 and "m tall; up to 3 m are accepted" in err
    code, out, _ = cli("info", path)
    assert code == 0 and "m tall; up to 3 m are accepted" in out
    assert "m tall" not in cli("info", write_interactions(tmp_path / "metres.h5"))[1]


def test_prompts_that_are_all_equal_have_no_r_precision(evaluate, report, tmp_path):
    path = write_interactions(tmp_path / "same.h5")
    with h5py.File(path, "a") as file:
        for i, group in enumerate(file["interactions"].values()):
            group.attrs["prompt"] = ("they hug", "They hug.", "they  HUG!")[i % 3]
    code, out, err = evaluate(path)
    assert code == 0, err
    result = report()
    generated = result["rows"]["generated"]["R@1"]
    assert "captions of a pool are all equal" in generated["absent"] and generated["chance"] == 1
    assert "chance (generated)" in out and result["captions_per_pool"]["generated"] == pytest.approx(1)


@needs_case("evaluate-equal-captions")
def test_the_equal_captions_of_the_case_have_no_r_precision(evaluate, report, tmp_path):
    described = (PIPELINE / "evaluate-equal-captions" / "README.md").read_text(encoding="utf-8")
    count, caption = re.search(r'seq (\d+)\); do echo "(.*?)"', described).groups()
    path = write_interactions(tmp_path / "same.h5", count=int(count))
    with h5py.File(path, "a") as file:
        for group in file["interactions"].values():
            group.attrs["prompt"] = caption
    code, out, err = evaluate(path)
    assert code == 0, err
    generated = report()["rows"]["generated"]
    for metric in ("R@1", "R@2", "R@3"):
        assert "all equal" in generated[metric]["absent"] and generated[metric]["chance"] == 1
    assert "mean" not in generated["R@1"] and "1.000 ±0.000" not in out


def test_the_chance_level_stands_next_to_r_precision(evaluate, report, tmp_path):
    code, out, err = evaluate(write_interactions(tmp_path / "a.h5"))
    assert code == 0, err
    assert report()["rows"]["generated"]["R@1"]["chance"] == pytest.approx(1 / 3)
    assert re.search(r"^chance\b.*0\.333", out, re.MULTILINE)


@pytest.mark.parametrize(("style", "words"), [("md", "| --- |"), ("latex", r"\toprule")])
def test_tables_are_printed_in_other_styles(evaluate, tmp_path, style, words):
    code, out, err = evaluate(write_interactions(tmp_path / "a.h5"), "--table", style)
    assert code == 0 and words in out, err


def test_the_quick_form_leaves_out_multimodality_and_says_so(evaluate, report):
    code, _, err = evaluate("--quick", "--repeats", 1)
    assert code == 0, err
    assert "MModality is left out" in err
    result = report()
    assert result["rows"]["generated"]["MModality"] == {"absent": "left out (--quick)"}
    assert result["protocol"]["mm_captions"] == 0
    assert result["rows"]["generated"]["FID"]["mean"] > 0


def unwritable(folder: Path) -> Path:
    """A path below a file: no user may make it, not even root."""
    folder.write_text("")
    return folder / "below"


def test_a_cache_that_cannot_be_written_is_said_before_the_work(cli, tmp_path, monkeypatch):
    path = write_interactions(tmp_path / "a.h5")
    blocked = unwritable(tmp_path / "home")
    monkeypatch.delenv("INTERMASK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    code, out, _ = cli("doctor")
    assert "INTERMASK_CACHE names another" in out
    code, _, err = cli("evaluate", path, "--cache", blocked, "--out", tmp_path / "report")
    assert code == 2 and "INTERMASK_CACHE" in err and "embed" not in err


def test_without_a_writable_home_the_scores_are_made(
    cli, tiny_model, tiny_eval, report, tmp_path, monkeypatch
):
    monkeypatch.setitem(protocol.PROTOCOLS, "duets", TINY)
    monkeypatch.setattr(running, "duets_test_set", short_test_set)
    monkeypatch.delenv("INTERMASK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(unwritable(tmp_path / "home")))
    code, _, err = cli(
        "evaluate", write_interactions(tmp_path / "a.h5"), "--evaluator", tiny_eval, "--device", "cpu",
        "--evaluator-text-encoder", tiny_model.encoder, "--out", tmp_path / "report", "--clips", CLIPS,
    )  # fmt: skip
    assert code == 0 and err.index("no cache") < err.index("evaluator tiny-eval"), err
    assert report()["rows"]["generated"]["FID"]["mean"] > 0


@needs_case("evaluate-unwritable-home")
def test_scores_are_made_in_the_read_only_home_of_the_case(evaluate, report, tmp_path, monkeypatch):
    described = (PIPELINE / "evaluate-unwritable-home" / "README.md").read_text(encoding="utf-8")
    wanted = re.search(r'one warning \("no cache: .*?cannot be written; (.*?)"\)', described)[1]
    path = write_interactions(tmp_path / "a.h5")
    for variable in ("INTERMASK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(unwritable(tmp_path / "home")))
    code, _, err = evaluate(path, cache=None)
    assert code == 0 and wanted in err and err.count("no cache") == 1, err
    assert report()["rows"]["generated"]["FID"]["mean"] > 0


def test_reports_that_could_not_be_written_are_said_before_the_work(cli, tmp_path):
    path = write_interactions(tmp_path / "a.h5")
    code, _, err = cli("evaluate", path, "--out", unwritable(tmp_path / "mount"))
    assert code == 1 and "cannot be written" in err and "evaluator" not in err


def folder_of_motions(folder: Path, layout: str, count: int = 6) -> Path:
    """True motion as another system leaves it: arrays with captions."""
    clips = short_test_set(count)
    folder.mkdir()
    rows = ["id,text"]
    for i, (motion, prompt) in enumerate(zip(clips.motions, clips.prompts, strict=True)):
        name = f"clip{i}"
        if layout == "pairs":
            np.save(folder / f"{name}.npy", motion.joints)
        elif layout == "npz":
            np.savez(folder / f"{name}.npz", joints=motion.joints, fps=30.0)
        else:
            for person in (0, 1):
                np.save(folder / f"{name}_person{person + 1}.npy", motion.joints[person])
        if layout == "texts":
            (folder / f"{name}.txt").write_text(f"{prompt}#two/NUM people/NOUN#0.0#0.0\n")
        rows.append(f'{name},"{prompt}"')
    if layout != "texts":
        (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("layout", ["pairs", "npz", "persons", "texts"])
def test_a_folder_of_another_systems_motions_is_scored_as_it_is(evaluate, report, tmp_path, layout):
    folder = folder_of_motions(tmp_path / "other", layout)
    code, _, err = evaluate(folder)
    assert code == 0, err
    result = report()
    assert (
        result["subject"]["interactions"] == 6
        and len(result["per_clip"]["generated"]["MM Dist"]["keys"]) == 6
    )
    # They are the reference's own clips and others of its kind: nearer to it than random joints are.
    assert result["rows"]["generated"]["FID"]["mean"] < 50


def test_a_folder_of_bvh_files_of_each_person_is_scored(evaluate, cli, report, tmp_path):
    clips = short_test_set(4)
    ids = [f"walk{i}" for i in range(4)]
    for id, motion in zip(ids, clips.motions, strict=True):
        write_h5(tmp_path / f"{id}.h5", motion.joints, motion.rotations6d, ids=(id,))
        code, _, err = cli("export", tmp_path / f"{id}.h5", "--to", "bvh", "--out", tmp_path / "other")
        assert code == 0, err
    rows = [f'{id},"{prompt}"' for id, prompt in zip(ids, clips.prompts, strict=True)]
    (tmp_path / "other" / "captions.csv").write_text("\n".join(["id,text", *rows]) + "\n")
    code, _, err = evaluate(tmp_path / "other")
    assert code == 0, err
    result = report()
    assert result["subject"]["interactions"] == 4
    # The reference's own clips in another format: nearly nothing is lost.
    assert result["rows"]["generated"]["FID"]["mean"] < 0.1 * result["rows"]["floor"]["FID"]["mean"]


def test_a_motion_of_the_folder_that_cannot_be_read_is_left_out(evaluate, report, tmp_path):
    folder = folder_of_motions(tmp_path / "other", "pairs")
    (folder / "clip2.npy").write_bytes(b"nothing")
    code, _, err = evaluate(folder)
    assert code == 3 and "clip2" in err
    assert report()["subject"]["interactions"] == 5


def test_a_folder_without_captions_or_motions_is_one_line(evaluate, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = evaluate(tmp_path / "empty")
    assert code == 2 and "captions.csv" in err and "Traceback" not in err


def test_a_reference_of_one_interaction_is_refused(evaluate, tmp_path):
    one = write_interactions(tmp_path / "one.h5", count=1)
    code, _, err = evaluate(write_interactions(tmp_path / "a.h5"), "--reference", one)
    assert code == 2 and "needs 2 or more" in err
    code, _, err = evaluate(one)
    assert code == 0, err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fps": 20.0}, "20 fps; accepted: 30"),
        ({"frames": 2}, "2 frames; accepted: 4 or more"),
        ({"frames": 0}, "0 frames; accepted: 4 or more"),
        ({"joint_names": ["a", "b"]}, "another skeleton (2 joints)"),
        ({"joints": 24}, "accepted: (2, T, 22, 3)"),
        ({"count": 0}, "holds no interaction"),
    ],
)
def test_unusable_files_are_one_line_and_exit_2(evaluate, tmp_path, changes, message):
    code, _, err = evaluate(write_interactions(tmp_path / "bad.h5", **changes))
    assert code == 2 and message in err
    assert "Traceback" not in err


def test_truncated_and_foreign_files_and_unknown_names_are_one_line(evaluate, tmp_path):
    path = write_interactions(tmp_path / "whole.h5")
    short = tmp_path / "short.h5"
    short.write_bytes(path.read_bytes()[:2000])
    code, _, err = evaluate(short)
    assert code == 2 and "short.h5" in err and "Traceback" not in err
    code, _, err = evaluate("--reference", tmp_path / "nowhere")
    assert code == 4 and "accepted: test" in err
    code, _, err = evaluate("--task", "dance")
    assert code == 2 and "generate, react" in err


def test_an_evaluator_with_another_text_encoder_is_refused(cli, tiny_model, tmp_path):
    other = save_tiny_evaluator(tmp_path / "other", {"id": "all-MiniLM-L6-v2", "sha256": "0" * 64, "dim": 12})
    path = write_interactions(tmp_path / "interactions.h5")
    code, _, err = cli("evaluate", path, "--evaluator", other, "--evaluator-text-encoder", tiny_model.encoder)
    assert code == 2 and "was trained with text encoder" in err and "--evaluator-text-encoder" in err


def test_missing_and_damaged_evaluators_are_one_line(cli, tiny_eval, tmp_path):
    path = write_interactions(tmp_path / "interactions.h5")
    code, _, err = cli("evaluate", path, "--evaluator", "unknown")
    assert code == 4 and "neither bundled" in err
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.json").write_bytes((tiny_eval / "config.json").read_bytes())
    (copy / "weights.safetensors").write_bytes((tiny_eval / "weights.safetensors").read_bytes()[:500])
    code, _, err = cli("evaluate", path, "--evaluator", copy)
    assert code == 2 and "damaged" in err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--filter", "1"], 2, "filter is 1.0; accepted"),
        (["--temperature", "0"], 2, "temperature is 0.0; accepted"),
        (["--draw", "best"], 2, "draw is 'best'; accepted"),
        (["--model", "unknown"], 4, "model 'unknown' is neither bundled"),
    ],
)
def test_unusable_options_are_refused_before_the_evaluator_is_loaded(cli, monkeypatch, options, code, words):
    def unwanted(*_):
        raise AssertionError("the evaluator was loaded first")

    monkeypatch.setattr(running, "load_evaluator", unwanted)
    seen, _, complaint = cli("evaluate", *options)
    assert seen == code and words in complaint
