"""Videos: several interactions in a grid as GIF or MP4 (needs the `viz` extra)."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.export.pictures.scene import COLOURS, IS_OUTLINE, outlines
from intermask_cli.export.pictures.shots import Shot, at_positions, wrapped
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS

#: Height of the visible part of the world in a cell, metres: people with raised arms.
_VIEW_HEIGHT_M = 2.5
#: Largest such height, for two people far apart; with more, people would be too small to see.
_MAX_VIEW_HEIGHT_M = 8.0
#: Least distance between the outermost joints and the edge of a cell, metres.
_MARGIN_M = 0.25
#: Number of frames, odd, over which the middle of the pair is averaged, so that the camera does not shake.
_CAMERA_FRAMES = 31
#: Frames per second of GIF files unless others are asked for: half of the motion's, for half the file size.
_GIF_FPS = 15
#: Browsers play a GIF with shorter delays at 10 pictures per second.
_MAX_GIF_FPS = 50
#: Players do not play more.
_MAX_MP4_FPS = 240
#: Colours of a GIF. All pictures share them, so that the background does not flicker.
_GIF_COLOURS = 96
#: Pictures whose outlines are computed at a time.
_BLOCK = 64
#: Relates pixels to the points in which matplotlib measures.
_DPI = 72
#: Lines of a caption, its size in pixels, and the width of a character in these.
_CAPTION_LINES, _CAPTION_SIZE, _CHARACTER = 3, 13, 0.52


class _Cell:
    """One interaction with a camera that follows the smoothed middle of the pair."""

    def __init__(self, joints: np.ndarray, positions: np.ndarray, shot: Shot, aspect: float):
        joints = np.asarray(joints[:, :, :NUM_JOINTS], dtype=np.float64)
        self.camera = shot.view.camera(joints)
        middle = joints[:, :, 0].mean(0) * np.array([1.0, 0.0, 1.0])
        kernel, half = np.ones(_CAMERA_FRAMES) / _CAMERA_FRAMES, _CAMERA_FRAMES // 2
        padded = np.pad(middle, ((half, half), (0, 0)), mode="edge")
        smooth = np.stack([np.convolve(padded[:, k], kernel, "valid") for k in range(3)], -1)  # (T, 3)
        shown = at_positions(joints, positions)  # (2, N, 22, 3)
        self.middle = at_positions(smooth[None, :, None], positions)[0, :, 0]  # (N, 3)
        shown = shown - self.middle[None, :, None]
        self._shown, self._block = shown, 0
        self._drawn = outlines(shown[:, :_BLOCK], self.camera)
        # Two people far apart are drawn smaller rather than cut off.
        seen = self.camera.project(shown)
        low, high = float(seen[..., 1].min()), float(seen[..., 1].max())
        height = max(2 * (float(np.abs(seen[..., 0]).max()) + _MARGIN_M) / aspect, high - low + 2 * _MARGIN_M)
        self.height_m = float(np.clip(height, _VIEW_HEIGHT_M, _MAX_VIEW_HEIGHT_M))
        self.bottom_m = (low + high) / 2 - 0.47 * self.height_m  # a little room for the caption

    def bodies(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Polygons (S, points, 2) and their parts (S,) of a picture; pictures are asked for in order."""
        block, row = divmod(index, _BLOCK)
        if block != self._block:  # some at a time: those of a long clip would fill the memory
            part = self._shown[:, block * _BLOCK : (block + 1) * _BLOCK]
            self._block, self._drawn = block, outlines(part, self.camera)
        return self._drawn.polygons[row], self._drawn.parts[row]

    def floor(self, index: int) -> list[np.ndarray]:
        """Grid lines (2, 2) one metre apart, which stay fixed in the world."""
        shift = self.middle[index] - np.floor(self.middle[index])
        lines = [line for k in range(-2, 4) for line in ([[k, 0, -2], [k, 0, 3]], [[-2, 0, k], [3, 0, k]])]
        return list(self.camera.project(np.array(lines, float) - shift)[..., :2])


