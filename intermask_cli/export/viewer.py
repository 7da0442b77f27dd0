"""The one-file HTML viewer: a gallery of interactions that opens from disk, without a network."""

from __future__ import annotations

import base64
import html
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.export.scene import HEAD_RADIUS_M, drawing_segments
from intermask_cli.motion.skeleton import FEET, FPS, JOINT, NUM_JOINTS

#: Positions are rounded to this step, so the largest error in the page is half of it.
QUANTUM_M = 0.001


@dataclass(frozen=True)
class ViewerItem:
    """One interaction of the gallery: joints (2, T, 22, 3) metres and the columns it can be sorted by."""

    id: str
    prompt: str
    joints: np.ndarray
    fields: Mapping[str, Any] = field(default_factory=dict)


def encode_joints(joints: np.ndarray) -> str:
    """(2, T, 22, 3) metres -> base64 of deflated, frame-delta coded int16 millimetres, frame-major.

    The pair is moved so that the first frame is centred; the viewer follows the pair anyway.
    """
    frames = np.swapaxes(joints, 0, 1).astype(np.float64)  # (T, 2, J, 3)
    centre = frames[0, :, 0].mean(0) * np.array([1.0, 0.0, 1.0])
    steps = np.rint((frames - centre) / QUANTUM_M).astype(np.int64)
    deltas = np.diff(steps, axis=0, prepend=0)
    if np.abs(deltas).max(initial=0) > np.iinfo(np.int16).max:
        raise ValueError(
            f"a joint moves {np.abs(deltas).max() * QUANTUM_M:.1f} m in one frame; the limit is 32.7 m"
        )
    return base64.b64encode(zlib.compress(deltas.astype("<i2").tobytes(), 9)).decode("ascii")


def write_viewer(items: Sequence[ViewerItem], path: Path, title: str, note: str = "") -> None:
    """Write one self-contained HTML file, atomically, with the given interactions in their order."""
    columns: dict[str, None] = {}
    for item in items:
        columns.update(dict.fromkeys(item.fields))
    data = {
        "fps": FPS,
        "scale": QUANTUM_M,
        "joints": NUM_JOINTS,
        "neck": JOINT["neck"],
        "feet": list(FEET),
        "segments": [*drawing_segments(), (JOINT["head"], JOINT["head"], HEAD_RADIUS_M, 0)],
        "columns": list(columns),
        "note": note,
        "items": [
            {
                "id": item.id,
                "prompt": item.prompt,
                "frames": int(item.joints.shape[1]),
                "fields": dict(item.fields),
                "data": encode_joints(item.joints),
            }
            for item in items
        ],
    }
    folder = resources.files("intermask_cli.export")
    page = folder.joinpath("viewer.html").read_text(encoding="utf-8")
    script = folder.joinpath("viewer.js").read_text(encoding="utf-8")
    # "<" is escaped so that a prompt can never close the script element.
    payload = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    page = (
        page.replace("@@TITLE@@", html.escape(title))
        .replace("@@SCRIPT@@", script)
        .replace("@@DATA@@", payload)
    )
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
