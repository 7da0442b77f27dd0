"""`export --overwrite` replaces files that an export wrote, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.errors import InputError
from intermask_cli.export.dataset import export_dataset
from intermask_cli.export.formats import ExportSettings
from intermask_cli.inference.interaction import Interaction
from tests.helpers.motion_samples import turning_pair

Run = Callable[..., tuple[int, str, str]]
RECORD = ".export-npz.json"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "interactions.h5"
    write_dataset(
        path, [Interaction(turning_pair(20), text=f"turn {k}", seed=k, id=f"turn-{k}") for k in range(3)]
    )
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def export(source: Path, folder: Path, **options) -> int:
    return export_dataset(source, "npz", folder, **options).written


@pytest.mark.parametrize("earlier", [False, True], ids=["new folder", "after an export"])
def test_a_foreign_file_named_like_an_interaction_stays(
    earlier: bool, source: Path, tmp_path: Path, cli: Run
) -> None:
    if earlier:
        export(source, tmp_path)
    (tmp_path / "turn-1_person1.npz").write_text("precious")
    before = contents(tmp_path)
    code, _, err = cli("export", source, "--to", "npz", "--out", tmp_path, "--overwrite")
    assert code == 2 and "holds turn-1_person1.npz, which this program did not write" in err, err
    assert contents(tmp_path) == before


def test_a_link_in_place_of_a_file_stays(source: Path, tmp_path: Path) -> None:
    export(source, tmp_path / "out")
    (tmp_path / "out" / "turn-2_person2.npz").unlink()
    (tmp_path / "out" / "turn-2_person2.npz").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds turn-2_person2\.npz"):
        export(source, tmp_path / "out", overwrite=True)


def test_half_of_an_interaction_that_is_foreign_stays_without_overwrite_too(
    source: Path, tmp_path: Path
) -> None:
    (tmp_path / "turn-0_person2.bvh").write_text("precious")
    with pytest.raises(InputError, match="turn-0_person2"):
        export_dataset(source, "bvh", tmp_path)
    assert contents(tmp_path) == {"turn-0_person2.bvh": b"precious"}


def test_own_files_are_replaced(source: Path, tmp_path: Path) -> None:
    assert export(source, tmp_path) == 3
    first = contents(tmp_path)
    assert export(source, tmp_path) == 0
    assert export(source, tmp_path, overwrite=True) == 3
    assert contents(tmp_path) == first


def test_an_export_that_was_stopped_continues_and_may_be_replaced(source: Path, tmp_path: Path) -> None:
    export(source, tmp_path)
    record = json.loads((tmp_path / RECORD).read_text())
    record["files"] = dict.fromkeys(record["files"])  # as a killed process leaves it
    (tmp_path / RECORD).write_text(json.dumps(record))
    (tmp_path / "turn-1_person1.npz").unlink()
    assert export(source, tmp_path) == 1
    assert export(source, tmp_path, overwrite=True) == 3


def test_replacing_some_does_not_mix_settings(source: Path, tmp_path: Path) -> None:
    export_dataset(source, "bvh", tmp_path)
    before = contents(tmp_path)
    metres = ExportSettings(units="m")
    with pytest.raises(InputError, match="default settings; now requested: units m"):
        export_dataset(source, "bvh", tmp_path, ["turn-1"], overwrite=True, settings=metres)
    assert contents(tmp_path) == before
    export_dataset(source, "bvh", tmp_path, overwrite=True, settings=metres)
    assert all(contents(tmp_path)[name] != old for name, old in before.items())


@pytest.mark.parametrize("target", ["interhuman", "interx"])
def test_dataset_folders_are_never_replaced(target: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a new --out"):
        export_dataset(source, target, tmp_path / "new", overwrite=True)
    assert not (tmp_path / "new").exists()
