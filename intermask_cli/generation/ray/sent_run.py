"""A run for workers on other machines, which may have other folders than this one.

The loader of the engine is pickled with references in place of models and of paths below the run directory;
each worker puts its own in their place. The files of a model, and of a text encoder that is a folder, are
sent to machines that do not have them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from intermask_cli.files import file_sha256, write_bytes
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.manifest import RunInfo
from intermask_cli.generation.workers.engine import LoadEngine
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.models.bundle_info import FILES as BUNDLE_FILES
from intermask_cli.models.bundle_info import bundle_sha256
from intermask_cli.version import __version__

#: Content of files by the hash of the model or text encoder, and the name of the file.
Files = Mapping[tuple[str, str], bytes]


@dataclass(frozen=True)
class SentRun:
    """What a worker needs to begin, for the program of that `version`."""

    version: str
    info: RunInfo
    loader: bytes  # pickled, with references
    models: Mapping[str, SentModel]  # by the names of the references

    @classmethod
    def of(cls, run: RunDirectory, load_engine: LoadEngine) -> SentRun:
        """The run and the loader of its engine, as they are on this machine."""
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, run.folder)
        pickler.dump(load_engine)
        return cls(__version__, run.info, buffer.getvalue(), pickler.models)

    def files(self) -> Files:
        """The files of its models and text encoders, which are on this machine."""
        return {key: path.read_bytes() for model in self.models.values() for key, path in model.paths()}

    def loader_here(self, run_folder: Path, scratch: Path, files: Files | None) -> LoadEngine | None:
        """The loader for this machine; None if a model is not here, and no files are given.

        run_folder: what the worker uses as run directory. scratch: a folder for the given files.
        """
        here = {name: model.source_here(scratch, files) for name, model in self.models.items()}
        if None in here.values():
            return None
        loader: LoadEngine = _Unpickler(io.BytesIO(self.loader), run_folder, here).load()
        return loader


@dataclass(frozen=True)
class SentModel:
    """A model, and the folder of its text encoder where the user gave one."""

    source: ModelSource
    encoder: Path | None

    @classmethod
    def of(cls, source: ModelSource) -> SentModel:
        """The model as it is on the machine of the user."""
        from intermask_cli.models.text_encoders import kind_and_source  # imports torch

        folder = Path(kind_and_source(source.text_encoder or "")[1]).expanduser()
        given = source.text_encoder and source.encoder.sha256 and folder.is_dir()
        return cls(source, folder if given else None)

    def paths(self) -> Iterator[tuple[tuple[str, str], Path]]:
        """The keys of `Files`, and the files on the machine of the user."""
        from intermask_cli.models.text_encoders import FILES as ENCODER_FILES

        bundle = [self.source.folder / name for name in BUNDLE_FILES]
        yield from (((self.source.sha256, path.name), path) for path in bundle if path.is_file())
        if self.encoder is not None:
            tokenizer = [path for pattern in ENCODER_FILES for path in sorted(self.encoder.glob(pattern))]
            for path in [*tokenizer, _weights(self.encoder)]:
                yield (self.source.encoder.sha256, path.name), path

    def source_here(self, scratch: Path, files: Files | None) -> ModelSource | None:
        """The model as it is on this machine; None if it is not here, and no files are given."""
        from intermask_cli.models.text_encoders import kind_and_source

        source = self.source
        if bundle_sha256(source.folder) != source.sha256:
            if files is None:
                return None
            source = replace(source, folder=scratch / source.sha256)
            _write(source.sha256, files, source.folder)
        if self.encoder is None:
            return source
        weights = _weights(self.encoder)
        if weights.is_file() and file_sha256(weights) == source.encoder.sha256:
            return source
        if files is None:
            return None
        kind, folder = kind_and_source(str(source.text_encoder))[0], scratch / source.encoder.sha256
        _write(source.encoder.sha256, files, folder)
        return replace(source, text_encoder=f"{kind}:{folder}" if kind else str(folder))


def _weights(encoder: Path) -> Path:
    """The weights that are read of a text encoder's folder."""
    from intermask_cli.models.text_encoders import WEIGHTS

    found = [encoder / name for name in WEIGHTS if (encoder / name).is_file()]
    return found[0] if found else encoder / WEIGHTS[0]


def _write(sha256: str, files: Files, folder: Path) -> None:
    """Write the files of that model or text encoder into a folder."""
    for (of, name), content in files.items():
        if of == sha256:
            write_bytes(folder / name, content)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, folder: Path):
        super().__init__(file)
        self._folder = folder
        self.models: dict[str, SentModel] = {}

    def persistent_id(self, value: Any) -> tuple[str, str] | None:
        """The reference that stands for a model or a path; None for what is pickled as it is."""
        if isinstance(value, ModelSource):
            name = str(len(self.models))
            self.models[name] = SentModel.of(value)
            return "model", name
        if isinstance(value, PurePath) and value.is_relative_to(self._folder):
            return "run", value.relative_to(self._folder).as_posix()
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, folder: Path, models: Mapping[str, ModelSource | None]):
        super().__init__(file)
        self._folder, self._models = folder, models

    def persistent_load(self, reference: tuple[str, str]) -> Any:
        """What the reference stands for on this machine."""
        kind, name = reference
        return self._models[name] if kind == "model" else self._folder / name
