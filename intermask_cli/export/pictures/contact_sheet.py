"""Contact sheets: one row of frames per interaction as PNG, SVG or PDF (needs the `viz` extra).

Sheet coordinates are metres: x to the right, y up, 0 at the upper edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.export.pictures.scene import COLOURS, IS_OUTLINE, PERSON_COLOURS, Camera, outlines
from intermask_cli.export.pictures.shots import Shot, wrapped
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS

#: Suffixes of contact sheets; SVG and PDF keep lines as lines, for papers.
SHEETS = (".png", ".svg", ".pdf")
#: Width of a cell; a row in which the pair needs more is drawn smaller.
CELL_WIDTH_M = 2.5
#: Height of the part of a cell above the floor line: a tall person with raised arms.
_ROOM_M = 2.05
#: Height of the floor line above the lower edge of a cell, for the time below it.
_FLOOR_M = 0.24
#: Height of a line of a caption.
_LINE_M = 0.22
#: Small enough that nine columns fit on a screen.
_PIXELS_PER_METRE = 66
#: Only relates pixels to the points in which matplotlib measures text and lines.
_DPI = 100
#: Height of the legend at the top.
_LEGEND_M = 0.35
#: Least distance between the outermost joints and the edge of a cell.
_MARGIN_M = 0.15
#: Smallest scale at which poses can be read; people too far apart for it are cut off.
_MIN_SCALE = 0.3
#: Metres that a character of a caption takes at most on average, and the most lines of a caption.
_CHARACTER_M, _CAPTION_LINES = 0.105, 4
#: Corners (4, 3) of the piece of floor that is drawn where the camera looks down on it, metres.
_FLOOR_PATCH = np.array([[-1.0, 0, -1.0], [1.0, 0, -1.0], [1.0, 0, 1.0], [-1.0, 0, 1.0]])
#: Size of captions, and of times and legend, in points.
_CAPTION_SIZE, _SMALL_SIZE = 9, 7.5


def row_layout(poses: np.ndarray, camera: Camera) -> tuple[float, float]:
    """Scale, 1 at most, at which all of poses (2, n, 22, 3) fit their cells, and metres below the origin.

    Each pose is around its own middle. From the side nothing lies below the floor line; a camera that looks
    down sees near feet below it.
    """
    middle = poses[:, :, 0].mean(axis=0) * (1.0, 0.0, 1.0)  # (n, 3)
    seen = camera.project(poses - middle[None, :, None])
    below = max(0.0, -float(seen[..., 1].min()))
    across = (CELL_WIDTH_M / 2 - _MARGIN_M) / max(float(np.abs(seen[..., 0]).max()), 1e-6)
    upward = (_ROOM_M - _MARGIN_M) / max(float(seen[..., 1].max()) + below, 1e-6)
    return float(np.clip(min(across, upward), _MIN_SCALE, 1.0)), below


def contact_sheet(
    clips: Sequence[np.ndarray],
    path: Path | str,
    captions: Sequence[str] | None = None,
    columns: int = 9,
    shot: Shot = Shot(),  # noqa: B008 - frozen
) -> None:
    """Draw clips (2, T, 22, 3) metres as rows of `columns` frames, first and last frame included.

    Each cell follows the middle between the two people, who stand on its floor line. A row in which they are
    too far apart for a cell is drawn smaller. Person 1 is blue, person 2 orange, and right limbs are darker,
    as the legend says. Captions are wrapped to the width of the sheet.

    Raises:
        InputError: another suffix than those of `SHEETS`, or frames that a clip does not have.
        MissingError: matplotlib is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SHEETS:
        raise InputError(f"{path.name}: a contact sheet is {', '.join(SHEETS)}, a video .gif or .mp4")
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingError("contact sheets need matplotlib: pip install 'intermask[viz]'") from error

    rows = [_Row(np.asarray(joints[:, :, :NUM_JOINTS], dtype=np.float64), columns, shot) for joints in clips]
    columns = len(rows[0].frames)
    width = columns * CELL_WIDTH_M
    texts: list[Sequence[str]] = [()] * len(rows)
    if captions is not None:
        texts = [wrapped(text, int((width - 0.2) / _CHARACTER_M), _CAPTION_LINES) for text in captions]
    heights = [_ROOM_M + _FLOOR_M + _LINE_M * len(text) for text in texts]
    height = sum(heights) + _LEGEND_M
    # Text stays text in PDF and SVG, and the same sheet has the same bytes.
    with plt.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "intermask"}):
        size_inches = (width * _PIXELS_PER_METRE / _DPI, height * _PIXELS_PER_METRE / _DPI)
        figure = plt.figure(figsize=size_inches, dpi=_DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(-height, 0))
        axes.axis("off")
        _draw_legend(axes)
        top = -_LEGEND_M
        for row, text, row_height in zip(rows, texts, heights, strict=True):
            axes.text(0.1, top - 0.04, "\n".join(text), ha="left", va="top", fontsize=_CAPTION_SIZE,
                      linespacing=1.15, color="#222")  # fmt: skip
            row.draw(axes, top - row_height + _FLOOR_M)
            top -= row_height
        dateless = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix, {})
        figure.savefig(path, facecolor="white", metadata=dateless)
        plt.close(figure)


