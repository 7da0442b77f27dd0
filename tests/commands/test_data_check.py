"""`intermask data check`: table, JSON and exit codes."""

import json

import pytest
from typer.testing import CliRunner

from intermask_cli.commands.data import app
from intermask_cli.errors import MissingError
from tests.helpers.dataset_trees import interhuman_tree, interx_tree

RUN = CliRunner()


@pytest.fixture(params=["interhuman", "interx"])
def dataset(request, tmp_path):
    """Name, root, and a caption file to delete."""
    if request.param == "interhuman":
        splits = {"train": ["1", "2"], "val": ["3"], "test": ["4"]}
        root = interhuman_tree(tmp_path / "data", dict.fromkeys("1234", 20), splits)
        return request.param, root, root / "annots/1.txt"
    root = interx_tree(tmp_path / "data", {"train": {"A": 30, "B": 30}, "val": {"C": 30}, "test": {"D": 30}})
    return request.param, root, root / "texts_processed/A.txt"


def test_complete_copy(dataset):
    name, root, _ = dataset
    result = RUN.invoke(app, ["check", name, "--root", str(root)])
    assert result.exit_code == 0, result.output
    assert f"{name}: complete" in result.stdout
    assert "train" in result.stdout


def test_problems_are_listed_and_exit_3(dataset):
    name, root, captions = dataset
    captions.unlink()
    result = RUN.invoke(app, ["check", name, "--root", str(root)])
    assert result.exit_code == 3
    assert "error: missing captions (1)" in result.stdout
    assert captions.name in result.stdout
    report = RUN.invoke(app, ["check", name, "--root", str(root), "--json"])
    assert report.exit_code == 3
    parsed = json.loads(report.stdout)
    assert parsed["ok"] is False
    assert [problem["kind"] for problem in parsed["problems"]] == ["missing captions"]


def test_long_lists_are_shortened(tmp_path):
    root = interhuman_tree(tmp_path / "data", {"1": 20})
    for number in range(100, 108):
        (root / f"motions_processed/person1/{number}.npy").write_bytes(b"no")
    result = RUN.invoke(app, ["check", "interhuman", "--root", str(root)])
    assert "error: missing motion (8)" in result.stdout
    assert "and 3 more; --json lists all" in result.stdout


def test_wrong_folder(dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    result = RUN.invoke(app, ["check", dataset[0], "--root", str(tmp_path / "empty")])
    assert isinstance(result.exception, MissingError)
    assert result.exception.exit_code == 4
