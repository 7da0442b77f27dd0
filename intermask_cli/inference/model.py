"""Text to token maps to motion: a loaded model and everything it can do.

All tasks are one: some tokens are known, the sampler fills the others (`sampling.tasks`). A clip longer than
the model's window is generated window by window, each starting from the decoded end of the one before, in the
canonical frame of that moment. So is a clip of several phases ("they bow | they shake hands"), every window
with the text of its phase.

On the CPU in float32 a sample's bytes depend on its text, length, seed and given motion only, not on the
other samples, on their number, or on the number of threads (`intermask_cli.devices`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from intermask_cli.config import (
    BODY_ROWS,
    DEFAULT_MODEL,
    DEFAULT_SECONDS,
    DTYPES,
    FRAMES_PER_TOKEN,
    PERSONS,
    SamplingConfig,
)
from intermask_cli.devices import choose_device
from intermask_cli.errors import InputError
from intermask_cli.inference import inputs
from intermask_cli.inference.batch_size import BatchSize
from intermask_cli.inference.bodies import Kept, body_of, seams_of, with_bodies
from intermask_cli.inference.clip_generator import ClipGenerator
from intermask_cli.inference.cuda_graphs import CudaRecorder, GraphCache
from intermask_cli.inference.growing_clip import (
    ORIGIN,
    GrowingClip,
    blank_pair,
    frames_at,
    motion_from,
    rotations_of,
)
from intermask_cli.inference.inputs import GivenJoints
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.inference.motion_codec import MotionCodec
from intermask_cli.inference.part_tasks import Edit, Extension, InBetween, PartTasks
from intermask_cli.inference.scripts import meetings_of, read_text, script_of, with_reading
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.bundle import Bundle, load_bundle
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.text_encoders import TextEncoder, TextStates, check_encoder, load_text_encoder
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.motion import Motion
from intermask_cli.reading.readers import OWN, load_reader, reading_of
from intermask_cli.reading.reading import Reader, Reading

#: Frames shared by consecutive windows of one phase: enough for the model to continue the action.
OVERLAP_FRAMES = 32
#: Text encoders by the id a bundle records: what to load when the caller names none.
DEFAULT_ENCODERS = {"all-MiniLM-L6-v2": "minilm:", "clip-vit-large-patch14-336": "clip:"}

#: Settings as a record, or those that differ from the model's own as a dict.
Sampling = SamplingConfig | Mapping[str, Any]


class InteractionModel:
    """A loaded model with its text encoder; load one with `load_model`.

    Arguments that the methods share:

    * `texts`: one text or many, one sample each; "" for no text. A text may have phases, separated by "|".
      A model with a reader (`reading`) also finds them itself, makes what it read (`read_as` of the result),
      and marks what it does not know (`outside`); `load_model(reading="off")` gives it the texts as they are.
    * `joints`: metres, Y up, 30 fps, of the 22 SMPL body joints: (T, 22, 3) of one person, (2, T, 22, 3) of
      a pair, at least 4 frames; an array, a tensor, or a `Motion` or `Interaction`. `rotations6d`
      (..., T, 21, 6) are the local rotations of joints 1..21 (`sixd_columns`); they are recovered from the
      joints when missing.
    * `seeds`, one per text, else `seed`, `seed` + 1, and so on.
    * `sampling`: a `SamplingConfig`, or a dict of its fields; the model's own settings by default.
    * `batch_size`: clips sampled together; as many as fit by default. It does not change results.
    * `check_body`: refuse joints that cannot be a person in metres with Y up.
    * `body`: "rigid" makes bodies of constant bones with planted feet from what is generated, "decoded" keeps
      it as the decoder left it, as published; the model's own choice (`info.body`) by default. Given motion
      never changes.

    Every wrong argument is an `InputError` that names it. Attributes: `info` describes the model, `device` is
    where it runs, `default_frames` the length of a clip where none is given, `reader` reads the texts (or
    None) and `reading` is its name.
    """

    def __init__(
        self,
        bundle: Bundle,
        text_encoder: TextEncoder,
        device: str = "cpu",
        dtype: str = "float32",
        cuda_graphs: bool = False,
        reader: Reader | None = None,
        reading: str = "",
    ):
        if dtype not in DTYPES:
            raise InputError(f"dtype is '{dtype}'; accepted: {', '.join(DTYPES)}")
        check_encoder(text_encoder, bundle.info.text_encoder, bundle.info.name)
        self.bundle, self.info, self.reader, self.reading = bundle, bundle.info, reader, reading
        self.device = torch.device(choose_device(str(device)))
        self.dtype = torch.bfloat16 if dtype == "bf16" else torch.float32
        codec = MotionCodec(bundle, self.device)
        transformer = bundle.transformer.to(self.device, self.dtype)
        self.batch_size = BatchSize.fitting(self.info, self.device, self.dtype)
        graphs = None
        if cuda_graphs:
            if self.device.type != "cuda":
                raise InputError(f"CUDA graphs on device '{device}'; accepted: cuda, cuda:1 and so on")
            graphs = GraphCache(CudaRecorder())
            # Recordings read the position table at its address: it must not be rebuilt for longer clips.
            window = self.info.max_frames // FRAMES_PER_TOKEN
            transformer.position_enc.table(window, transformer.cond_emb.weight)
        filler = TokenFiller(transformer, text_encoder, self.device, self.batch_size, graphs)
        self.clips = ClipGenerator(self.info, filler, codec)
        self.parts = PartTasks(self.clips, reader)

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"InteractionModel('{self.info.name}', {self.info.representation}, {self.device}, {dtype})"

    @property
    def filler(self) -> TokenFiller:
        """Fills token maps."""
        return self.clips.filler

    @property
    def codec(self) -> MotionCodec:
        """Encodes and decodes features."""
        return self.clips.codec

    @property
    def default_frames(self) -> int:
        """Length of a clip where none is given: five seconds, or the model's longest if that is less."""
        return min(round(DEFAULT_SECONDS * self.info.fps), self.info.max_frames)

    # ---------------------------------------------------------------- tasks

    def generate(
        self,
        texts: str | Iterable[str],
        frames: int | Sequence[int] | npt.ArrayLike | None = None,
        seed: int = 0,
        seeds: Sequence[int] | npt.ArrayLike | None = None,
        sampling: Sampling | None = None,
        batch_size: int | None = None,
        body: str | None = None,
    ) -> list[Interaction]:
        """Generate pairs from text: person 0 starts at the origin and faces +Z.

        Args:
            frames: length of a clip, one for all or one per text, rounded down to a multiple of 4;
                `default_frames` if missing. Clips longer than the model's window are generated window by
                window.

        Raises:
            InputError: wrong arguments; an Inter-X model and a text with phases or a clip longer than its
                window.
        """
        listed = inputs.text_list(texts)
        numbers = inputs.seed_list(seed, seeds, len(listed))
        lengths = inputs.frame_list(frames, len(listed), self.default_frames)
        tokens = [length // FRAMES_PER_TOKEN for length in lengths]
        if not self.info.representation.holds_joints:
            longest = max(tokens)
            if longest > self.clips.window:
                raise InputError(
                    f"{longest * FRAMES_PER_TOKEN} frames; '{self.info.name}' generates up to "
                    f"{self.info.max_frames}"
                )
            inputs.one_phase(listed)
        settings, kind = inputs.sampling_settings(sampling, self.info.sampling), body_of(body, self.info)
        clips = [GrowingClip(blank_pair(0)) for _ in listed]
        readings = self._readings(listed, tokens)
        made = self._grown(clips, readings, tokens, numbers, settings, settings.steps, batch_size)
        if kind == "decoded":
            return made
        return with_bodies(made, wishes=_meetings(readings, numbers, tokens))

    def react(
        self,
        joints: GivenJoints,
        texts: str | Iterable[str],
        person: int = 0,
        rotations6d: npt.ArrayLike | None = None,
        seed: int = 0,
        seeds: Sequence[int] | npt.ArrayLike | None = None,
        sampling: Sampling | None = None,
        batch_size: int | None = None,
        check_body: bool = True,
        body: str | None = None,
    ) -> list[Interaction]:
        """Generate a partner for one given person, in that person's world and length.

        The given motion comes back unchanged. Half the sampling steps are run, as published.

        Args:
            joints: the given person, (T, 22, 3).
            person: the role (0 or 1) that the given person has in the text.
        """
        self._needs_joints("react")
        listed = inputs.text_list(texts)
        given = inputs.given_motion(joints, rotations6d, 1, check_body)
        return self.react_each(
            [given] * len(listed), listed, person, seed, seeds, sampling, batch_size, False, body
        )

    def react_each(
        self,
        motions: Iterable[GivenJoints | tuple[npt.ArrayLike, npt.ArrayLike | None]],
        texts: str | Iterable[str],
        persons: int | Sequence[int] = 0,
        seed: int = 0,
        seeds: Sequence[int] | npt.ArrayLike | None = None,
        sampling: Sampling | None = None,
        batch_size: int | None = None,
        check_body: bool = True,
        body: str | None = None,
    ) -> list[Interaction]:
        """`react` with another given person for every text.

        Args:
            motions: each given person: joints (T, 22, 3), a `Motion` of one person, or (joints, rotations6d).
            persons: the role (0 or 1) of each given person in its text, or one role for all.
        """
        self._needs_joints("react")
        listed = inputs.text_list(texts)
        numbers = inputs.seed_list(seed, seeds, len(listed))
        roles = inputs.person_list(persons, len(listed))
        given = inputs.given_motions(motions, check_body)
        if not len(given) == len(roles) == len(listed):
            raise InputError(f"{len(given)} motions and {len(roles)} persons for {len(listed)} texts")
        clips = []
        for person, motion in zip(roles, given, strict=True):
            padded = motion.padded(FRAMES_PER_TOKEN)
            pair = blank_pair(padded.frames)
            pair.joints[person] = padded.joints[0]
            rotations_of(pair)[person] = rotations_of(padded)[0]
            clips.append(GrowingClip(pair, given=person))
        settings, kind = inputs.sampling_settings(sampling, self.info.sampling), body_of(body, self.info)
        tokens = [clip.motion.frames // FRAMES_PER_TOKEN for clip in clips]
        half = max(settings.steps // 2, 1)
        lengths = [motion.frames for motion in given]
        readings = self._readings(listed, tokens)
        made = self._grown(clips, readings, tokens, numbers, settings, half, batch_size, lengths)
        if kind == "decoded":
            return made
        kept = [Kept.person(*one) for one in zip(given, roles, strict=True)]
        return with_bodies(made, kept, _meetings(readings, numbers, tokens))

    def extend(
        self,
        interaction: Interaction | Motion | npt.ArrayLike,
        text: str,
        frames: int,
        seed: int = 0,
        sampling: Sampling | None = None,
        overlap: int = OVERLAP_FRAMES,
        check_body: bool = True,
        body: str | None = None,
    ) -> Interaction:
        """Continue an interaction for `frames` frames (rounded down to a multiple of 4), as `text` describes.

        Its last `overlap` frames are known to the model. None of its frames changes, and the new ones join
        them without a step in position or speed; `seams` of the result says how smooth the joint is. An
        interaction without tokens, such as motion of your own (also as an array (2, T, 22, 3)), is encoded
        first, and its bodies are checked.
        """
        self._needs_joints("extend")
        prompt = inputs.one_text(text)
        (number,) = inputs.seed_list(seed, None, 1)
        settings = inputs.sampling_settings(sampling, self.info.sampling)
        added, shared = inputs.tokens_in(frames), inputs.whole_number(overlap, "overlap")
        if not isinstance(interaction, Interaction):
            interaction = Interaction(inputs.given_motion(interaction, None, PERSONS, check_body))
        tokens = interaction.tokens
        motion = inputs.given_motion(interaction, None, PERSONS, check_body and tokens is None)
        if tokens is not None:
            tokens = inputs.token_map(tokens, self.info.transformer.codebook_size)
        request = Extension(motion, prompt, added * FRAMES_PER_TOKEN, number, tokens, interaction.seams)
        return self.parts.extended([request], settings, body_of(body, self.info), shared)[0]

    def in_between(
        self,
        joints: GivenJoints,
        texts: str | Iterable[str],
        first: int,
        last: int,
        rotations6d: npt.ArrayLike | None = None,
        seed: int = 0,
        seeds: Sequence[int] | npt.ArrayLike | None = None,
        sampling: Sampling | None = None,
        check_body: bool = True,
        body: str | None = None,
    ) -> list[Interaction]:
        """Generate new motion between the first and last frames of a pair; those come back unchanged.

        What lies between is never read.

        Args:
            joints: the pair, (2, T, 22, 3), T a multiple of 4. What is made may be as long as the model's
                window, less a token for each end.
            first: frames to keep at the start, a multiple of 4, at least 4.
            last: frames to keep at the end, a multiple of 4; 0 for none.
        """
        self._needs_joints("in_between")
        listed = inputs.one_phase(inputs.text_list(texts))
        given, rotations = inputs.motion_arrays(joints, rotations6d)
        frames = given.shape[1] if given.ndim == 4 else 0
        first, last = inputs.whole_number(first, "first"), inputs.whole_number(last, "last")
        for name, value in (("T", frames), ("first", first), ("last", last)):
            if value % FRAMES_PER_TOKEN:
                raise InputError(
                    f"{name}={value} is not a multiple of {FRAMES_PER_TOKEN}; trim or pad the clip"
                )
        if first < FRAMES_PER_TOKEN:
            raise InputError(
                f"first={first}; accepted: {FRAMES_PER_TOKEN} or more given frames to start from"
            )
        root, lengths = (None, None) if rotations6d is not None else inputs.rig_arrays(joints)
        ends = []
        for end in (slice(0, first), slice(frames - last, frames))[: 2 if last else 1]:
            part = inputs.given_motion(
                given[:, end], None if rotations is None else rotations[:, end], PERSONS, check_body
            )
            if root is not None:
                part = replace(part, root_rotations6d=root[:, end], bone_lengths=lengths)
            ends.append(part)
        if first + last >= frames:
            raise InputError(
                f"first={first} and last={last} keep all of {frames} frames; leave some to be made"
            )
        numbers = inputs.seed_list(seed, seeds, len(listed))
        settings = inputs.sampling_settings(sampling, self.info.sampling)
        between = (ends[0], ends[1] if last else None)
        requests = [
            InBetween(*between, text, frames - first - last, number)
            for text, number in zip(listed, numbers, strict=True)
        ]
        return self.parts.completed(requests, settings, body_of(body, self.info))

    def edit(
        self,
        joints: GivenJoints,
        texts: str | Iterable[str],
        persons: int | Sequence[int] = (0, 1),
        rows: int | Sequence[int] = tuple(range(BODY_ROWS)),
        start: int = 0,
        stop: int | None = None,
        rotations6d: npt.ArrayLike | None = None,
        seed: int = 0,
        seeds: Sequence[int] | npt.ArrayLike | None = None,
        sampling: Sampling | None = None,
        check_body: bool = True,
        body: str | None = None,
    ) -> list[Interaction]:
        """Generate some body rows of some persons again in frames start..stop of a pair.

        Other persons and other frames come back unchanged; other rows of an edited person only approximately
        (`sampling.tasks`).

        Args:
            joints: the pair, (2, T, 22, 3).
            persons: the persons to edit, 0 and 1.
            rows: body rows 0..4 to generate again; `sampling.tasks` lists the joints of each.
            start, stop: no more frames than the model's window holds.
        """
        self._needs_joints("edit")
        listed = inputs.one_phase(inputs.text_list(texts))
        given = inputs.given_motion(joints, rotations6d, PERSONS, check_body)
        begin = inputs.whole_number(start, "start")
        end = given.frames if stop is None else inputs.whole_number(stop, "stop")
        chosen = tuple(inputs.whole_numbers(persons, "persons")), tuple(inputs.whole_numbers(rows, "rows"))
        numbers = inputs.seed_list(seed, seeds, len(listed))
        settings = inputs.sampling_settings(sampling, self.info.sampling)
        seams = joints.seams if isinstance(joints, Interaction) else ()
        requests = [
            Edit(given, text, *chosen, begin, end, number, seams)
            for text, number in zip(listed, numbers, strict=True)
        ]
        return self.parts.completed(requests, settings, body_of(body, self.info))

    def reconstruct(
        self, joints: GivenJoints, rotations6d: npt.ArrayLike | None = None, check_body: bool = True
    ) -> Interaction:
        """Encode a pair (2, T, 22, 3) and decode it again, in its own world: what the model can express."""
        self._needs_joints("reconstruct")
        given = inputs.given_motion(joints, rotations6d, PERSONS, check_body)
        padded = given.padded(FRAMES_PER_TOKEN)
        placed = frames_at(padded, 0)
        tokens = self.clips.encode(padded, placed)
        motion = motion_from(self.codec.decode_pairs([tokens])[0], placed).part(0, given.frames)
        return Interaction(motion, tokens=_stored(tokens))

    # ---------------------------------------------------------------- parts of the model

    def encode(
        self, joints: GivenJoints, rotations6d: npt.ArrayLike | None = None, check_body: bool = True
    ) -> np.ndarray:
        """The token map (2, 5, n) int16 of a pair, seen in the frame of person 0; n = T / 4, rounded up.

        An Inter-X model encodes the features of a `Motion` or `Interaction`.
        """
        if self.info.representation.holds_joints:
            given = inputs.given_motion(joints, rotations6d, PERSONS, check_body).padded(FRAMES_PER_TOKEN)
            return _stored(self.clips.encode(given, frames_at(given, 0)))
        motion = joints.motion if isinstance(joints, Interaction) else joints
        if not isinstance(motion, Motion) or motion.features is None:
            raise InputError(
                f"'{self.info.name}' encodes the features of a Motion; joints alone are not enough"
            )
        features = motion.padded(FRAMES_PER_TOKEN).features
        assert features is not None
        return _stored(torch.stack(self.codec.encode(list(features))))

    def decode(self, tokens: npt.ArrayLike) -> Interaction:
        """The motion of a token map (2, 5, n), 4 n frames: person 0 starts at the origin and faces +Z."""
        ids = torch.from_numpy(inputs.token_map(tokens, self.info.transformer.codebook_size))
        features = self.codec.decode_pairs([ids])[0]
        motion = motion_from(features, ORIGIN, self.info.representation)
        return Interaction(motion, tokens=_stored(ids))

    def read(self, texts: str | Iterable[str]) -> list[Reading]:
        """What the model's reader makes of texts: kind, roles, confidence, phases (`reading.Reading`).

        Raises InputError for a model without a reader.
        """
        if self.reader is None:
            raise InputError(f"'{self.info.name}' was loaded without a reader; it takes texts as they are")
        return [self.reader.read(text) for text in inputs.text_list(texts)]

    def text_states(self, texts: str | Iterable[str]) -> TextStates:
        """States of the frozen text encoder for every token of N texts: (N, L, D) with a mask (N, L)."""
        return self.filler.text_encoder.encode(inputs.text_list(texts))

    def condition(self, texts: str | Iterable[str]) -> np.ndarray:
        """The transformer's condition for N texts: (N, E) float32, or (N, 2, E): one for each person."""
        conditions = [self.filler.condition(text) for text in inputs.text_list(texts)]
        return torch.cat(conditions).float().cpu().numpy()

    def logits(self, tokens: npt.ArrayLike, text: str | None = None, guidance: float = 1.0) -> np.ndarray:
        """Logits (2, 5, n, K) float32 that the transformer gives for a token map (2, 5, n).

        -1 in `tokens` marks masked tokens. Without a `text` the logits are unconditional. `guidance` w
        combines both to u + w (c - u).
        """
        ids = torch.from_numpy(inputs.token_map(tokens, self.info.transformer.codebook_size, unknown=True))
        if ids.shape[-1] > self.clips.window:
            raise InputError(
                f"tokens have {ids.shape[-1]} per body row; '{self.info.name}' takes up to "
                f"{self.clips.window}"
            )
        prompt = None if text is None else inputs.one_text(text)
        return self.filler.logits(ids, prompt, inputs.finite_number(guidance, "guidance")).numpy()

    # ---------------------------------------------------------------- private

    def _grown(
        self,
        clips: list[GrowingClip],
        readings: list[Reading],
        tokens: list[int],
        seeds: list[int],
        sampling: SamplingConfig,
        steps: int,
        batch_size: int | None,
        lengths: Sequence[int] | None = None,
    ) -> list[Interaction]:
        """Clips grown to their numbers of tokens and cut to `lengths` in frames, as results."""
        size, overlap = inputs.batch_size_of(batch_size), OVERLAP_FRAMES // FRAMES_PER_TOKEN
        scripts = [script_of(*one) for one in zip(readings, seeds, strict=True)]
        maps = self.clips.grow(clips, scripts, tokens, seeds, sampling, steps, overlap, size)
        for clip, length in zip(clips, lengths or (), strict=bool(lengths)):
            clip.motion = clip.motion.part(0, length)
        texts = [reading.text for reading in readings]
        made = [_result(*parts) for parts in zip(clips, maps, texts, seeds, strict=True)]
        return with_reading(made, readings)

    def _readings(self, texts: Sequence[str], tokens: Sequence[int]) -> list[Reading]:
        """The readings of texts for clips of these numbers of tokens per body row."""
        return [read_text(self.reader, *one) for one in zip(texts, tokens, strict=True)]

    def _needs_joints(self, task: str) -> None:
        if not self.info.representation.holds_joints:
            raise InputError(
                f"{task} needs a model of interhuman motion; '{self.info.name}' is {self.info.representation}"
            )


def load_model(
    name: str | Path = DEFAULT_MODEL,
    text_encoder: str | TextEncoder | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    cuda_graphs: bool = False,
    reading: str = OWN,
) -> InteractionModel:
    """Load a model with its text encoder.

    Args:
        name: a bundled model (`list_bundled`), a folder or a hub id.
        text_encoder: the encoder that the model records, unless given: "minilm", "clip", the name of a
            plug-in, a folder, a hub id, or an object with the methods of `TextEncoder`.
        device: "cpu", "cuda", "cuda:1" and so on; "auto" is a GPU if there is one.
        dtype: of the transformer, "float32" or "bf16".
        cuda_graphs: replay the network in small batches on a GPU (`inference.cuda_graphs`).
        reading: what reads the texts: "auto" the model's own reader, if it has one; "off" nothing, so that
            the network is given the texts as they are; or the name of a plug-in.

    Raises:
        MissingError: no such model or text encoder; the message says how to get it.
        InputError: a damaged bundle, another text encoder than the model's, a device that does not exist.
    """
    place = choose_device(str(device))
    bundle = load_bundle(name)
    if text_encoder is None:
        text_encoder = default_encoder(bundle.info)
    if isinstance(text_encoder, str):
        text_encoder = load_text_encoder(text_encoder, place)
    chosen = reading_of(reading, bundle.info.reading)
    reader = load_reader(chosen, bundle.folder, text_encoder)
    return InteractionModel(bundle, text_encoder, place, dtype, cuda_graphs, reader, chosen)


def default_encoder(info: BundleInfo) -> str:
    """The text encoder that a model records, as `load_text_encoder` takes it."""
    recorded: str = info.text_encoder["id"]
    return DEFAULT_ENCODERS.get(recorded, recorded)


def _result(clip: GrowingClip, tokens: Tensor, text: str, seed: int) -> Interaction:
    """The record of a complete clip, with the jerk of each seam."""
    motion = clip.motion
    seams = [Seam(*seam, jerk=0.0, typical_jerk=0.0) for seam in clip.seams]
    result = Interaction(motion, tokens=_stored(tokens), text=text, seed=seed, given=clip.given, seams=seams)
    return replace(result, seams=seams_of(result, motion))


def _meetings(
    readings: Sequence[Reading], seeds: Sequence[int], tokens: Sequence[int]
) -> list[list[ContactWish] | None]:
    """The limbs that should meet in each clip, None where that is not known."""
    return [meetings_of(*one) for one in zip(readings, seeds, tokens, strict=True)]


def _stored(tokens: Tensor) -> np.ndarray:
    """A token map as results hold it: int16 NumPy."""
    return tokens.numpy().astype(np.int16)