def _draw_legend(axes: Any) -> None:
    """The legend at the top: the colours of the persons, and that darker limbs are right ones."""
    style = {"ha": "left", "va": "center", "fontsize": _SMALL_SIZE, "color": "#444"}
    for x, colour, text in ((0.2, PERSON_COLOURS[0], "person 1"), (1.55, PERSON_COLOURS[1], "person 2")):
        axes.plot([x], [-_LEGEND_M / 2], "o", color=colour, markersize=6)
        axes.text(x + 0.12, -_LEGEND_M / 2, text, **style)
    axes.text(2.9, -_LEGEND_M / 2, "darker: right side", **style)


class _Row:
    """The frames of one interaction."""

    def __init__(self, joints: np.ndarray, columns: int, shot: Shot):
        self.frames = shot.sheet_frames(joints.shape[1], columns)
        poses = joints[:, self.frames]  # (2, n, 22, 3)
        self.camera = shot.view.camera(
            joints, elevation_rad=0.0
        )  # level, so that soles are on the floor line
        self.scale, self.below_m = row_layout(poses, self.camera)
        middle = poses[:, :, 0].mean(axis=0) * (1.0, 0.0, 1.0)
        self.drawn = outlines(poses - middle[None, :, None], self.camera)

    def draw(self, axes: Any, floor_y: float) -> None:
        """Draw the row with its floor line, or its lowest point, at `floor_y`."""
        from matplotlib.collections import PolyCollection

        colours = np.array(COLOURS, dtype=object)
        reach = CELL_WIDTH_M / 2 - 0.1
        for column, frame in enumerate(self.frames):
            x = (column + 0.5) * CELL_WIDTH_M
            origin = np.array([x, floor_y + self.below_m * self.scale])
            if self.camera.elevation_rad == 0.0:
                axes.plot([x - reach, x + reach], [origin[1]] * 2, color="#b9c0c7", linewidth=1, zorder=0)
            else:
                floor = self.camera.project(_FLOOR_PATCH)[:, :2] * self.scale + origin
                axes.fill(*floor.T, color="#eef1f4", linewidth=0, zorder=0)
            parts = self.drawn.parts[column]
            bodies = PolyCollection(
                list(self.drawn.polygons[column] * self.scale + origin),
                facecolors=list(colours[parts]),
                edgecolors=list(np.where(IS_OUTLINE[parts], "white", "none")),
                linewidths=0.4,
                zorder=2,
            )
            axes.add_collection(bodies, autolim=False)
            axes.text(x + reach, floor_y - 0.05, f"{frame / FPS:.1f} s", ha="right", va="top",
                      fontsize=_SMALL_SIZE, color="#666")  # fmt: skip
