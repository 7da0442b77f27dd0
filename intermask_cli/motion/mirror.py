"""Mirroring of motion and captions, left for right (docs/reference/data-and-evaluation.md#mirroring)."""

from __future__ import annotations

import re

import numpy as np

from intermask_cli.motion.skeleton import MIRROR

#: `MIRROR` for arrays without the root, such as rotations of joints 1..21.
_BODY_MIRROR = np.array(MIRROR[1:]) - 1
#: Reflection in the plane x = 0 turns R into S R S with S = diag(-1, 1, 1): these entries of the first two
#: columns, written row by row, change sign.
_SIGNS = np.array([1, -1, -1, 1, -1, 1])


def mirror_positions(positions: np.ndarray) -> np.ndarray:
    """Joints (..., 22, 3) -> reflected in x = 0; the same for Y up and Z up."""
    mirrored: np.ndarray = positions[..., MIRROR, :] * np.array([-1, 1, 1], dtype=positions.dtype)
    return mirrored


def mirror_rotations6d(rotations6d: np.ndarray) -> np.ndarray:
    """Local rotations (..., 21, 6) `sixd_columns` -> those of the reflected motion."""
    mirrored: np.ndarray = rotations6d[..., _BODY_MIRROR, :] * _SIGNS.astype(rotations6d.dtype)
    return mirrored


def mirror_loaded(loaded: np.ndarray) -> np.ndarray:
    """The body columns of an InterHuman file (T, 192), positions then rotations -> reflected, same layout."""
    frames = len(loaded)
    positions = mirror_positions(loaded[:, :66].reshape(frames, -1, 3))  # (T, 22, 3)
    rotations = mirror_rotations6d(loaded[:, 66:].reshape(frames, -1, 6))  # (T, 21, 6)
    return np.concatenate([positions.reshape(frames, -1), rotations.reshape(frames, -1)], axis=1)


def mirror_caption_literal(caption: str) -> str:
    """The published chain of substring replacements, with its "countercounterclockwise" and "bleftly".

    Quirk Q11, docs/reference/data-and-evaluation.md#q11.
    """
    chain = [
        ("left", "tmp"), ("right", "left"), ("tmp", "right"),
        ("clockwise", "tmp"), ("counterclockwise", "clockwise"), ("tmp", "counterclockwise"),
    ]  # fmt: skip
    for old, new in chain:
        caption = caption.replace(old, new)
    return caption


#: Word -> its mirror image; the other spellings of counterclockwise are only read.
_OPPOSITES = {"left": "right", "clockwise": "counterclockwise"}
_OPPOSITES |= {b: a for a, b in _OPPOSITES.items()}
_OPPOSITES |= {"anticlockwise": "clockwise", "counter-clockwise": "clockwise", "anti-clockwise": "clockwise"}
#: Complete words only, and parts of compounds such as left-handed and right-hand.
_WORD = re.compile(
    r"(?<![a-z])(counter-?clockwise|anti-?clockwise|clockwise|left|right)(?=(?:wards?|most)?(?![a-z]))",
    re.IGNORECASE,
)


def mirror_caption(caption: str) -> str:
    """Exchange left/right and clockwise/counterclockwise as words, keeping capitals."""

    def swap(match: re.Match[str]) -> str:
        word = match.group(0)
        opposite = _OPPOSITES[word.lower()]
        if word.isupper():
            return opposite.upper()
        return opposite.capitalize() if word[0].isupper() else opposite

    return _WORD.sub(swap, caption)
