"""Statistics: fitted, floored, saved, refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation import INTERHUMAN

STD_FLOORS = INTERHUMAN.std_floors


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    scale = np.linspace(0.001, 2, 262)
    return [rng.normal(3.0, scale, (2, frames, 262)).astype(np.float32) for frames in (40, 61)]


def test_fit_equals_numpy_on_all_frames(clips):
    rows = np.concatenate([clip.reshape(-1, 262) for clip in clips]).astype(np.float64)
    fitted = Normalizer.fit(clips)
    assert_allclose(fitted.mean, rows.mean(0), rtol=1e-6)
    assert_allclose(fitted.std, rows.std(0), rtol=1e-4)


def test_floors_lift_small_deviations_only(clips):
    plain, floored = Normalizer.fit(clips), Normalizer.fit(clips, STD_FLOORS)
    assert_array_equal(floored.std, np.maximum(plain.std, STD_FLOORS))
    assert (plain.std < STD_FLOORS).any()


def test_a_dead_channel_is_refused_without_floors():
    clip = np.ones((10, 262), dtype=np.float32)
    with pytest.raises(InputError, match="above 0"):
        Normalizer.fit([clip])
    assert_array_equal(Normalizer.fit([clip], STD_FLOORS).std, STD_FLOORS)


def test_round_trip(clips):
    normalizer = Normalizer.fit(clips)
    normalized = normalizer.normalize(clips[0])
    assert abs(normalized[..., -1].mean()) < 0.3
    assert_allclose(normalizer.denormalize(normalized), clips[0], atol=1e-5)


def test_saved_and_loaded(clips, tmp_path):
    normalizer = Normalizer.fit(clips)
    normalizer.save(tmp_path / "stats.npz")
    np.save(tmp_path / "mean.npy", normalizer.mean)
    np.save(tmp_path / "std.npy", normalizer.std)
    np.savez(tmp_path / "global.npz", global_mean=normalizer.mean, global_std=normalizer.std)
    for read in (
        Normalizer.load(tmp_path / "stats.npz"),
        Normalizer.load(tmp_path / "mean.npy", tmp_path / "std.npy"),
        Normalizer.load(tmp_path / "global.npz"),
    ):
        assert_array_equal(read.mean, normalizer.mean)
        assert_array_equal(read.std, normalizer.std)


def test_unusable_statistics(tmp_path):
    with pytest.raises(MissingError, match="not found"):
        Normalizer.load(tmp_path / "no.npz")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npz").write_text("mean")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    for name in ("objects.npy", "text.npz", "cut.npz"):
        with pytest.raises(InputError, match=name):
            Normalizer.load(tmp_path / name)
    np.savez(tmp_path / "other.npz", average=np.ones(3))
    with pytest.raises(InputError, match="no arrays `mean` and `std`"):
        Normalizer.load(tmp_path / "other.npz")
    with pytest.raises(InputError, match="npz alone"):
        Normalizer.load(tmp_path / "other.npz", tmp_path / "other.npz")
    for mean, std in [
        (np.zeros(3), np.ones(4)),
        (np.zeros(3), np.zeros(3)),
        (np.full(3, np.nan), np.ones(3)),
    ]:
        with pytest.raises(InputError):
            Normalizer(mean, std)
