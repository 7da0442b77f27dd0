"""Rates are found under any plain spelling; one that is not understood is named."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion"


@pytest.mark.parametrize(
    "fields",
    [
        {"fps": 60}, {"FPS": 60.0}, {"frame_rate": np.int64(60)}, {"mocap_framerate": 60.0},
        {"mocap_frame_rate": [60.0]}, {"framerate": "60"}, {"fps": "60 fps"}, {"frameRate": 60},
        {"sampling_rate": 60}, {"frequency": 60}, {"rate": 60}, {"frame_time": 1 / 60}, {"dt": 1 / 60},
        {"video_fps": 60},
        {"fps": 60, "mocap_frame_rate": 60.0}, {"fps": 60, "original_fps": 120}, {"fps": np.bytes_(b"60")},
    ],
)  # fmt: skip
def test_a_rate_is_read(fields, tmp_path):
    joints = fk_person(41)[0]
    np.savez(tmp_path / "a.npz", joints=joints, **fields)
    given = read_motion(tmp_path / "a.npz")
    assert (given.original_fps, given.frames) == (pytest.approx(60), 21)
    assert_allclose(given.joints, joints[::2], atol=1e-5)
    assert "assumed" not in given.source


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fps": "fast"}, "`fps` is 'fast'"),
        ({"fps": [30, 60]}, "`fps` is not one number"),
        ({"mocap_frame_rate": 0}, "`mocap_frame_rate` is not one number above 0"),
        ({"frame_rate": np.nan}, "`frame_rate` is not one number"),
        ({"fps": 60, "frame_rate": 30}, "two rates: `fps` 60, `frame_rate` 30"),
    ],
)
def test_a_rate_that_is_not_understood_is_named(fields, message, tmp_path):
    np.savez(tmp_path / "a.npz", joints=fk_person(40)[0], **fields)
    with pytest.raises(InputError, match=message) as caught:
        read_motion(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_a_rate_that_is_unknown_is_reported_unless_it_is_given(tmp_path):
    np.savez(tmp_path / "a.npz", joints=fk_person(40)[0])
    assert "30 fps (assumed, the file has no rate; --fps" in read_motion(tmp_path / "a.npz").source
    assert "assumed" not in read_motion(tmp_path / "a.npz", fps=30).source


@pytest.mark.parametrize("name", ["timestamps", "time", "frame_times", "t"])
def test_times_of_frames_give_the_rate(name, tmp_path):
    joints = fk_person(41)[0]
    np.savez(tmp_path / "a.npz", joints=joints, **{name: 3 + np.arange(41) / 60})
    assert_allclose(read_motion(tmp_path / "a.npz").joints, joints[::2], atol=1e-5)
    for other in (np.arange(41), np.arange(41) * 16.67, np.zeros(41), np.linspace(0, 1, 41) ** 2):
        np.savez(tmp_path / "a.npz", joints=joints, **{name: other})
        assert "30 fps (assumed" in read_motion(tmp_path / "a.npz").source


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
def test_rates_of_the_cases():
    for name in ("joints_mocap_framerate_60", "positions_frame_rate_60"):
        given = read_motion(CASES / "npz-rate" / f"{name}.npz")
        assert_allclose(given.joints, np.load(CASES / "npz-rate" / "want.npy"), atol=1e-3)
    assert read_motion(CASES / "rate-messages" / "fps_text.npz").original_fps == 60
