"""The record of exported files of one format in a folder: their settings, and which of them are ours.

`.export-bvh.json` holds `settings` and `files`, the SHA-256 of each file by its name. An export that was
stopped leaves null for files that it was going to write.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermask_cli.errors import InputError
from intermask_cli.files import disk_errors, file_sha256, json_object, write_text

#: Records of 0.2.0, settings alone, and of 0.1.0, a list of clean-up modes; both for files of any format.
_SETTINGS_ALONE, _CLEANING_ALONE = ".export.json", ".cleaning.json"
_REMEDY = "move it away, or give another --out"
#: Names of files listed in a message.
_LISTED = 3


@dataclass
class FolderRecord:
    """Settings of all files of a format in a folder, and their hashes by name."""

    folder: Path
    format: str
    settings: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, format: str) -> FolderRecord:
        """The record of a format in a folder; empty where there is none."""
        record = cls(folder, format)
        if record.path.is_file():
            values = json_object(record.path, _REMEDY)
            record.settings, record.files = values.get("settings", {}), values.get("files", {})
            if not isinstance(record.settings, dict) or not isinstance(record.files, dict):
                raise InputError(f"{record.path}: not the record of an export; {_REMEDY}")
        elif (folder / _SETTINGS_ALONE).is_file():
            record.settings = json_object(folder / _SETTINGS_ALONE, _REMEDY)
        elif (folder / _CLEANING_ALONE).is_file():
            record.settings = {"clean": json.loads((folder / _CLEANING_ALONE).read_text(encoding="utf-8"))}
        return record

    @property
    def path(self) -> Path:
        """The file of the record."""
        return self.folder / f".export-{self.format}.json"

    def begin(self, names: Collection[str], settings: Mapping[str, Any], keeping: bool) -> None:
        """Remove old files of the given names, and record that they are going to be written.

        keeping: other interactions of this export exist and are kept.

        Raises:
            InputError: some are there that this program did not write, or others stay that were written with
                other settings. Nothing is changed then.
        """
        present = [
            name for name in names if (self.folder / name).is_symlink() or (self.folder / name).exists()
        ]
        foreign = [name for name in present if not self._wrote(name)]
        if foreign:
            listed = ", ".join(foreign[:_LISTED]) + (", ..." if len(foreign) > _LISTED else "")
            raise InputError(
                f"{self.folder}: holds {listed}, which this program did not write, or which was changed "
                "since: it is not overwritten; move it away, or give another --out"
            )
        written = set(names)
        stays = keeping or any(name not in written and _exists(self.folder / name) for name in self.files)
        if stays and self.settings != settings:
            raise InputError(
                f"{self.folder}: holds files with {_in_words(self.settings)}; now requested: "
                f"{_in_words(settings)}; give another --out, or --overwrite without --id and --limit"
            )
        self.settings = dict(settings)
        self.files.update(dict.fromkeys(names))
        self._save()
        with disk_errors(self.folder):
            for name in present:
                (self.folder / name).unlink()

    def end(self, hashes: Iterable[tuple[str, str]]) -> None:
        """Record the files that were written."""
        self.files.update(hashes)
        self._save()

    def _wrote(self, name: str) -> bool:
        """Whether a file is what this program wrote there, or was going to write when it was stopped."""
        path = self.folder / name
        if name not in self.files or path.is_symlink() or not path.is_file():
            return False
        sha256 = self.files[name]
        return sha256 is None or file_sha256(path) == sha256

    def _save(self) -> None:
        values = {"settings": self.settings, "files": self.files}
        write_text(self.path, json.dumps(values, indent=0) + "\n")


def _exists(path: Path) -> bool:
    """Whether there is anything, a link to nothing included."""
    return path.is_symlink() or path.exists()


def _in_words(settings: Mapping[str, Any]) -> str:
    """`clean smooth+feet, names mixamo`, or `default settings`."""
    parts = [
        f"{key} {'+'.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in settings.items()
        if value
    ]
    return ", ".join(parts) or "default settings"
