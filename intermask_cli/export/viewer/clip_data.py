"""Clips as the viewer page reads them: inside the page while they are few, else in files next to it.

A page from disk may not fetch other files, but it may load scripts. So the clips of a large run lie in
scripts in a folder next to the page, 64 to a file, which the page loads when one of them is shown.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.files import disk_errors, replacing_folder
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Positions are rounded to this many metres; the error on the page is at most half of it.
QUANTUM_M = 0.001
#: Characters of clips that stay in the page itself: it still opens at once and can be sent as one file.
PAGE_LIMIT = 20_000_000
#: Clips per file of a larger run: about a megabyte of five-second clips.
CLIPS_PER_FILE = 64
#: zlib level: 9 takes twenty times as long for the same size.
_LEVEL = 4


def encode_joints(joints: np.ndarray) -> dict[str, Any]:
    """(2, T, 22 or more, 3) metres -> `frames`, `bits` and `data`: base64 of deflated millimetres.

    The first 22 joints are kept, frame by frame; Inter-X bodies also have hands and a face. Each frame is
    coded as its difference from the one before, in int16, or in int32 if a joint moves 32 m in one frame. The
    pair is moved so that the first frame is centred, which does not show: the viewer follows the pair.

    Raises:
        InputError: a joint moves too far for int32.
    """
    frames = np.swapaxes(joints[:, :, :NUM_JOINTS], 0, 1).astype(np.float64)  # (T, 2, J, 3)
    centre = frames[0, :, 0].mean(0) * np.array([1.0, 0.0, 1.0])  # level, so that the floor stays at y = 0
    steps = np.rint((frames - centre) / QUANTUM_M).astype(np.int64)
    deltas = np.diff(steps, axis=0, prepend=0)
    largest = np.abs(deltas).max(initial=0)
    if largest > np.iinfo(np.int32).max:
        raise InputError(f"a joint moves {largest * QUANTUM_M:.4g} m in one frame; a page cannot show that")
    bits = 16 if largest <= np.iinfo(np.int16).max else 32
    packed = zlib.compress(deltas.astype(f"<i{bits // 8}").tobytes(), _LEVEL)
    return {"frames": len(frames), "bits": bits, "data": base64.b64encode(packed).decode("ascii")}


class ClipStore:
    """Clips in the order of the items; memory holds at most `PAGE_LIMIT` characters of them.

    After the block either `inline` has all of them, or they lie in the folder next to the page.
    """

    def __init__(self, page: Path):
        self.folder = page.with_name(f"{page.stem}_data")
        self.inline: list[dict[str, Any]] | None = []
        self._size = self._count = 0
        self._draft: Path | None = None
        self._stack = ExitStack()

    @contextmanager
    def filling(self) -> Iterator[ClipStore]:
        """Files appear only if the block succeeds."""
        with self._stack:
            yield self
            if self._draft is not None and self.inline:
                self._write_file(self.inline)
        if self._draft is not None:
            self.inline = None

    def add(self, clip: dict[str, Any]) -> None:
        """The next clip, with its `data` and, for a comparison, `truth`."""
        assert self.inline is not None
        self.inline.append(clip)
        self._size += len(clip["data"]) + len(clip.get("truth", {}).get("data", ""))
        if self._draft is None and self._size > PAGE_LIMIT:
            self._draft = self._stack.enter_context(replacing_folder(self.folder))
        while self._draft is not None and len(self.inline) >= CLIPS_PER_FILE:
            self._write_file(self.inline[:CLIPS_PER_FILE])
            del self.inline[:CLIPS_PER_FILE]

    def _write_file(self, clips: list[dict[str, Any]]) -> None:
        assert self._draft is not None
        content = json.dumps(clips, separators=(",", ":"))
        with disk_errors(self.folder):
            (self._draft / f"{self._count}.js").write_text(
                f"interactionPart({self._count},{content});\n", encoding="ascii"
            )
        self._count += 1
