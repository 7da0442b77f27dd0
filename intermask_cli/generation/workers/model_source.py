"""The model of a run, described before it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intermask_cli.config import DTYPES, SamplingConfig, to_dict
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import FrameLimits
from intermask_cli.generation.prompts.text_warnings import text_warning
from intermask_cli.generation.run.manifest import utc_now, versions
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.reading.readers import OFF, OWN, load_reader, reading_of
from intermask_cli.reading.reading import Reader

if TYPE_CHECKING:
    from intermask_cli.inference.model import InteractionModel
    from intermask_cli.models.bundle_info import BundleInfo
    from intermask_cli.models.text_encoders import EncoderIdentity

#: Characters that every encoder reads: CLIP takes 77 tokens, two of them for start and end, and a token has
#: at least one.
_CERTAINLY_READ = 75


@dataclass(frozen=True)
class ModelSource:
    """A model bundle whose description was read, but not its weights."""

    name: str
    folder: Path
    sha256: str
    info: BundleInfo
    text_encoder: str | None  # as given on the command line
    encoder: EncoderIdentity  # what that is
    dtype: str
    cuda_graphs: bool = False
    reading: str = ""  # what reads the prompts, as `readers.reading_of` names it

    @classmethod
    def find(
        cls,
        name: str,
        text_encoder: str | None,
        dtype: str,
        cuda_graphs: bool = False,
        reading: str = OWN,
    ) -> ModelSource:
        """Resolve a bundled name, folder or hub id, and its text encoder, of which only files are read.

        reading: as `load_model` takes it.

        Raises:
            MissingError: no such model or text encoder. InputError: a damaged one, or another text encoder
                than the model's.
        """
        from intermask_cli.inference.model import default_encoder
        from intermask_cli.models.bundle_info import bundle_sha256, read_info, resolve_bundle
        from intermask_cli.models.text_encoders import check_encoder, identify_text_encoder

        folder = resolve_bundle(name)
        info = read_info(folder)
        encoder = identify_text_encoder(text_encoder or default_encoder(info))
        if encoder.sha256:  # a plug-in's is known once it is loaded
            check_encoder(encoder, info.text_encoder, info.name)
        sha256 = bundle_sha256(folder)
        chosen = reading_of(reading, info.reading)
        return cls(name, folder, sha256, info, text_encoder, encoder, dtype, cuda_graphs, chosen)

    @classmethod
    def of(cls, model: InteractionModel, text_encoder: str | None) -> ModelSource:
        """The source of a loaded float32 model."""
        from intermask_cli.models.text_encoders import EncoderIdentity

        bundle, encoder = model.bundle, EncoderIdentity.of(model.filler.text_encoder)
        name, reading = bundle.info.name, model.reading
        return cls(
            name, bundle.folder, bundle.sha256, bundle.info, text_encoder, encoder, "float32", reading=reading
        )

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InputError(f"--dtype {self.dtype}: accepted are {' and '.join(DTYPES)}")

    @property
    def num_joints(self) -> int:
        return self.info.representation.num_joints

    def require_joints(self, requirement: str) -> None:
        """InputError that begins with `requirement`, unless the model's features hold 22 joints."""
        if not self.info.representation.holds_joints:
            raise InputError(
                f"{requirement}; '{self.info.name}' is {self.info.representation}, whose bodies have "
                f"{self.num_joints} joints"
            )

    def identity(self, sampling: SamplingConfig, body: str | None = None) -> dict[str, Any]:
        """What must be equal for a run to continue an earlier one; `body` None is the model's own."""
        return {
            "model": self.sha256,
            "text encoder": [self.encoder.id, self.encoder.sha256],
            "settings": {**to_dict(sampling), "dtype": self.dtype},
            "body": body or self.info.body,
            **({"reading": self.reading or OFF} if self.reads_prompts else {}),
        }

    @property
    def reads_prompts(self) -> bool:
        """Whether the prompts are read, or could be: the model has a reader."""
        return bool(self.reading or self.info.reading)

    def dataset_attributes(self, sampling: SamplingConfig, body: str | None = None) -> dict[str, Any]:
        """Root attributes of `interactions.h5` (docs/reference/formats.md)."""
        return {
            "fps": float(self.info.fps),
            "units": "m",
            "up_axis": "y",
            "joint_names": list(self.info.representation.joint_names),
            "parents": list(self.info.representation.parents),
            "rotation_convention": "sixd_columns",
            "model_id": self.info.name,
            "model_sha256": self.sha256,
            "text_encoder_id": self.encoder.id,
            "text_encoder_sha256": self.encoder.sha256,
            "licence": self.info.licence,
            "sampling": {**to_dict(sampling), "dtype": self.dtype},
            "body": body or self.info.body,
            **({"reading": self.reading or OFF} if self.reads_prompts else {}),
            "versions": versions(),
            "created": utc_now(),
        }

    def summary(self) -> dict[str, Any]:
        """Entries of the manifest about the model."""
        return {
            "model": self.name,
            "model_folder": str(self.folder),
            "training_data": self.info.training_data,
        }

    def frame_limits(self) -> FrameLimits:
        """Lengths this model can make; a model with joints makes long clips window by window."""
        if not self.info.representation.holds_joints:
            name = self.info.name
            return FrameLimits(
                self.info.fps, longest=self.info.max_frames, limit_name=f"{name}'s limit", one_phase=name
            )
        return FrameLimits(self.info.fps)

    def text_warning_of(self, texts: Iterable[str]) -> Callable[[str], str]:
        """`text_warnings.text_warning` of the model's encoder, which is not loaded.

        Whether texts are cut is seen only where one may be, and the encoder's tokenizer is on this machine.
        """
        from intermask_cli.inference.model import default_encoder
        from intermask_cli.models.text_encoders import local_cut_tokens

        cut = None
        if any(len(text) > _CERTAINLY_READ for text in texts):
            cut = local_cut_tokens(self.text_encoder or default_encoder(self.info))
        return partial(text_warning, encoder_id=self.info.text_encoder["id"], cut=cut)

    def load(self, worker: Worker) -> InteractionModel:
        """The model on this worker's device."""
        import torch

        from intermask_cli.inference.model import load_model

        if worker.device.startswith("cuda"):  # else every worker would also open the first GPU
            torch.cuda.set_device(worker.device)
        return load_model(
            self.folder,
            self.text_encoder,
            worker.device,
            self.dtype,
            self.cuda_graphs,
            self.reading or OFF,
        )

    def load_reader(self) -> Reader | None:
        """What reads the prompts, without the model; None for nothing."""
        if not self.reading:
            return None
        from intermask_cli.inference.model import default_encoder
        from intermask_cli.models.text_encoders import load_text_encoder

        encoder = load_text_encoder(self.text_encoder or default_encoder(self.info))
        return load_reader(self.reading, self.folder, encoder)
