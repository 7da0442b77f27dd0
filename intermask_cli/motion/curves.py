"""Joining stretches of motion, (..., T, J, C): crossfade, fading a step out, smoothness of a seam."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.skeleton import FPS

FADE_FRAMES = 12


def smooth_step(x: np.ndarray) -> np.ndarray:
    """0 to 1 over [0, 1], flat at both ends (minimum jerk), constant outside."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (x * (6 * x - 15) + 10)


def crossfade(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """From old to new over all T frames of both, (T, J, C) each, same precision."""
    weight = smooth_step((np.arange(len(old)) + 1) / (len(old) + 1))[:, None, None]
    return (old + weight * (new - old)).astype(old.dtype)


def keep_exactly(given: np.ndarray, made: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Given frames where kept (T,) is True, made ones elsewhere, (T, J, C) both; no jumps at the borders.

    Where a kept frame borders on a made stretch, their difference there fades out over `FADE_FRAMES`,
    or over the stretch if it is shorter.
    """
    result = np.where(kept[:, None, None], given, made)
    frames = np.arange(len(kept))
    for start, stop in _stretches(~kept):
        inside = frames[start:stop]
        span = min(FADE_FRAMES, stop - start + 1)
        if start > 0:
            step = given[start - 1] - made[start - 1]
            fade = 1 - smooth_step((inside - (start - 1)) / span)
            result[start:stop] += (fade[:, None, None] * step).astype(result.dtype)
        if stop < len(kept):
            step = given[stop] - made[stop]
            fade = 1 - smooth_step((stop - inside) / span)
            result[start:stop] += (fade[:, None, None] * step).astype(result.dtype)
    return result


def jerk(joints: np.ndarray) -> np.ndarray:
    """Mean size of the third derivative over all but the time axis: joints (P, T, J, 3) -> (T - 3,) m/s^3."""
    third = np.diff(joints.astype(np.float64), n=3, axis=1) * FPS**3
    return np.linalg.norm(third, axis=-1).mean(axis=(0, 2))


def seam_jerk(joints: np.ndarray, frame: int, overlap: int) -> tuple[float, float]:
    """Mean jerk (m/s^3) of (P, T, J, 3) over a seam's overlap and four frames around it, and elsewhere."""
    values = jerk(joints)
    near = np.zeros(len(values), dtype=bool)
    near[max(frame - 4, 0) : frame + overlap + 4] = True
    elsewhere = values[~near] if (~near).any() else values
    return float(values[near].mean()), float(elsewhere.mean())


def _stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True in (T,) as (start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
