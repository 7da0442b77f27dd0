"""`intermask generate` from prompt file to dataset, with a tiny random model."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.datasets.rounding import rounded
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.body_check import body_height, height_of
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.rig import is_rigid
from tests.helpers.motion_samples import fk_pair
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory with a prompt file of two short lines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("text,frames,kind\ntwo people bow,12,polite\nthe first person waves,8,\n")
    return tmp_path


def items(run: Path | str) -> list[Interaction]:
    with InteractionFile(run) as dataset:
        return list(dataset)


def same(a: list[Interaction], b: list[Interaction]) -> bool:
    arrays = ("joints", "tokens", "rotations6d", "root_rotations6d", "bone_lengths")
    return [x.id for x in a] == [x.id for x in b] and all(
        np.array_equal(getattr(x, name), getattr(y, name))
        for x, y in zip(a, b, strict=True)
        for name in arrays
    )


#: Parametrises tests that a run does not depend on how it is carried out.
of_every_body = pytest.mark.parametrize("body", ["decoded", "rigid"])


def test_a_prompt_file_becomes_a_dataset(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    code, out, err = cli("generate", "p.csv", *tiny_model.options, "--samples", 2)
    assert code == 0, err
    run = folder / "runs" / "p"
    assert str(Path("runs/p/gallery.html")) in out.splitlines()[-1]
    assert "4 of 4 interactions" in out.splitlines()[0]
    assert sorted(path.name for path in run.iterdir() if path.name[0] != ".") == [
        "gallery.html", "index.csv", "interactions.h5", "manifest.json",
    ]  # fmt: skip
    made = items(run)
    assert [item.id for item in made] == ["p-2-s0", "p-2-s1", "p-3-s0", "p-3-s1"]
    assert [item.frames for item in made] == [12, 12, 8, 8]
    assert [item.text for item in made[::2]] == ["two people bow", "the first person waves"]
    for item in made:
        assert item.rotations6d is not None and item.tokens is not None
        assert item.joints.shape == (2, item.frames, 22, 3)
        assert item.rotations6d.shape == (2, item.frames, 21, 6)
        assert item.tokens.shape == (2, 5, item.frames // 4)
    with InteractionFile(run) as dataset:
        assert dataset.column("kind") == ["polite", "polite", "", ""]
        attributes = dataset.attributes
    assert attributes["model_id"] == "tiny-interhuman"
    assert attributes["sampling"]["steps"] == 6
    assert len(attributes["joint_names"]) == len(attributes["parents"]) == 22
    manifest = read_manifest(run)
    assert manifest is not None
    assert manifest["status"] == "finished"
    assert manifest["identity"]["model"] == attributes["model_sha256"]


def test_the_result_is_what_the_library_makes(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    from intermask_cli import load_model

    assert cli("generate", "p.csv", *tiny_model.options, "--store", "exact")[0] == 0
    stored = items("runs/p")[0]
    model = load_model(tiny_model.bundle, str(tiny_model.encoder))
    made = model.generate([stored.text], frames=[12], seeds=[stored.seed])[0]
    np.testing.assert_array_equal(stored.joints, made.joints)
    np.testing.assert_array_equal(stored.rotations6d, made.rotations6d)
    np.testing.assert_array_equal(stored.tokens, made.tokens)


@pytest.fixture
def plain(cli: Run, folder: Path, tiny_model: TinyModel) -> list[Interaction]:
    assert cli("generate", "p.csv", *tiny_model.options, "--out", "plain")[0] == 0
    return items("plain")


@pytest.mark.parametrize(
    "option",
    [
        ["--seed", 1],
        ["--steps", 2],
        ["--guidance", 6.0],
        ["--guidance-interval", "0.5-0.9"],
        ["--temperature", 3.0],
        ["--draw", "gumbel"],
        ["--filter", 0.0],
    ],
)
def test_every_sampling_option_has_an_effect(
    cli: Run, plain: list[Interaction], tiny_model: TinyModel, option: list[object]
) -> None:
    assert cli("generate", "p.csv", *tiny_model.options, "--out", "other", *option)[0] == 0
    assert not same(plain, items("other"))
    with InteractionFile("other") as dataset:
        if option[0] != "--seed":
            key, value = str(option[0])[2:].replace("-", "_"), option[1]
            expected = [0.5, 0.9] if key == "guidance_interval" else value
            assert dataset.attributes["sampling"][key] == expected


def test_numbers_are_rounded_unless_the_store_is_exact(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    command = ["generate", "p.csv", *tiny_model.options, "--body", "rigid"]
    for store in ("rounded", "exact"):
        assert cli(*command, "--store", store, "--out", store)[0] == 0
        manifest = read_manifest(folder / store)
        assert manifest is not None and manifest["identity"]["store"] == store
        with InteractionFile(store) as dataset:
            assert dataset.attributes["store"] == store == manifest["dataset"]["store"]
            assert ("store_joints_within_m" in dataset.attributes) == (store == "rounded")
    kept, exact = items("rounded"), items("exact")
    assert same(kept, [rounded(item) for item in exact]) and not same(kept, exact)
    for item in kept:
        assert all(item.rigid) and all(is_rigid(item.motion, person) for person in (0, 1))
    code, _, err = cli(*command, "--store", "exact", "--out", "rounded")
    assert code == 2 and "holds another run (other store)" in err
    assert cli(*command, "--out", "rounded")[0] == 0  # the default
    code, _, err = cli(*command, "--store", "half")
    assert code == 2 and "--store half: accepted are rounded and exact" in err


@of_every_body
def test_batch_size_sample_count_and_order_change_no_sample(
    cli: Run, folder: Path, tiny_model: TinyModel, body: str
) -> None:
    options = [*tiny_model.options, "--body", body]
    assert cli("generate", "p.csv", *options, "--out", "plain")[0] == 0
    plain = items("plain")
    assert [item.body for item in plain] == [body, body]
    assert cli("generate", "p.csv", *options, "--out", "b", "--batch-size", 1)[0] == 0
    assert same(plain, items("b"))
    (folder / "more.csv").write_text("text,frames\nhug,12\nthe first person waves,8\ntwo people bow,12\n")
    assert cli("generate", "more.csv", *options, "--out", "m", "--samples", 2)[0] == 0
    by_prompt = {(item.text, item.sample): item for item in items("m")}
    for item in plain:
        np.testing.assert_array_equal(by_prompt[item.text, 0].joints, item.joints)


def test_bf16_is_recorded_and_changes_logits(
    cli: Run, plain: list[Interaction], tiny_model: TinyModel
) -> None:
    assert cli("generate", "p.csv", *tiny_model.options, "--out", "half", "--dtype", "bf16")[0] == 0
    with InteractionFile("half") as dataset:
        assert dataset.attributes["sampling"]["dtype"] == "bf16"
    assert all(np.isfinite(item.joints).all() for item in items("half"))


def test_lengths_limit_and_json(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    (folder / "t.txt").write_text("two people bow\nhug\nwave\n")
    code, out, _ = cli("generate", "t.txt", *tiny_model.options, "--seconds", 0.5, "--limit", 2, "--json")
    assert code == 0
    report = json.loads(out)
    assert (report["items"], report["done"], report["made_now"], report["failed"]) == (2, 2, 2, 0)
    assert [item.frames for item in items(report["dataset"])] == [12, 12]
    assert cli("generate", "t.txt", *tiny_model.options, "--frames", 22, "--limit", 1, "--out", "f")[0] == 0
    assert [item.frames for item in items("f")] == [20]


def test_clips_longer_than_the_model_are_made(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    assert cli("generate", "p.csv", *tiny_model.options, "--limit", 1, "--out", "short")[0] == 0
    (folder / "long.csv").write_text("text,frames\ntwo people bow,132\n")
    assert cli("generate", "long.csv", *tiny_model.options)[0] == 0
    (item,) = items("runs/long")
    assert item.joints.shape == (2, 132, 22, 3)
    assert np.isfinite(item.joints).all()


def test_bad_lines_are_listed_and_the_others_made(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    (folder / "bad.txt").write_bytes(b"two people bow\n\xff\xfe\nhug\nx\0y\n" + b"z" * 70_000 + b"\n")
    code, out, err = cli("generate", "bad.txt", *tiny_model.options, "--frames", 8)
    assert code == 3
    assert "3 prompt lines rejected" in out
    assert err.count("warning: bad.txt line") == 3
    assert [item.id for item in items("runs/bad")] == ["bad-1-s0", "bad-3-s0"]
    rejected = [json.loads(line) for line in (folder / "runs/bad/rejected.jsonl").read_text().splitlines()]
    assert [(entry["file"], entry["line"]) for entry in rejected] == [
        ("bad.txt", 2),
        ("bad.txt", 4),
        ("bad.txt", 5),
    ]
    code, out, err = cli("generate", "bad.txt", *tiny_model.options, "--out", "strict", "--strict")
    assert (code, out) == (2, "")
    assert "--strict" in err
    assert not (folder / "strict").exists()


def test_dry_run_touches_nothing(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    code, out, _ = cli("generate", "p.csv", *tiny_model.options, "--samples", 3, "--dry-run")
    assert code == 0
    assert "6 interactions from 2 prompts: 2.0 s of motion" in out
    code, out, _ = cli("plan", "p.csv", *tiny_model.options, "--measure", 0, "--json")
    assert json.loads(out)["frames"] == 20
    assert sorted(path.name for path in folder.iterdir()) == ["p.csv"]


def test_the_same_command_again_makes_nothing_and_another_one_is_refused(
    cli: Run, folder: Path, tiny_model: TinyModel
) -> None:
    assert cli("generate", "p.csv", *tiny_model.options)[0] == 0
    before = (folder / "runs/p/interactions.h5").stat().st_mtime_ns
    code, out, err = cli("generate", "p.csv", *tiny_model.options, "--json")
    assert code == 0
    assert json.loads(out)["made_now"] == 0
    assert "already complete" in err
    code, _, err = cli("generate", "p.csv", *tiny_model.options, "--seed", 5)
    assert code == 2
    assert "other prompts" in err
    code, _, err = cli("generate", "p.csv", *tiny_model.options, "--steps", 3)
    assert code == 2
    assert "other settings" in err and "--overwrite" in err
    assert (folder / "runs/p/interactions.h5").stat().st_mtime_ns == before
    assert cli("generate", "p.csv", *tiny_model.options, "--steps", 3, "--overwrite")[0] == 0


@of_every_body
def test_a_prompt_file_changed_under_a_half_finished_run(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """Refused, nothing touched; with the old prompts back the run continues to what it would have been."""
    lines = "text,frames\n" + "".join(f"hug {i},4\n" for i in range(20))
    (folder / "s.csv").write_text(lines)
    options = [*tiny_model.options, "--body", body]
    assert cli("generate", "s.csv", *options, "--out", "whole")[0] == 0
    plain = InteractionModel.generate

    def interrupted(*arguments: Any, **settings: Any) -> list[Interaction]:
        os.kill(os.getpid(), signal.SIGTERM)
        return plain(*arguments, **settings)

    monkeypatch.setattr(InteractionModel, "generate", interrupted)
    command = ["generate", "s.csv", *options, "--out", "run"]
    assert cli(*command)[0] == 143
    monkeypatch.setattr(InteractionModel, "generate", plain)
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.is_file()}
    assert any(path.name.startswith("part-") for path in before)
    (folder / "s.csv").write_text(lines.replace("hug 7", "wave"))
    code, _, err = cli(*command)
    assert code == 2 and "holds another run (other prompts)" in err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (folder / "s.csv").write_text(lines)
    code, _, err = cli(*command)
    assert code == 0 and "6 of 20 done before" in err
    assert same(items("run"), items("whole"))


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a file system that is read-only")
def test_an_unwritable_place_is_one_line(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    code, out, err = cli("generate", "p.csv", *tiny_model.options, "--out", "/sys/intermask")
    assert (code, out) == (1, "")
    assert "error: /sys/intermask: cannot be written" in err and "another --out" in err


@of_every_body
def test_shards_then_merge(cli: Run, folder: Path, tiny_model: TinyModel, body: str) -> None:
    (folder / "s.csv").write_text("text,frames\n" + "".join(f"hug {i},4\n" for i in range(40)))
    options = [*tiny_model.options, "--body", body]
    assert cli("generate", "s.csv", *options, "--out", "whole")[0] == 0
    for i in (1, 2):
        code, out, _ = cli("generate", "s.csv", *options, "--out", f"s{i}", "--shard", f"{i}/2")
        assert code == 0
        assert "other shards are missing" in out
    code, out, _ = cli("merge", "s1", "s2", "--out", "merged")
    assert code == 0, out
    assert same(items("merged"), items("whole"))
    assert cli("merge", "s1", "p.csv")[0] == 2


@pytest.mark.slow
@pytest.mark.long
def test_two_workers_make_the_same_bytes(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    """The tiny model in two processes, each with its own batch sizes, against one."""
    (folder / "s.csv").write_text(
        "text,frames\n" + "".join(f"hug {i},{8 + 4 * (i % 3)}\n" for i in range(40))
    )
    options = [*tiny_model.options, "--body", "rigid"]
    assert cli("generate", "s.csv", *options, "--out", "one")[0] == 0
    code, out, err = cli("generate", "s.csv", *options, "--out", "two", "--processes", 2)
    assert code == 0, err
    assert "40 of 40 interactions" in out
    assert "on cpu, 2 workers" in err
    assert same(items("one"), items("two"))


def test_the_body_is_recorded_and_what_cannot_be_one_is_counted(
    cli: Run, folder: Path, tiny_model: TinyModel
) -> None:
    """Random weights decode no bodies: both clips are marked, kept and counted."""
    command = ["generate", "p.csv", *tiny_model.options]
    code, out, _ = cli(*command, "--body", "rigid", "--out", "rigid")
    assert code == 0
    assert "2 interactions are not bodies; the column no_body of" in out
    with InteractionFile("rigid") as dataset:
        assert dataset.attributes["body"] == "rigid" and dataset.attributes["format_version"] == 2
        reasons = dataset.column("no_body")
    made = items("rigid")
    assert [item.no_body for item in made] == reasons and all(reasons)
    for item in made:
        assert item.rigid == (True, True)
        assert is_rigid(item.motion, 0) and is_rigid(item.motion, 1)
    with (folder / "rigid/index.csv").open(newline="", encoding="utf-8") as file:
        assert [row["no_body"] for row in csv.DictReader(file)] == reasons
    code, out, _ = cli(*command, "--body", "rigid", "--out", "rigid", "--json")
    assert json.loads(out)["no_body"] == 2  # of a finished run too
    code, _, err = cli(*command, "--out", "rigid")
    assert code == 2 and "other body" in err
    # The model's own choice is the decoded body: as if it had been asked for.
    assert cli(*command, "--out", "own")[0] == 0
    assert cli(*command, "--out", "own", "--body", "decoded")[0] == 0
    with InteractionFile("own") as dataset:
        assert dataset.attributes["body"] == "decoded" and "no_body" not in dataset.columns


def test_bodies_of_a_given_height_or_shape(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    command = ["generate", "p.csv", *tiny_model.options, "--body", "rigid"]
    assert cli(*command, "--height", "1.8,1.65", "--out", "tall", "--clean", "smooth")[0] == 0
    for item in items("tall"):
        np.testing.assert_allclose(height_of(item.bone_lengths), [1.8, 1.65], atol=1e-4)
        assert is_rigid(item.motion, 0) and is_rigid(item.motion, 1)
    code, _, err = cli(*command, "--height", "1.8", "--out", "tall", "--clean", "smooth")
    assert code == 2 and "other proportions" in err
    (folder / "knees.yaml").write_text("knee: 0.5\n")
    assert cli(*command, "--body-shape", "knees.yaml", "--out", "knees")[0] == 0
    assert all((item.bone_lengths[:, 3] == np.float32(0.5)).all() for item in items("knees"))
    code, out, err = cli("export", "knees", "--to", "npz", "--height", "1.7", "--json")
    assert code == 0, err
    assert json.loads(out)["folder"].endswith("npz-other-bodies")
    with np.load(next((folder / "knees/exports/npz-other-bodies").glob("p-2-s0_person1.npz"))) as one:
        assert abs(body_height(one["joints"]) - 1.7) < 1e-3
    # The bodies of any motion, such as two people of a dataset.
    joints = fk_pair(40)[0]
    write_dataset("two.h5", Interaction(joints, id="x"))
    assert cli(*command, "--body-shape", "two.h5#x", "--out", "same")[0] == 0
    for item in items("same"):
        np.testing.assert_allclose(item.bone_lengths, bone_lengths(joints)[:, 0], rtol=1e-3)


def test_clean_up_keeps_rigid_bodies(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    command = ["generate", "p.csv", *tiny_model.options, "--body", "rigid", "--clean", "smooth"]
    assert cli(*command)[0] == 0
    for item in items("runs/p"):
        assert item.rigid == (True, True)
        assert is_rigid(item.motion, 0) and is_rigid(item.motion, 1)


def test_standard_input(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(b"two people bow\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert cli("generate", "-", *tiny_model.options, "--frames", 4)[0] == 0
    assert [item.id for item in items("runs/stdin")] == ["stdin-1-s0"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["p.csv", "--model", "unknown"], 4, "model 'unknown'"),
        (["p.csv", "--text-encoder", "."], 4, "--text-encoder"),
        (["p.csv", "--dtype", "int3"], 2, "--dtype int3"),
        (["p.csv", "--processes", "0"], 2, "--processes 0"),
        (["p.csv", "--processes", "many"], 2, "accepted are auto and 1 to"),
        (["p.csv", "--batch-size", "0"], 2, "--batch-size 0"),
        (["p.csv", "--batch-size", "large"], 2, "accepted are auto and 1 or more"),
        (["p.csv", "--device", "tpu9"], 2, "device tpu9"),
        (["p.csv", "--device", "cuda:77"], 2, "CUDA devices"),
        (["p.csv", "--draw", "dice"], 2, "draw is 'dice'"),
        (["p.csv", "--body", "soft"], 2, "body is 'soft'; accepted: rigid, decoded"),
        (["p.csv", "--height", "1.8"], 2, "need rigid bodies; add --body rigid"),
        (["p.csv", "--height", "tall", "--body", "rigid"], 2, "accepted are metres, as 1.8 or 1.8,1.65"),
        (["p.csv", "--height", "180", "--body", "rigid"], 2, "a height of 180 m; accepted: 0.5 to 3"),
        (["p.csv", "--body-shape", "none.yaml", "--body", "rigid"], 2, "none.yaml: cannot be read"),
        (["p.csv", "--temperature", "0"], 2, "temperature"),
        (["p.csv", "--temperature", "nan"], 2, "--temperature nan"),
        (["p.csv", "--filter", "1"], 2, "filter"),
        (["p.csv", "--frames", "3"], 2, "3 frames"),
        (["p.csv", "--frames", "8", "--seconds", "1"], 2, "both frames and seconds"),
        (["p.csv", "--seconds", "inf"], 2, "seconds=inf"),
        (["p.csv", "--shard", "3/2"], 2, "2/2 is the last (SLURM_ARRAY_TASK_COUNT counts"),
        (["missing.csv"], 2, "no such prompt file"),
        (["empty.txt"], 2, "no usable prompt"),
        (["p.csv", "--out", "p.csv"], 2, "is a file"),
        (["p.csv", "--out", "/dev/null/x"], 1, "cannot be written"),
    ],
)
def test_unusable_input_is_one_line_and_leaves_nothing(
    cli: Run, folder: Path, tiny_model: TinyModel, words: list[str], code: int, message: str
) -> None:
    (folder / "empty.txt").write_text("# nothing\n")
    before = sorted(folder.iterdir())
    found, out, err = cli("generate", words[0], *tiny_model.options, *words[1:])
    assert (found, out) == (code, ""), err
    assert message in err
    assert [line for line in err.splitlines() if line.startswith("error:")] == [err.splitlines()[-1]]
    assert sorted(path for path in folder.iterdir() if path.name != "runs") == before


def test_another_text_encoder_is_refused(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    """The tiny bundle names its own encoder; the packaged one has another hash."""
    code, _, err = cli("generate", "p.csv", "--model", tiny_model.bundle, "--device", "cpu")
    assert code == 2
    assert "was trained with text encoder" in err


def test_inter_x_models_store_features(cli: Run, folder: Path, tmp_path: Path, tiny_model: TinyModel) -> None:
    from intermask_cli.models.bundle_info import read_info
    from tests.helpers.tiny import save_tiny

    described = read_info(tiny_model.bundle).text_encoder
    bundle = save_tiny(tmp_path / "interx", "interx", text_encoder=described)
    options = ["--model", bundle, "--text-encoder", tiny_model.encoder, "--device", "cpu"]
    assert cli("generate", "p.csv", *options)[0] == 0
    item = items("runs/p")[0]
    assert item.features is not None and item.features.shape == (2, 12, 56, 6)
    assert item.joints.shape == (2, 12, 55, 3)
    assert item.rotations6d is None
    (folder / "long.csv").write_text("text,frames\nbow,64\nbow,8\nbow | wave,8\n")
    assert cli("generate", "long.csv", *options)[0] == 3
    rejected = (folder / "runs/long/rejected.jsonl").read_text()
    assert "tiny-interx's limit is 60" in rejected and "which 'tiny-interx' does not make" in rejected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generate", "p.csv", "--clean", "feet"], "--clean works on 22 joints; 'tiny-interx' is interx"),
        (["generate", "p.csv", "--body", "rigid"], "interx motion has only decoded bodies"),
        (["generate", "p.csv", "--height", "1.8"], "--height and --body-shape work on 22 joints"),
        (["react", "-i", "person.npy"], "react needs a model of interhuman motion; 'tiny-interx' is interx"),
    ],
)
def test_what_inter_x_models_cannot_do_is_refused_before_they_are_loaded(
    cli: Run, folder: Path, tmp_path: Path, tiny_model: TinyModel, words: list[str], message: str
) -> None:
    from intermask_cli.models.bundle_info import read_info
    from tests.helpers.tiny import save_tiny

    described = read_info(tiny_model.bundle).text_encoder
    bundle = save_tiny(tmp_path / "interx", "interx", text_encoder=described)
    (bundle / "transformer.safetensors").write_bytes(b"")  # reading it would be another error
    options = ["--model", bundle, "--text-encoder", tiny_model.encoder, "--device", "cpu"]
    code, _, err = cli(*words, *options, "--out", "r")
    assert code == 2 and message in err, err
    assert not (folder / "r").exists()


def test_an_exported_tree_has_the_samples_of_a_text_in_one_split(
    cli: Run, folder: Path, tiny_model: TinyModel
) -> None:
    rows = "".join(f"hug {k},4,{'Val' if k == 3 else 'test' if k == 5 else ''}\n" for k in range(12))
    (folder / "s.csv").write_text("text,frames,split\n" + rows)
    assert cli("generate", "s.csv", *tiny_model.options, "--samples", 5, "--out", "r")[0] == 0
    code, out, _ = cli("export", "r", "--to", "interhuman", "--out", "tree")
    assert code == 0 and "splits by text: train " in out
    captions: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        numbers = (folder / f"tree/split/{split}.txt").read_text().split()
        captions[split] = {(folder / f"tree/annots/{n}.txt").read_text().split("\n")[0] for n in numbers}
    assert "hug 3" in captions["val"] and "hug 5" in captions["test"]
    assert sum(map(len, captions.values())) == len(set.union(*captions.values())) == 12


def test_texts_that_the_encoder_does_not_read(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    long = "two people bow " * 90
    (folder / "t.txt").write_text(f"two people bow\n!!!\nzwei Leute geben sich die Hand\n{long}\n")
    expected = "texts: 1 without words; 1 not English, which is all that the text encoder knows; "
    expected += "1 longer than the text encoder reads"
    dry = cli("plan", "t.txt", *tiny_model.options, "--frames", 4, "--measure", 0)
    assert dry[0] == 0 and expected in dry[1].replace("\n", " ")
    code, out, _ = cli("generate", "t.txt", *tiny_model.options, "--frames", 4, "--out", "r")
    assert code == 0 and expected in out.replace("\n", " ")
    with InteractionFile("r") as dataset:
        column = dataset.column("text_warning")
        assert [dataset.read(id).text_warning for id in dataset.ids] == column
    assert column == ["", "no words", "not English", "cut: 16 of 272 tokens are not read"]
    assert expected in json.loads(cli("generate", "t.txt", *tiny_model.options, "--frames", 4, "--out", "r",
                                      "--json")[1])["text_warnings"]  # fmt: skip


def test_more_prompts_for_a_finished_run(cli: Run, folder: Path, tiny_model: TinyModel) -> None:
    """What the message for a changed prompt file says works when it is followed."""
    options = [*tiny_model.options, "--frames", 4]
    (folder / "a.txt").write_text("two people bow\ntwo people hug\n")
    assert cli("generate", "a.txt", *options, "--out", "a")[0] == 0
    before = items("a")
    (folder / "a.txt").write_text("two people bow\ntwo people hug\none more\n")
    code, _, err = cli("generate", "a.txt", *options, "--out", "a")
    assert code == 2 and "other prompts" in err and "give it as --add-to a instead of --out" in err
    code, out, err = cli("generate", "a.txt", *options, "--add-to", "a", "--samples", 2, "--json")
    assert code == 0 and json.loads(out)["made_now"] == 4, err
    assert cli("generate", "a.txt", *options, "--samples", 2, "--out", "whole")[0] == 0
    grown, whole = {item.id: item for item in items("a")}, {item.id: item for item in items("whole")}
    assert list(grown)[:2] == [item.id for item in before] and set(grown) == set(whole)
    assert same([grown[id] for id in whole], [whole[id] for id in whole]) and same(items("a")[:2], before)
    code, out, err = cli("generate", "a.txt", *options, "--add-to", "a", "--samples", 2)
    assert code == 0 and "has all of these interactions already" in err and "6 of 6" in out
    code, _, err = cli("generate", "a.txt", *options, "--add-to", "a", "--steps", 2)
    assert code == 2 and "other settings; a run grows with the same model and settings" in err
    code, out, _ = cli("info", "a", "--json")
    assert code == 0 and json.loads(out)["items_made"] == 6


def test_shards_of_a_file_with_a_bad_line_are_merged_on_another_disk(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last shard cannot merge for lack of space; what its message says works."""
    import shutil

    (folder / "s.csv").write_text("text,frames\n" + "".join(f"hug {i},4\n" for i in range(20)) + "bow,-1\n")
    options = [*tiny_model.options, "--out", "r", "--rejected-ok"]
    assert cli("generate", "s.csv", *options, "--shard", "1/2")[0] == 0
    usage = shutil.disk_usage(folder)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        code, _, err = cli("generate", "s.csv", *options, "--shard", "2/2")
    assert code == 1 and "merge on another disk: intermask merge r --out OTHER" in err.replace("\n", " ")
    assert cli("merge", "r", "--out", "other")[0] == 3
    assert cli("merge", "r", "--out", "other", "--rejected-ok")[0] == 0
    assert len(items("other")) == 20


