"""USD through usd-core: our own files, units, axes and rates of a stage, damaged files."""

from __future__ import annotations

import importlib.util

import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_people
from intermask_cli.datasets.motion_files.usd import read_usd
from intermask_cli.errors import InputError, MissingError
from intermask_cli.export.usd import write_usd
from intermask_cli.motion.rig import rig_of
from tests.helpers.motion_samples import fk_pair

needs_usd = pytest.mark.skipif(importlib.util.find_spec("pxr") is None, reason="usd-core is not installed")


@pytest.fixture(scope="module")
def rigs():
    return [rig_of(joints) for joints in fk_pair(12)[0]]


def written(folder, rigs):
    write_usd(folder / "pair.usda", rigs, "walk")
    return folder / "pair.usda"


@needs_usd
def test_our_own_files(rigs, tmp_path):
    people = read_people(written(tmp_path, rigs))
    assert len(people) == 2
    for rig, motion in zip(rigs, people, strict=True):
        assert_allclose(motion.joints, rig.joints, atol=1e-4)
        assert motion.warnings == ()


@needs_usd
def test_unit_axis_and_rate_of_the_stage(rigs, tmp_path):
    from pxr import Gf, Usd, UsdGeom

    path = written(tmp_path, rigs)
    stage = Usd.Stage.Open(str(path))
    for prim in stage.GetPseudoRoot().GetChildren():  # centimetres and Z up
        form = UsdGeom.Xformable(prim)
        form.AddRotateXOp(opSuffix="up").Set(90.0)
        form.AddScaleOp(opSuffix="unit").Set(Gf.Vec3f(100))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    stage.SetTimeCodesPerSecond(60)
    stage.GetRootLayer().Export(str(tmp_path / "cm.usdc"))
    for skeleton in read_usd(tmp_path / "cm.usdc"):
        assert skeleton.fps == 60
        assert (skeleton.metres_per_unit, skeleton.up) == (1.0, "y")
    for rig, motion in zip(rigs, read_people(tmp_path / "cm.usdc", fps=30), strict=True):
        assert_allclose(motion.joints, rig.joints, atol=1e-4)


@needs_usd
def test_damaged_files_are_one_line(rigs, tmp_path):
    good = written(tmp_path, rigs).read_text()
    for name, text in (("cut", good[: len(good) // 2]), ("text", "hello"), ("still", "#usda 1.0\n")):
        (tmp_path / f"{name}.usda").write_text(text)
        with pytest.raises(InputError, match=r"damaged USD|without animation") as caught:
            read_people(tmp_path / f"{name}.usda")
        assert "\n" not in str(caught.value)


def test_without_usd_core_the_message_says_how(tmp_path, monkeypatch):
    (tmp_path / "a.usda").write_text("#usda 1.0\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(MissingError, match=r"intermask\[usd\]"):
        read_people(tmp_path / "a.usda")
