"""The picture in docs/results/duets.md: `python -m benchmarks.duets.picture FILE.png`.

One clip per kind outside the core set, and two clips of two phases, six frames each.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import KINDS, DuetClip, kind_set
from intermask_cli.export.pictures.contact_sheet import contact_sheet

COLUMNS = 6
SEED = 2026
#: Clip index by kind, 0 for the others: those whose action shows from the side of the camera.
CHOSEN = {"point_and_look": 2, "turn_under_arm": 1, "support_walk": 1, "walk_side_by_side": 1}
#: Indices of the clips of two phases, which have a seed of their own.
TWO_PHASE, TWO_PHASE_SEED = (2, 15), 5
#: Of the palette, so that the file stays small.
COLOURS = 48


def clips() -> list[DuetClip]:
    """What is drawn, in the order of the kinds."""
    single = [make_clip(SEED, CHOSEN.get(kind, 0), kind) for kind, info in KINDS.items() if not info.core]
    return single + [make_clip(TWO_PHASE_SEED, index, kinds=kind_set("duets-1", 1.0)) for index in TWO_PHASE]


def middle(clip: DuetClip) -> np.ndarray:
    """The joints without the idle frames at both ends; all frames of a clip of two phases."""
    frames = clip.joints.shape[1]
    if clip.labels.then is not None:
        return clip.joints
    return clip.joints[:, round(0.12 * frames) : round(0.86 * frames)]


def title(clip: DuetClip) -> str:
    """The kind, or both kinds."""
    then = clip.labels.then
    return clip.labels.kind if then is None else f"{clip.labels.kind}, then {then.kind}"


def main(target: Path) -> None:
    """Write two contact sheets side by side as one picture; folders are created."""
    chosen = clips()
    half = -(-len(chosen) // 2)
    sheets = []
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate((chosen[:half], chosen[half:])):
            path = Path(folder) / f"{number}.png"
            contact_sheet([middle(clip) for clip in part], path, [title(clip) for clip in part], COLUMNS)
            sheets.append(Image.open(path).convert("RGB"))
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (sum(s.width for s in sheets), max(s.height for s in sheets)), "white")
    picture.paste(sheets[0], (0, 0))
    picture.paste(sheets[1], (sheets[0].width, 0))
    small = picture.resize((1400, round(1400 * picture.height / picture.width)), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