def test_prompts_on_the_command_line(cli: Run, tiny_model: TinyModel, tmp_path: Path, monkeypatch) -> None:
    """`-p` makes what a line of a file makes, names the run by its text, and may follow a file."""
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("they hug\n")
    assert (
        cli("generate", "-p", "two people bow!", "--prompt", "they hug", *tiny_model.options, "--frames", 12)[
            0
        ]
        == 0
    )
    assert cli("generate", "p.txt", "-p", "# is text", *tiny_model.options, "--frames", 12)[0] == 0
    with InteractionFile("runs/two-people-bow") as given, InteractionFile("runs/p") as mixed:
        assert given.ids == ["prompt-1-s0", "prompt-2-s0"] and mixed.ids == ["p-1-s0", "prompt-1-s0"]
        np.testing.assert_array_equal(given.read("prompt-2-s0").joints, mixed.read("p-1-s0").joints)
        assert mixed.read("prompt-1-s0").text == "# is text"
    code, _, err = cli("generate", "-p", "they bow", "-p", " ", *tiny_model.options, "--frames", 12)
    assert code == 3 and "--prompt line 2 has an empty text" in err
    code, _, err = cli("generate", *tiny_model.options)
    assert code == 2 and "give a prompt file, or a text with --prompt" in err


def test_accept_keeps_what_meets_it(
    cli: Run, plain: list[Interaction], folder: Path, tiny_model: TinyModel
) -> None:
    options = ["generate", "p.csv", *tiny_model.options, "--accept", "frames > 8 and jerk_m_per_s3 > 0"]
    code, out, err = cli(*options, "--tries", 2, "--out", "kept", "--json")
    assert code == 0, err
    counts = {"accepted": 1, "fell_short": 1, "dropped": 0, "tries": 3}
    assert json.loads(out).items() >= counts.items()
    kept = items("kept")
    assert same(kept[:1], plain[:1]) and not same(kept[1:], plain[1:])
    assert [(item.accepted, item.tries) for item in kept] == [(True, 1), (False, 2)]
    code, out, err = cli(*options, "--tries", 2, "--on-fail", "drop", "--out", "dropped")
    assert code == 3 and "1 of 2 meet --accept" in out and "1 dropped" in out
    assert same(items("dropped"), plain[:1])
    other = cli(*options, "--tries", 3, "--out", "kept")
    assert other[0] == 2 and "another run (other accept)" in other[2]
    wrong = cli("generate", "p.csv", *tiny_model.options, "--accept", "skate < 4")
    assert wrong[0] == 2 and "no column 'skate'; there are: " in wrong[2] and wrong[2].count("\n") == 1


def test_files_as_it_goes_and_progress_for_programs(
    cli: Run, folder: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from intermask_cli import console

    monkeypatch.setattr(console, "_json_lines", False)  # the option is for the rest of a process
    options = ["generate", "p.csv", *tiny_model.options, "--export", "bvh", "--progress", "json"]
    code, out, err = cli(*options, "--json")
    assert code == 0, err
    written = json.loads(out)["exports"]
    assert [(one["target"], one["written"]) for one in written] == [("bvh", 2)]
    assert len(list(Path("runs/p/exports/bvh").glob("*.bvh"))) == 4
    events = [json.loads(line) for line in err.splitlines()]
    steps = [event for event in events if event["event"] == "progress" and event["step"] == "generate"]
    assert steps[-1] == {**steps[-1], "done": 2, "total": 2, "unit": "interactions", "seconds_left": 0.0}
    assert {event["event"] for event in events} <= {"progress", "note", "warning"}
    code, _, err = cli("generate", "p.csv", *tiny_model.options, "--progress", "xml")
    assert code == 2 and "--progress xml: accepted are bar and json" in err
