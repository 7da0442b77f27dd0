"""Contact sheets: one row of evenly spaced frames per interaction, as a PNG (needs the `viz` extra).

Sheet coordinates are metres: x to the right, y up, 0 at the upper edge.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import MissingError
from intermask_cli.export.pictures.scene import PERSON_COLOURS, Camera, draw_frame, side_view
from intermask_cli.motion.skeleton import FPS

#: Width of a cell; a row in which the pair needs more is drawn smaller.
CELL_WIDTH_M = 2.5
#: Height of a cell: a tall person with raised arms, and the caption of the row above the head.
CELL_HEIGHT_M = 2.35
#: Small enough that nine columns fit on a screen.
_PIXELS_PER_METRE = 66
#: Only relates pixels to the points in which matplotlib measures text and lines.
_DPI = 100
#: Height of the legend at the top.
_LEGEND_M = 0.35
#: Height of the floor line above the lower edge of a cell: the camera looks down, so near feet are below it.
_FLOOR_M = 0.22
#: Least distance between the outermost joints and the edge of a cell.
_MARGIN_M = 0.12
#: Smallest scale at which poses can be read; people too far apart for it are cut off.
_MIN_SCALE = 0.3
#: Longest caption, in characters, that fits the default width.
_MAX_CAPTION = 200


def row_scale(poses: np.ndarray, camera: Camera) -> float:
    """Factor, 1 at most, at which all of poses (2, n, 22, 3) fit their cells, each around its own middle."""
    middle = poses[:, :, 0].mean(axis=0)  # (n, 3)
    across = camera.project(poses - middle[None, :, None])[..., 0]
    return float(np.clip((CELL_WIDTH_M / 2 - _MARGIN_M) / np.abs(across).max(), _MIN_SCALE, 1.0))


def contact_sheet(
    clips: Sequence[np.ndarray], path: Path | str, captions: Sequence[str] | None = None, columns: int = 9
) -> None:
    """Draw clips (2, T, 22, 3) metres as rows of `columns` frames, first and last frame included.

    Each cell follows the middle between the two people. A row in which they are too far apart for a cell is
    drawn smaller. Person 1 is blue, person 2 orange, and right limbs are darker, as the legend says.
    Raises MissingError without matplotlib.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingError("contact sheets need matplotlib: pip install 'intermask[viz]'") from error

    width, height = columns * CELL_WIDTH_M, len(clips) * CELL_HEIGHT_M + _LEGEND_M
    size_inches = (width * _PIXELS_PER_METRE / _DPI, height * _PIXELS_PER_METRE / _DPI)
    figure = plt.figure(figsize=size_inches, dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(-height, 0))
    axes.axis("off")
    _draw_legend(axes)
    for row, joints in enumerate(clips):
        joints = np.asarray(joints, dtype=np.float64)
        camera = side_view(joints)
        frames = np.linspace(0, joints.shape[1] - 1, columns).round().astype(int)
        scale = row_scale(joints[:, frames], camera)
        top = -row * CELL_HEIGHT_M - _LEGEND_M
        floor = -(row + 1) * CELL_HEIGHT_M + _FLOOR_M - _LEGEND_M
        for column, frame in enumerate(frames):
            origin = np.array([(column + 0.5) * CELL_WIDTH_M, floor])
            _draw_cell(axes, joints[:, frame].copy(), camera, scale, origin)
            style: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 7, "color": "#777"}
            axes.text(origin[0] + 1.1, floor - 0.04, f"{frame / FPS:.1f} s", **style)
        if captions is not None:
            style = {"ha": "left", "va": "top", "fontsize": 9, "color": "#222"}
            axes.text(0.1, top - 0.06, textwrap.shorten(captions[row], _MAX_CAPTION), **style)
    figure.savefig(path, facecolor="white")
    plt.close(figure)


def _draw_legend(axes: Any) -> None:
    """The legend at the top: the colours of the persons, and that darker limbs are right ones."""
    style = {"ha": "left", "va": "center", "fontsize": 8, "color": "#444"}
    for x, colour, text in ((0.2, PERSON_COLOURS[0], "person 1"), (1.55, PERSON_COLOURS[1], "person 2")):
        axes.plot([x], [-_LEGEND_M / 2], "o", color=colour, markersize=6)
        axes.text(x + 0.12, -_LEGEND_M / 2, text, **style)
    axes.text(2.9, -_LEGEND_M / 2, "darker: right side", **style)


def _draw_cell(axes: Any, pose: np.ndarray, camera: Camera, scale: float, origin: np.ndarray) -> None:
    """Floor line, limbs and heads of one pose (2, 22, 3), with the middle of the pair at `origin` (2,)."""
    from matplotlib.collections import EllipseCollection, LineCollection

    middle = pose[:, 0].mean(0)
    pose[..., [0, 2]] -= middle[[0, 2]]
    drawing = draw_frame(pose, camera)
    points_per_metre = _PIXELS_PER_METRE * 72 / _DPI
    ends = [origin[0] - 1.15, origin[0] + 1.15]
    axes.plot(ends, [origin[1], origin[1]], color="#d8d8d8", linewidth=1, zorder=0)
    axes.add_collection(
        LineCollection(
            list(drawing.segments * scale + origin),
            linewidths=list(2 * drawing.radii * scale * points_per_metre),
            colors=drawing.colours,
            capstyle="round",
            zorder=2,
        )
    )
    diameters = [2 * head.radius * scale for head in drawing.heads]
    axes.add_collection(
        EllipseCollection(
            diameters,
            diameters,
            np.zeros(2),
            units="x",
            offsets=np.array([[head.right, head.up] for head in drawing.heads]) * scale + origin,
            transOffset=axes.transData,
            facecolors=[head.colour for head in drawing.heads],
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )
    )