def frames_of(
    clips: Sequence[np.ndarray],
    captions: Sequence[str],
    width: int = 480,
    fps: float = FPS,
    shot: Shot = Shot(),  # noqa: B008 - frozen
) -> Iterator[np.ndarray]:
    """Pictures (height, width, 3) uint8 of clips (2, T, 22, 3) in a near-square grid.

    `width`: pixels per clip, three quarters of it high. The last frame of shorter clips is repeated. Raises
    MissingError without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection, PolyCollection
        from matplotlib.colors import to_rgba_array
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingError("pictures need matplotlib: pip install 'intermask[viz]'") from error
    columns = math.ceil(math.sqrt(len(clips)))
    rows = math.ceil(len(clips) / columns)
    height = width * 3 // 4
    positions = shot.video_positions(max(clip.shape[1] for clip in clips), fps)
    cells = [_Cell(clip, positions, shot, width / height) for clip in clips]
    figure = Figure(figsize=(width * columns / _DPI, height * rows / _DPI), dpi=_DPI, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    faces = to_rgba_array(COLOURS)
    edges = np.array([1.0, 1.0, 1.0, 1.0]) * IS_OUTLINE[:, None]  # a lit side has none
    artists: list[tuple[Any, Any, Any]] = []
    for number, (cell, caption) in enumerate(zip(cells, captions, strict=True)):
        place = (number % columns / columns, 1 - (number // columns + 1) / rows, 1 / columns, 1 / rows)
        axes = figure.add_axes(place)
        half = cell.height_m * width / height / 2
        axes.set(xlim=(-half, half), ylim=(cell.bottom_m, cell.bottom_m + cell.height_m))
        axes.axis("off")
        lines = wrapped(caption, int((width - 16) / (_CHARACTER * _CAPTION_SIZE)), _CAPTION_LINES)
        axes.text(8 / width, 1 - 6 / height, "\n".join(lines), transform=axes.transAxes, va="top",
                  fontsize=_CAPTION_SIZE, color="#222")  # fmt: skip
        floor = LineCollection([], colors="#e4e8ec", linewidths=1, animated=True)
        bodies = PolyCollection([], linewidths=0.9, animated=True)
        axes.add_collection(floor, autolim=False)
        axes.add_collection(bodies, autolim=False)
        artists.append((axes, floor, bodies))
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    for index in range(len(positions)):
        canvas.restore_region(background)
        for cell, (axes, floor, bodies) in zip(cells, artists, strict=True):
            floor.set_segments(cell.floor(index))
            polygons, parts = cell.bodies(index)
            bodies.set_verts(polygons)
            bodies.set_facecolor(faces[parts])
            bodies.set_edgecolor(edges[parts])
            axes.draw_artist(floor)
            axes.draw_artist(bodies)
        yield np.array(canvas.buffer_rgba())[..., :3]


def write_video(
    clips: Sequence[np.ndarray],
    captions: Sequence[str],
    path: Path,
    width: int = 480,
    shot: Shot = Shot(),  # noqa: B008 - frozen
) -> None:
    """Write clips (2, T, 22, 3) as `.gif` or `.mp4` (H.264), `width` pixels per clip.

    Both last as long as what is shown of the longest clip. `shot.fps` is 15 for a GIF and 30 for an MP4 where
    it is None.

    Raises:
        InputError: another suffix, or a rate that the format cannot have.
        MissingError: Pillow, matplotlib or ffmpeg is not installed, or ffmpeg fails.
    """
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise InputError(f"{path.name}: a video is .gif or .mp4, a contact sheet .png, .svg or .pdf")
    usual = _GIF_FPS if suffix == ".gif" else FPS
    fps = usual if shot.fps is None else shot.fps
    most = _MAX_GIF_FPS if suffix == ".gif" else _MAX_MP4_FPS
    if not 1 <= fps <= most:
        raise InputError(f"--fps {fps:g}: a {suffix} takes 1 to {most}")
    pictures = frames_of(clips, captions, width, fps, shot)
    if suffix == ".gif":
        count = len(shot.video_positions(max(clip.shape[1] for clip in clips), fps))
        _write_gif(pictures, gif_delays_ms(count, fps), path)
    else:
        _write_mp4(pictures, fps, path)


def gif_delays_ms(pictures: int, fps: float) -> list[int]:
    """Delays of the pictures of a GIF: whole hundredths of a second, whose sum is right."""
    ends = [round(100 * picture / fps) for picture in range(pictures + 1)]
    return [10 * (after - before) for before, after in pairwise(ends)]


def _write_gif(pictures: Iterator[np.ndarray], delays_ms: list[int], path: Path) -> None:
    """Write pictures one by one; all share the colours of the first one and those of the figures."""
    try:
        from matplotlib.colors import to_rgba_array
        from PIL import Image
    except ImportError as error:
        raise MissingError("GIF needs Pillow and matplotlib: pip install 'intermask[viz]'") from error
    first = next(pictures)
    figures = (255 * to_rgba_array(COLOURS)[:, :3]).astype(np.uint8)
    swatches = np.resize(np.repeat(figures, 20, axis=0), (first.shape[0] // 4, first.shape[1], 3))
    palette = Image.fromarray(np.concatenate([first, swatches])).quantize(_GIF_COLOURS)
    colours = np.array(palette.getpalette()).reshape(-1, 3)
    colours[colours.min(1) > 245] = 255  # the background is white, not nearly so
    palette.putpalette(colours.reshape(-1).tolist())

    def reduced(picture: np.ndarray) -> Any:
        return Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)

    reduced(first).save(path, save_all=True, append_images=map(reduced, pictures), duration=delays_ms, loop=0,
                        optimize=False)  # fmt: skip


def _write_mp4(pictures: Iterator[np.ndarray], fps: float, path: Path) -> None:
    first = next(pictures)
    command = [
        _ffmpeg(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{first.shape[1]}x{first.shape[0]}", "-r", f"{fps:g}", "-i", "-", "-an",
        # H.264 halves its colour planes, so both sides are made even.
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",
        "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None and encoder.stderr is not None
        try:
            encoder.stdin.write(first.tobytes())
            for picture in pictures:
                encoder.stdin.write(picture.tobytes())
            encoder.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg ended early; its message is read below
        message = encoder.stderr.read().decode(errors="replace").strip()
    if encoder.returncode:
        raise MissingError(f"MP4: ffmpeg failed: {message.splitlines()[-1] if message else 'no message'}")


def _ffmpeg() -> str:
    """Path of the system's ffmpeg, else of the one that imageio-ffmpeg includes."""
    installed = shutil.which("ffmpeg")
    if installed:
        return installed
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise MissingError(
            "MP4 needs ffmpeg: install it, or pip install 'intermask[viz]', or write a .gif"
        ) from error
    return str(imageio_ffmpeg.get_ffmpeg_exe())
