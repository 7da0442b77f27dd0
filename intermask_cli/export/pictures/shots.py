"""What part of clips is drawn, and when: start, end and frame rate of a video, frames of a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.export.pictures.scene import SIDE, View
from intermask_cli.motion.skeleton import FPS


@dataclass(frozen=True)
class Shot:
    """The view and the time of a picture.

    Attributes:
        view: from where.
        start_s, end_s: seconds of the clips that are shown; None: to the end of the longest.
        fps: pictures per second of a video, None: the format's own.
        frames: exactly these frames of a contact sheet, or None for evenly spaced ones.
    """

    view: View = SIDE
    start_s: float = 0.0
    end_s: float | None = None
    fps: float | None = None
    frames: tuple[int, ...] | None = None

    def span(self, frames: int) -> tuple[float, float]:
        """First frame and end (excluded) of what is shown of `frames` frames.

        Raises:
            InputError: nothing is left.
        """
        start = self.start_s * FPS
        stop = frames if self.end_s is None else min(self.end_s * FPS, frames)
        if not 0 <= start < stop:
            asked = f"{self.start_s:g} to {'the end' if self.end_s is None else f'{self.end_s:g}'}"
            raise InputError(
                f"seconds {asked}: nothing to draw; accepted: --start from 0 to below --end, and the longest "
                f"clip has {frames / FPS:.2f} s"
            )
        return start, stop

    def video_positions(self, frames: int, fps: float) -> np.ndarray:
        """Positions (N,) in frames of the pictures of a video, as long as what is shown."""
        start, stop = self.span(frames)
        return start + np.arange(max(round((stop - start) / FPS * fps), 1)) * (FPS / fps)

    def sheet_frames(self, frames: int, columns: int) -> np.ndarray:
        """Frame numbers (columns,) of a row of a contact sheet; the last one of shorter clips is repeated.

        Raises:
            InputError: a frame that the clip does not have.
        """
        if self.frames is None:
            start, stop = self.span(frames)
            return np.linspace(start, max(stop - 1, start), columns).round().astype(int)
        if max(self.frames) >= frames:
            raise InputError(
                f"frame {max(self.frames)} does not exist: the clip has frames 0 to {frames - 1}"
            )
        return np.array(self.frames)


def parse_frames(text: str) -> tuple[int, ...]:
    """ "0,30,60" -> frame numbers.

    Raises:
        InputError: another text.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InputError(f"--frames {text}: accepted are frame numbers from 0 such as 0,30,60")
    return tuple(int(part) for part in parts)


def at_positions(joints: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Joints (P, T, J, 3) at fractional frames (N,): (P, N, J, 3). Beyond the ends they stand still."""
    positions = np.clip(positions, 0, joints.shape[1] - 1)
    before = np.floor(positions).astype(int)
    after = np.minimum(before + 1, joints.shape[1] - 1)
    share = (positions - before)[None, :, None, None]
    between: np.ndarray = joints[:, before] * (1 - share) + joints[:, after] * share
    return between


def wrapped(text: str, width: int, lines: int) -> Sequence[str]:
    """At most `lines` lines of at most `width` characters; what does not fit is cut with an ellipsis."""
    import textwrap

    return textwrap.wrap(" ".join(text.split()), max(width, 8), max_lines=lines, placeholder=" …") or [""]
