"""`intermask render` without its command line: interactions of a file as a contact sheet or a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.export.items import selected_ids
from intermask_cli.export.pictures.contact_sheet import SHEETS, contact_sheet
from intermask_cli.export.pictures.scene import parse_view
from intermask_cli.export.pictures.shots import Shot, parse_frames
from intermask_cli.export.pictures.video import write_video
from intermask_cli.files import replacing

VIDEOS = (".gif", ".mp4")


@dataclass(frozen=True)
class Drawing:
    """Options of a picture as a user gives them; None for what is not given."""

    camera: str = "side"
    start_s: float = 0.0
    end_s: float | None = None
    columns: int | None = None
    frames: str | None = None
    width: int | None = None
    fps: float | None = None

    def shot(self, path: Path) -> Shot:
        """View and time, for a picture at this path.

        Raises:
            InputError: a value that is not accepted, or an option without effect on such a picture.
        """
        sheet = path.suffix.lower() in SHEETS
        if not sheet and path.suffix.lower() not in VIDEOS:
            raise InputError(f"{path.name}: a contact sheet is {', '.join(SHEETS)}, a video .gif or .mp4")
        without_effect = {"--width": self.width, "--fps": self.fps} if sheet else {
            "--columns": self.columns, "--frames": self.frames}  # fmt: skip
        for name, value in without_effect.items():
            if value is not None:
                kind = "a contact sheet" if sheet else "a video"
                raise InputError(f"{name} has no effect on {kind} ({path.name}); leave it out")
        timed = self.columns is not None or self.start_s or self.end_s is not None
        if self.frames is not None and timed:
            raise InputError("--frames says which frames; leave out --columns, --start and --end")
        frames = None if self.frames is None else parse_frames(self.frames)
        return Shot(parse_view(self.camera), self.start_s, self.end_s, self.fps, frames)


def draw(source: Path, path: Path, ids: Sequence[str], limit: int, drawing: Drawing) -> None:
    """Draw the given interactions, or the first `limit`, of a run or HDF5 file.

    Raises:
        InputError: an unknown id or suffix, or options that do not fit.
        MissingError: an optional package is not installed.
    """
    shot = drawing.shot(path)
    with InteractionFile(source) as dataset:
        items = [dataset.read(id) for id in selected_ids(dataset, ids, limit)]
    if not items:
        raise InputError(f"{source}: no interaction to draw")
    clips, prompts = [item.joints for item in items], [item.text for item in items]
    with replacing(path) as draft:
        if path.suffix.lower() in SHEETS:
            contact_sheet(clips, draft, prompts, drawing.columns or 9, shot)
        else:
            write_video(clips, prompts, draft, drawing.width or 480, shot)
