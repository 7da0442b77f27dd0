"""Save one interaction to files, for scripts and notebooks; `intermask export` does it for datasets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.errors import InputError
from intermask_cli.export.formats import FORMATS, export_item, paths_of, settings_for
from intermask_cli.export.pictures.contact_sheet import contact_sheet
from intermask_cli.export.pictures.video import write_video
from intermask_cli.files import path_of, replacing
from intermask_cli.inference.interaction import Interaction

DATASETS, PICTURES, VIDEOS = ("h5",), ("png", "svg", "pdf"), ("gif", "mp4")


def save_interaction(interaction: Interaction, path: str | Path, **settings: Any) -> list[Path]:
    """Write one interaction in the format that the suffix of `path` names; returns the files written.

    =================  ===========================================================================
    suffix             content
    =================  ===========================================================================
    .bvh, .npz, .npy   one file per person, named `<stem>_person1` and `<stem>_person2`
    .glb               both persons as animated bodies (extra `export`)
    .fbx               the same (extra `blender`)
    .usd               the same (extra `usd`)
    .h5                a dataset of one interaction (`open_dataset`)
    .png, .svg, .pdf   a contact sheet (extra `viz`)
    .gif, .mp4         a video (extra `viz`)
    =================  ===========================================================================

    Existing files are replaced. Of Inter-X models the skeleton formats hold the 22 joints of the body.
    `settings` are those of `intermask export`: names ("mixamo", ...), units (of .bvh), up (of .npz),
    leaf_bones (of .glb and .fbx), like (of .bvh).

    Raises:
        InputError: no Interaction, another suffix, a setting without effect, or motion that the format cannot
            represent.
        MissingError: the package that writes the format is not installed.
    """
    path = path_of(path)
    if not isinstance(interaction, Interaction):
        raise InputError(f"interaction is a {type(interaction).__name__}; accepted: an Interaction")
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in FORMATS:
        path.parent.mkdir(parents=True, exist_ok=True)
        export_item(replace(interaction, id=path.stem), suffix, path.parent, settings_for(suffix, **settings))
        return paths_of(path.stem, FORMATS[suffix], path.parent)
    if settings and suffix in (*DATASETS, *PICTURES, *VIDEOS):
        settings_for(suffix, **settings)  # says that they have no effect
    if suffix in DATASETS:
        write_dataset(path, [interaction])
    elif suffix in PICTURES:
        with replacing(path) as draft:
            contact_sheet([interaction.joints], draft, [interaction.text])
    elif suffix in VIDEOS:
        with replacing(path) as draft:
            write_video([interaction.joints], [interaction.text], draft)
    else:
        accepted = ", ".join(f".{name}" for name in (*FORMATS, *DATASETS, *PICTURES, *VIDEOS))
        raise InputError(f"{path.name}: suffix '{path.suffix}'; accepted: {accepted}")
    return [path]
