"""Contact sheets: one row of evenly spaced frames per interaction, as a PNG (needs the `viz` extra)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intermask_cli.errors import MissingError
from intermask_cli.export.pictures.scene import PERSON_COLOURS, Camera, draw_frame, side_view

CELL_WIDTH_M = 2.5
CELL_HEIGHT_M = 2.35
_PIXELS_PER_METRE = 66
_LEGEND_M = 0.35
_MARGIN_M = 0.12
_SMALLEST = 0.3


def row_scale(poses: np.ndarray, camera: Camera) -> float:
    """Factor, 1 at most, at which all of poses (2, n, 22, 3) fit their cells, each about its own middle."""
    middle = poses[:, :, 0].mean(axis=0)
    across = camera.project(poses - middle[None, :, None])[..., 0]
    return float(np.clip((CELL_WIDTH_M / 2 - _MARGIN_M) / np.abs(across).max(), _SMALLEST, 1.0))


def contact_sheet(
    clips: Sequence[np.ndarray], path: Path | str, captions: Sequence[str] | None = None, columns: int = 9
) -> None:
    """Draw clips (2, T, 22, 3) metres as rows of `columns` frames, first and last frame included.

    Each cell follows the middle between the two people; a row is drawn smaller where they get so far apart
    that a cell would not hold them. Person 1 is blue, person 2 orange, right limbs are darker, and a line on
    top says so. Raises MissingError without matplotlib.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from matplotlib.collections import EllipseCollection, LineCollection
    except ImportError as error:
        raise MissingError("contact sheets need matplotlib: pip install 'intermask[viz]'") from error

    rows = len(clips)
    width, height = columns * CELL_WIDTH_M, rows * CELL_HEIGHT_M + _LEGEND_M
    dpi = 100
    figure = plt.figure(figsize=(width * _PIXELS_PER_METRE / dpi, height * _PIXELS_PER_METRE / dpi), dpi=dpi)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(-height, 0))
    axes.axis("off")
    for x, colour, text in ((0.2, PERSON_COLOURS[0], "person 1"), (1.55, PERSON_COLOURS[1], "person 2")):
        axes.plot([x], [-_LEGEND_M / 2], "o", color=colour, markersize=6)
        axes.text(x + 0.12, -_LEGEND_M / 2, text, ha="left", va="center", fontsize=8, color="#444")
    axes.text(2.9, -_LEGEND_M / 2, "darker: right side", ha="left", va="center", fontsize=8, color="#444")
    points_per_metre = _PIXELS_PER_METRE * 72 / dpi

    for row, joints in enumerate(clips):
        joints = np.asarray(joints, dtype=np.float64)
        camera = side_view(joints)
        frames = np.linspace(0, joints.shape[1] - 1, columns).round().astype(int)
        base = -(row + 1) * CELL_HEIGHT_M + 0.22 - _LEGEND_M
        scale = row_scale(joints[:, frames], camera)
        for column, frame in enumerate(frames):
            pose = joints[:, frame].copy()
            middle = pose[:, 0].mean(0)
            pose[..., [0, 2]] -= middle[[0, 2]]
            drawing = draw_frame(pose, camera)
            offset = np.array([(column + 0.5) * CELL_WIDTH_M, base])
            axes.plot(
                [offset[0] - 1.15, offset[0] + 1.15], [base, base], color="#d8d8d8", linewidth=1, zorder=0
            )
            axes.add_collection(
                LineCollection(
                    list(drawing.segments * scale + offset),
                    linewidths=list(2 * drawing.radii * scale * points_per_metre),
                    colors=drawing.colours,
                    capstyle="round",
                    zorder=2,
                )
            )
            heads = np.array([[x, y] for x, y, *_ in drawing.heads]) * scale + offset
            diameters = [2 * head[2] * scale for head in drawing.heads]
            axes.add_collection(
                EllipseCollection(
                    diameters,
                    diameters,
                    np.zeros(2),
                    units="x",
                    offsets=heads,
                    transOffset=axes.transData,
                    facecolors=[head[3] for head in drawing.heads],
                    edgecolors="white",
                    linewidths=0.6,
                    zorder=3,
                )
            )
            axes.text(
                offset[0] + 1.1,
                base - 0.04,
                f"{frame / 30:.1f} s",
                ha="right",
                va="top",
                fontsize=7,
                color="#777",
            )
        if captions is not None:
            text = textwrap.shorten(captions[row], 200)
            axes.text(
                0.1,
                -row * CELL_HEIGHT_M - 0.06 - _LEGEND_M,
                text,
                ha="left",
                va="top",
                fontsize=9,
                color="#222",
            )
    figure.savefig(path, facecolor="white")
    plt.close(figure)
