"""The reader of a model: its own, that of a package, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from intermask_cli import plugins
from intermask_cli.errors import InputError
from intermask_cli.reading.reading import Reader

if TYPE_CHECKING:
    from intermask_cli.models.text_encoders import TextEncoder

#: Values of --reading, next to the names of plug-ins: the model's own reader, or none.
OWN, OFF = "auto", "off"
#: In config.json: the bundle has a label reader.
LABELS = "labels"


def reading_of(choice: str, recorded: str) -> str:
    """What reads the prompts: "" for nothing, `LABELS`, or the name of a plug-in.

    choice: `OWN`, `OFF` or a plug-in's name. recorded: what the model's config.json says.

    Raises InputError for a name that no package registers.
    """
    if choice == OFF:
        return ""
    name = recorded if choice == OWN else choice
    if name == LABELS != recorded:
        raise InputError(f"reading is '{LABELS}', but the model has no reader of its own; leave it out")
    known = plugins.registered(plugins.READINGS)
    if name in ("", LABELS) or name in known:
        return name
    names = ", ".join([OWN, OFF, *known])
    raise InputError(f"reading is '{name}'; accepted: {names}")


def load_reader(name: str, folder: Path, encoder: TextEncoder) -> Reader | None:
    """The reader that `reading_of` chose for the model in a folder; None for nothing.

    Raises:
        MissingError: the model has no reader of its own. InputError: a damaged reader or plug-in.
    """
    if not name:
        return None
    if name == LABELS:
        from intermask_cli.reading.label_reader import LabelReader

        return LabelReader.load(folder, encoder)
    reader: Reader = plugins.call(plugins.READINGS, name, folder, encoder)
    return reader
