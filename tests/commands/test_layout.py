"""`--layout parts`: every command takes such a run like one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import intermask_cli as im
from evaluators.data.sets import file_set
from intermask_cli.datasets.motion_files.arrays.interactions import read_h5
from tests.helpers.tiny_model import TinyModel

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def runs(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: TinyModel) -> Path:
    """The same prompts as one file and in parts, in `single` and `parts`."""
    monkeypatch.chdir(tmp_path)
    lines = [f"two people bow {'again ' * (i % 6)},{8 + 4 * (i % 3)}" for i in range(20)]
    Path("p.csv").write_text("\n".join(["text,frames", *lines, ""]))
    for layout in ("single", "parts"):
        options = [
            *tiny_model.options,
            "--steps",
            1,
            "--layout",
            layout,
            "--out",
            layout,
            "--body",
            "rigid",
            "--height",
            1.7,
        ]
        code, _, err = cli("generate", "p.csv", *options)
        assert code == 0, err
    return tmp_path


@pytest.mark.slow
@pytest.mark.long
def test_every_reader_takes_parts_like_one_file(cli: Run, runs: Path) -> None:
    assert len(list((runs / "parts").glob("interactions-*-of-00003.h5"))) == 3
    assert not list((runs / "single").glob("interactions-*"))
    found: dict[str, dict[str, object]] = {}
    for name in ("single", "parts"):
        commands = {
            "npz": ["export", name, "--to", "npz", "--out", f"npz-{name}"],
            "interhuman": ["export", f"{name}/interactions.h5", "--to", "interhuman", "--out", f"ih-{name}"],
            "select": ["select", name, "--where", "frames > 8", "--out", f"chosen-{name}"],
            "split": ["split", name],
            "view": ["view", name, "--out", f"{name}.html"],
            "info": ["info", name, "--json"],
            "merge": ["merge", name, f"chosen-{name}", "--out", f"joined-{name}"],
        }
        found[name] = {}
        for key, command in commands.items():
            code, out, err = cli(*command)
            assert code == 0, (command, out, err)
            if key == "info":
                found[name][key] = json.loads(out)
        for folder, pattern in ((f"npz-{name}", "**/*.npz"), (f"ih-{name}", "**/*.npy")):
            files = sorted((runs / folder).glob(pattern))
            assert files
            found[name][folder.split("-")[0]] = [path.read_bytes() for path in files]
        with im.open_dataset(f"joined-{name}") as joined:
            found[name]["joined"] = [item.joints.tobytes() for item in joined]
        for folder in (name, f"chosen-{name}"):
            with im.open_dataset(folder) as dataset:
                found[name][folder.removesuffix(name)] = dataset.attributes["content_sha256"]
        found[name]["evaluated"] = [item.joints.tobytes() for item in file_set(Path(name)).motions]
        found[name]["given"] = read_h5(runs / name / "interactions.h5", "p-3-s0").joints.tobytes()
        data = im.InteractionDataset(name, split="train")
        found[name]["trained"] = [item["joints"].numpy().tobytes() for item in data]
    about, single = found["parts"].pop("info"), found["single"].pop("info")
    assert isinstance(about, dict) and isinstance(single, dict)
    assert about["parts"] == 3 and "parts" not in single and about["interactions"] == 20
    assert about["bytes"] == sum(path.stat().st_size for path in Path("parts").glob("*.h5"))
    assert found["parts"] == found["single"]
    code, _, err = cli("info", "parts/interactions-00001-of-00003.h5")
    assert code == 2 and "one part of a dataset; give the interactions.h5 next to it" in err


def test_what_is_planned_and_what_is_refused(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: TinyModel
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text("text,frames\n" + "two people bow,8\n" * 20)
    sizes = []
    for layout in ("single", "parts"):
        command = ["plan", "p.csv", *tiny_model.options, "--layout", layout, "--measure", 0]
        sizes.append(json.loads(cli(*command, "--json")[1])["estimated_disk_bytes"])
        assert ("in 3 files and an index" in cli(*command)[1]) == (layout == "parts")
    assert sizes[0] == 2 * sizes[1]
    code, _, err = cli("generate", "p.csv", *tiny_model.options, "--layout", "many")
    assert code == 2 and "--layout many: accepted are auto, single, parts" in err
