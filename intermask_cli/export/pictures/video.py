"""Videos: several interactions in a grid as GIF or MP4 (needs the `viz` extra)."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.export.pictures.scene import Camera, draw_frame, side_view
from intermask_cli.motion.skeleton import FPS

#: Pictures are drawn at this many times their size and averaged down, since Pillow draws without
#: antialiasing.
_SUPERSAMPLE = 2
#: Height of the visible part of the world in a cell, metres: people with raised arms.
_VIEW_HEIGHT_M = 2.6
#: Largest such height, for two people far apart; with more, people would be too small to see.
_MAX_VIEW_HEIGHT_M = 8.0
#: Number of frames, odd, over which the middle of the pair is averaged, so that the camera does not shake.
_CAMERA_FRAMES = 31
#: Frame rate of GIF files: half of the motion's, for half the file size.
_GIF_FPS = 15


def _pillow() -> Any:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingError("pictures need Pillow: pip install 'intermask[viz]'") from error
    return Image, ImageDraw, ImageFont


class _Cell:
    """One interaction with a camera that follows the smoothed middle of the pair."""

    def __init__(self, joints: np.ndarray, caption: str, width: int, height: int):
        self.joints, self.caption = np.asarray(joints, dtype=np.float64), caption
        self.width, self.height = width, height
        self.camera: Camera = side_view(self.joints)
        middle = self.joints[:, :, 0].mean(0) * np.array([1.0, 0.0, 1.0])
        kernel = np.ones(_CAMERA_FRAMES) / _CAMERA_FRAMES
        half = _CAMERA_FRAMES // 2
        padded = np.pad(middle, ((half, half), (0, 0)), mode="edge")
        self.middle = np.stack([np.convolve(padded[:, k], kernel, "valid") for k in range(3)], -1)  # (T, 3)
        # Two people far apart are drawn smaller rather than cut off.
        across = self.camera.project(self.joints - self.middle[None, :, None])[..., 0]
        height_m = 2 * (float(np.abs(across).max()) + 0.15) * height / width
        self.view_height_m = float(np.clip(height_m, _VIEW_HEIGHT_M, _MAX_VIEW_HEIGHT_M))

    def draw(self, canvas: Any, left: int, top: int, frame: int, font: Any) -> None:
        """Draw one frame with the cell's upper left corner at (left, top), pixels."""
        frame = min(frame, self.joints.shape[1] - 1)
        scale = self.height / self.view_height_m
        origin = np.array([left + self.width / 2, top + self.height * 0.88])
        for line in self._floor(frame):
            ends = origin + self.camera.project(line)[:, :2] * (scale, -scale)
            canvas.line([tuple(end) for end in ends], fill="#e4e8ec", width=_SUPERSAMPLE)
        drawing = draw_frame(self.joints[:, frame] - self.middle[frame], self.camera)
        segments = origin + drawing.segments * (scale, -scale)
        for (start, end), radius, colour in zip(
            segments, drawing.radii * scale, drawing.colours, strict=True
        ):
            for grow, fill in ((_SUPERSAMPLE, "white"), (0, colour)):
                _capsule(canvas, start, end, radius + grow, fill)
        for head in drawing.heads:
            centre = origin + np.array([head.right, -head.up]) * scale
            for grow, fill in ((_SUPERSAMPLE, "white"), (0, head.colour)):
                _disc(canvas, centre, head.radius * scale + grow, fill)
        canvas.text((left + 8 * _SUPERSAMPLE, top + 6 * _SUPERSAMPLE), self.caption, fill="#222", font=font)

    def _floor(self, frame: int) -> Iterator[np.ndarray]:
        """Grid lines (2, 3), one metre apart, which stay fixed in the world."""
        shift = self.middle[frame] - np.floor(self.middle[frame])
        for k in range(-2, 4):
            yield np.array([[k, 0, -2], [k, 0, 3]]) - shift
            yield np.array([[-2, 0, k], [3, 0, k]]) - shift


def _disc(canvas: Any, centre: np.ndarray, radius: float, fill: str) -> None:
    canvas.ellipse([*(centre - radius), *(centre + radius)], fill=fill)


def _capsule(canvas: Any, start: np.ndarray, end: np.ndarray, radius: float, fill: str) -> None:
    canvas.line([tuple(start), tuple(end)], fill=fill, width=max(1, round(2 * radius)))
    _disc(canvas, start, radius, fill)
    _disc(canvas, end, radius, fill)


def frames_of(
    clips: Sequence[np.ndarray], captions: Sequence[str], width: int = 480, step: int = 1
) -> Iterator[Any]:
    """Pillow images of the clips (2, T, 22, 3) in a near-square grid, every `step` frames.

    `width`: pixels per clip. The last frame of shorter clips is repeated. Raises MissingError without Pillow.
    """
    Image, ImageDraw, ImageFont = _pillow()
    columns = math.ceil(math.sqrt(len(clips)))
    rows = math.ceil(len(clips) / columns)
    height = width * 3 // 4
    big = (width * _SUPERSAMPLE, height * _SUPERSAMPLE)
    font = ImageFont.load_default(size=13 * _SUPERSAMPLE)
    limit = width // 7  # a character is about 7 pixels wide
    cells = [
        _Cell(joints, text if len(text) <= limit else text[: limit - 1] + "…", *big)
        for joints, text in zip(clips, captions, strict=True)
    ]
    for frame in range(0, max(cell.joints.shape[1] for cell in cells), step):
        image = Image.new("RGB", (big[0] * columns, big[1] * rows), "white")
        canvas = ImageDraw.Draw(image)
        for index, cell in enumerate(cells):
            cell.draw(canvas, index % columns * big[0], index // columns * big[1], frame, font)
        yield image.resize((width * columns, height * rows), Image.Resampling.BOX)


def write_video(clips: Sequence[np.ndarray], captions: Sequence[str], path: Path, width: int = 480) -> None:
    """Write clips (2, T, 22, 3) as `.gif` (15 fps) or `.mp4` (30 fps, H.264), `width` pixels per clip.

    Raises:
        InputError: another suffix.
        MissingError: Pillow or ffmpeg is not installed, or ffmpeg fails.
    """
    if path.suffix == ".gif":
        images = [image.quantize(64) for image in frames_of(clips, captions, width, step=FPS // _GIF_FPS)]
        images[0].save(path, save_all=True, append_images=images[1:], duration=1000 // _GIF_FPS, loop=0)
    elif path.suffix == ".mp4":
        _write_mp4(frames_of(clips, captions, width), path)
    else:
        raise InputError(f"{path.name}: a video is .gif or .mp4, a contact sheet .png")


def _write_mp4(images: Iterator[Any], path: Path) -> None:
    first_image = next(images)
    command = [
        _ffmpeg(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{first_image.width}x{first_image.height}", "-r", str(FPS), "-i", "-", "-an",
        "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None and encoder.stderr is not None
        try:
            encoder.stdin.write(first_image.tobytes())
            for image in images:
                encoder.stdin.write(image.tobytes())
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
