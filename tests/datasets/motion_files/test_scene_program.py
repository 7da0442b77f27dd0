"""Programs that read scenes: what they hand over, and what their failures say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.keyed_scene import KeyedScene, Track
from intermask_cli.datasets.motion_files.scene_program import load_scene, save_scene, scene_by_program
from intermask_cli.errors import InputError


def test_the_rest_of_a_still_scene(tmp_path):
    """Arrays of a scene without animation come back as they were."""
    rest = {"translation": np.ones((1, 3)), "rotation": np.eye(4)[3:], "scale": np.ones((1, 3))}
    save_scene(KeyedScene(("a",), (-1,), frozenset(), frozenset({0}), rest, ()), tmp_path / "a.npz")
    scene = load_scene(tmp_path / "a.npz")
    assert (scene.names, scene.parents, scene.things, scene.animations) == (("a",), (-1,), {0}, [])
    assert_allclose(scene.rest["rotation"], rest["rotation"])


def test_tracks_come_back(tmp_path):
    rest = {
        "translation": np.zeros((2, 3)),
        "rotation": np.tile(np.eye(4)[3:], (2, 1)),
        "scale": np.ones((2, 3)),
    }
    rng = np.random.default_rng(0)
    tracks = [
        Track(1, "rotation", np.arange(4) / 30, rng.normal(size=(4, 4)), "LINEAR"),
        Track(0, "translation", np.arange(2) / 30, rng.normal(size=(2, 3)), "LINEAR"),
    ]
    scene = KeyedScene(
        ("a", "b"), (-1, 0), frozenset({1}), frozenset(), rest, [("walk", tracks), ("run", [])]
    )
    save_scene(scene, tmp_path / "a.npz")
    loaded = load_scene(tmp_path / "a.npz")
    assert [name for name, _ in loaded.animations] == ["walk", "run"]
    for before, after in zip(tracks, loaded.animations[0][1], strict=True):
        assert before[:2] == after[:2]
        assert_allclose(after.times, before.times)
        assert_allclose(after.values, before.values)


def test_a_program_that_fails_or_crashes_is_one_line(tmp_path):
    (tmp_path / "a.fbx").write_text("x")
    for module, message in (
        ("intermask_cli.no_such_module", "No module named"),
        ("keyword", "ended with code 0"),  # writes no scene
    ):
        with pytest.raises(InputError, match=rf"damaged FBX \(.*({message})") as caught:
            scene_by_program(module, tmp_path / "a.fbx", "FBX")
        assert "\n" not in str(caught.value)
