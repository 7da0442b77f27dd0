"""Text to token maps to motion: a loaded model and everything it can be asked for.

All tasks are one thing: some tokens are known, the sampler fills the rest (`sampling.tasks`). A clip longer
than the model's window is made window by window, each starting from the decoded end of the one before, in
that moment's canonical frame. So is a clip of several phases ("they bow | they shake hands"), every window
with its phase's text.

On the CPU in float32 a sample's bytes depend on its text, length, seed and given motion only, not on the
other samples, on how many there are, or on the number of threads (`intermask_cli.devices`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import (
    BODY_ROWS,
    DEFAULT_MODEL,
    DEFAULT_SECONDS,
    DTYPES,
    FRAMES_PER_TOKEN,
    SamplingConfig,
)
from intermask_cli.errors import InputError
from intermask_cli.inference.batch_size import fitting_batch
from intermask_cli.inference.cuda_graphs import CudaRecorder, Recordings
from intermask_cli.inference.growing_clip import (
    Frames,
    GrowingClip,
    blank_pair,
    checked_motion,
    features_in,
    frames_at,
    motion_from,
    rotations_of,
    with_kept,
)
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.inference.motion_codec import Given, MotionCodec
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.inference.windows import Window, plan_phases
from intermask_cli.models.bundle import Bundle, load_bundle
from intermask_cli.models.text_encoders import TextEncoder, check_encoder, load_text_encoder
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import seam_jerk
from intermask_cli.reading.phases import split_phases
from intermask_cli.sampling import tasks

OVERLAP_FRAMES = 32
#: Text encoders by the id a bundle records: what to load when the caller names none.
DEFAULT_ENCODERS = {"all-MiniLM-L6-v2": "minilm", "clip-vit-large-patch14-336": "clip"}


class InteractionModel:
    """A loaded bundle with its text encoder; the methods are what it can make.

    `texts` gives one sample each; a text may have phases, separated by "|" and equally long. Seeds: `seeds`,
    one per text, else `seed`, `seed` + 1, and so on. `sampling` defaults to the bundle's own settings.
    """

    def __init__(
        self,
        bundle: Bundle,
        text_encoder: TextEncoder,
        device: str = "cpu",
        dtype: str = "float32",
        cuda_graphs: bool = False,
    ):
        if dtype not in DTYPES:
            raise InputError(f"dtype is '{dtype}'; accepted: {', '.join(DTYPES)}")
        check_encoder(text_encoder, bundle.info.text_encoder, bundle.info.name)
        self.bundle, self.info = bundle, bundle.info
        self.device = torch.device(device)
        self.codec = MotionCodec(bundle, self.device)
        self.dtype = torch.bfloat16 if dtype == "bf16" else torch.float32
        transformer = bundle.transformer.to(self.device, self.dtype)
        fit = fitting_batch(self.info, self.device, self.dtype)
        self.window = self.info.max_frames // FRAMES_PER_TOKEN
        recordings = None
        if cuda_graphs:
            if self.device.type != "cuda":
                raise InputError(f"CUDA graphs on device '{device}'; accepted: cuda, cuda:1 and so on")
            recordings = Recordings(CudaRecorder())
            # Recordings read the position table where it lies: it must not be made anew for longer clips.
            transformer.position_enc.table(self.window, transformer.cond_emb.weight)
        self.filler = TokenFiller(transformer, text_encoder, self.device, fit, recordings)

    def fit_batches(self, beside: int) -> None:
        """Choose batch sizes anew from the memory that is free now, `beside` workers sharing the device."""
        self.filler.items_together = fitting_batch(self.info, self.device, self.dtype, beside)

    @property
    def default_frames(self) -> int:
        """Length of a clip when nobody says how long."""
        return min(round(DEFAULT_SECONDS * self.info.fps), self.info.max_frames)

    def generate(
        self,
        texts: Sequence[str],
        frames: int | Sequence[int] | None = None,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        sampling: SamplingConfig | None = None,
    ) -> list[Interaction]:
        """Pairs from text: person 1 starts at the origin, facing +Z.

        frames, one number or one per text, is rounded down to a multiple of 4; by default five seconds, or
        the model's longest if that is less. Clips longer than the model's longest are made window by window.
        """
        texts = _texts(texts)
        seeds = _seeds(texts, seed, seeds)
        if not isinstance(frames, Sequence):
            frames = [self.default_frames if frames is None else frames] * len(texts)
        if len(frames) != len(texts):
            raise InputError(f"{len(frames)} lengths for {len(texts)} texts")
        tokens = [_tokens(length) for length in frames]
        settings = sampling or self.info.sampling
        if not self.info.representation.holds_joints:
            return self._generate_interx(texts, tokens, seeds, settings)
        clips = [GrowingClip(blank_pair(0)) for _ in texts]
        maps = self._grow(clips, texts, tokens, seeds, settings, settings.steps)
        return [_result(*parts) for parts in zip(clips, maps, texts, seeds, strict=True)]

    def react(
        self,
        joints: np.ndarray,
        texts: Sequence[str],
        person: int = 0,
        rotations6d: np.ndarray | None = None,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        sampling: SamplingConfig | None = None,
    ) -> list[Interaction]:
        """A partner for one given person, in that person's world and length; the given motion is untouched.

        joints (T, 22, 3) metres, Y up, 30 fps, T at least 4; person (0 or 1) is the role the given one
        plays in the text; rotations6d (T, 21, 6) is recovered from the joints when not given. Half the
        sampling steps are run, as published.
        """
        texts = _texts(texts)
        return self.react_each([(joints, rotations6d)] * len(texts), texts, person, seed, seeds, sampling)

    def react_each(
        self,
        motions: Sequence[tuple[np.ndarray, np.ndarray | None]],
        texts: Sequence[str],
        persons: int | Sequence[int] = 0,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        sampling: SamplingConfig | None = None,
    ) -> list[Interaction]:
        """`react` with a given person of its own, (joints, rotations6d or None), for every text.

        persons are their roles (0 or 1) in the texts, or one role for all.
        """
        self._needs_joints("react")
        texts = _texts(texts)
        seeds = _seeds(texts, seed, seeds)
        persons = [persons] * len(texts) if isinstance(persons, int) else list(persons)
        for person in persons:
            if person not in (0, 1):
                raise InputError(f"person is {person}; accepted: 0 or 1")
        if not len(motions) == len(persons) == len(texts):
            raise InputError(f"{len(motions)} motions and {len(persons)} persons for {len(texts)} texts")
        given = [checked_motion(joints, rotations6d, 1) for joints, rotations6d in motions]
        clips = []
        for person, one in zip(persons, given, strict=True):
            padded = one.padded(FRAMES_PER_TOKEN)
            motion = blank_pair(padded.frames)
            motion.joints[person] = padded.joints[0]
            rotations_of(motion)[person] = rotations_of(padded)[0]
            clips.append(GrowingClip(motion, given=person))
        settings = sampling or self.info.sampling
        tokens = [_tokens(clip.motion.frames) for clip in clips]
        maps = self._grow(clips, texts, tokens, seeds, settings, max(settings.steps // 2, 1))
        for clip, one in zip(clips, given, strict=True):
            clip.motion = clip.motion.part(0, one.frames)
        return [_result(*parts) for parts in zip(clips, maps, texts, seeds, strict=True)]

    def extend(
        self,
        interaction: Interaction,
        text: str,
        frames: int,
        seed: int = 0,
        sampling: SamplingConfig | None = None,
        overlap: int = OVERLAP_FRAMES,
    ) -> Interaction:
        """The interaction continued by `frames` frames (rounded down to a multiple of 4) of what text says.

        Its last `overlap` frames are known to the model and cross-faded; earlier ones do not change.
        `seams` of the result says how smooth the joint is.
        """
        self._needs_joints("extend")
        motion = checked_motion(interaction.joints, interaction.rotations6d, 2)
        done = _tokens(motion.frames)
        frames_done = done * FRAMES_PER_TOKEN
        seams = [(seam.frame, seam.overlap) for seam in interaction.seams]
        clip = GrowingClip(motion.part(0, frames_done), frames_done, seams=seams)
        settings = sampling or self.info.sampling
        total = done + _tokens(frames)
        added = self._grow([clip], [text], [total], [seed], settings, settings.steps, overlap)
        assert interaction.tokens is not None
        before = torch.from_numpy(interaction.tokens[:, :, :done].astype(np.int64))
        return _result(clip, torch.cat([before, added[0]], dim=-1), text, seed)

    def in_between(
        self,
        joints: np.ndarray,
        texts: Sequence[str],
        first: int,
        last: int,
        rotations6d: np.ndarray | None = None,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        sampling: SamplingConfig | None = None,
    ) -> list[Interaction]:
        """New motion between the first and last frames of a pair (2, T, 22, 3); those come back unchanged.

        What lies between is never read. T, first (at least 4) and last (0 for none) are multiples of 4.
        """
        self._needs_joints("in_between")
        frames = int(np.shape(joints)[1]) if np.ndim(joints) == 4 else 0
        for name, value in (("T", frames), ("first", first), ("last", last)):
            if value % FRAMES_PER_TOKEN:
                raise InputError(
                    f"{name}={value} is not a multiple of {FRAMES_PER_TOKEN}; trim or pad the clip"
                )
        if first < FRAMES_PER_TOKEN:
            raise InputError(
                f"first={first}; accepted: {FRAMES_PER_TOKEN} or more given frames to start from"
            )
        known = tasks.in_between(
            tasks.generate(frames // FRAMES_PER_TOKEN), first // FRAMES_PER_TOKEN, last // FRAMES_PER_TOKEN
        )
        kept = np.ones((2, frames), dtype=bool)
        kept[:, first : frames - last] = False
        given, ends = blank_pair(frames), [slice(0, first), slice(frames - last, frames)]
        for end in ends[: 2 if last else 1]:
            part = checked_motion(joints[:, end], None if rotations6d is None else rotations6d[:, end], 2)
            given.joints[:, end], rotations_of(given)[:, end] = part.joints, rotations_of(part)
        where = frames_at(Motion(given.joints[:, kept[0]]), 0)
        for end in ends[: 2 if last else 1]:
            tokens = slice(end.start // FRAMES_PER_TOKEN, end.stop // FRAMES_PER_TOKEN)
            known[:, :, tokens] = self._encode(given.part(end.start, end.stop), where)
        return self._refill(known, given, kept, where, texts, seed, seeds, sampling)

    def edit(
        self,
        joints: np.ndarray,
        texts: Sequence[str],
        persons: Sequence[int] = (0, 1),
        rows: Sequence[int] = tuple(range(BODY_ROWS)),
        start: int = 0,
        stop: int | None = None,
        rotations6d: np.ndarray | None = None,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        sampling: SamplingConfig | None = None,
    ) -> list[Interaction]:
        """A pair (2, T, 22, 3) with some body rows of some persons made anew in frames start..stop.

        The range is widened to whole tokens (multiples of 4). Other persons and other frames come back
        unchanged; other rows of an edited person only approximately (`sampling.tasks`).
        """
        self._needs_joints("edit")
        given = checked_motion(joints, rotations6d, 2)
        padded = given.padded(FRAMES_PER_TOKEN)
        where = frames_at(padded, 0)
        first = start // FRAMES_PER_TOKEN
        after = -(-(given.frames if stop is None else stop) // FRAMES_PER_TOKEN)
        known = tasks.edit(self._encode(padded, where), persons, rows, first, after)
        kept = np.ones((2, padded.frames), dtype=bool)
        kept[list(persons), first * FRAMES_PER_TOKEN : after * FRAMES_PER_TOKEN] = False
        return self._refill(known, padded, kept, where, texts, seed, seeds, sampling, given.frames)

    def reconstruct(self, joints: np.ndarray, rotations6d: np.ndarray | None = None) -> Interaction:
        """A pair (2, T, 22, 3) through the tokenizer and back: what the model can express of it."""
        self._needs_joints("reconstruct")
        given = checked_motion(joints, rotations6d, 2)
        padded = given.padded(FRAMES_PER_TOKEN)
        where = frames_at(padded, 0)
        tokens = self._encode(padded, where)
        made = motion_from(self.codec.decode_pairs([tokens])[0], where).part(0, given.frames)
        return Interaction(made, tokens=_stored(tokens))

    def _grow(
        self,
        clips: list[GrowingClip],
        texts: Sequence[str],
        tokens: Sequence[int],
        seeds: Sequence[int],
        sampling: SamplingConfig,
        steps: int,
        overlap: int = OVERLAP_FRAMES,
    ) -> list[Tensor]:
        """Make each clip up to its number of tokens, equal plans side by side; returns the new maps."""
        phases = [split_phases(text) for text in texts]
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        maps: list[list[Tensor]] = [[] for _ in clips]
        for group in _groups([(count, len(parts)) for count, parts in zip(tokens, phases, strict=True)]):
            total, parts = tokens[group[0]], len(phases[group[0]])
            done = clips[group[0]].done // FRAMES_PER_TOKEN
            shared = min(overlap // FRAMES_PER_TOKEN, self.window // 2, done or self.window)
            for phase, window in plan_phases(total, parts, self.window, shared, done):
                where = [clips[i].frames_at(window.start * FRAMES_PER_TOKEN) for i in group]
                known = [
                    self._known(clips[i], window, frames) for i, frames in zip(group, where, strict=True)
                ]
                chosen = [generators[i] for i in group]
                said = [phases[i][phase] for i in group]
                filled = self.filler.fill(said, known, chosen, sampling, steps)
                there = [
                    self._given(clips[i], window, frames) for i, frames in zip(group, where, strict=True)
                ]
                pairs = self.codec.decode_pairs(filled, there)
                for j, i in enumerate(group):
                    made = motion_from(pairs[j], where[j])
                    clips[i].append(made, window.start * FRAMES_PER_TOKEN, window.overlap * FRAMES_PER_TOKEN)
                    maps[i].append(filled[j][:, :, window.overlap :])
        return [torch.cat(parts, dim=-1) for parts in maps]

    def _known(self, clip: GrowingClip, window: Window, where: Frames) -> Tensor:
        """The window's known tokens (2, 5, n): all of the given person, the overlap of who is being made."""
        n = window.stop - window.start
        known = tasks.generate(n)
        for person in (0, 1):
            count = n if person == clip.given else window.overlap
            if count:
                start, frames = window.start * FRAMES_PER_TOKEN, count * FRAMES_PER_TOKEN
                features = clip.known_features(person, start, frames, where[person])
                known[person, :, :count] = self.codec.encode([features])[0]
        return known

    def _given(self, clip: GrowingClip, window: Window, where: Frames) -> Given | None:
        """The given person's own motion in a window, for the pair decoder."""
        if clip.given is None:
            return None
        start, stop = (token * FRAMES_PER_TOKEN for token in (window.start, window.stop))
        return clip.given, clip.known_features(clip.given, start, stop - start, where[clip.given])

    def _refill(
        self,
        known: Tensor,
        given: Motion,
        kept: np.ndarray,
        where: Frames,
        texts: Sequence[str],
        seed: int,
        seeds: Sequence[int] | None,
        sampling: SamplingConfig | None,
        frames: int | None = None,
    ) -> list[Interaction]:
        """One known map filled once per text; the given motion stays exact where kept (2, T)."""
        if known.shape[-1] > self.window:
            raise InputError(f"{given.frames} frames; '{self.info.name}' takes up to {self.info.max_frames}")
        texts = _one_phase(_texts(texts))
        seeds = _seeds(texts, seed, seeds)
        settings = sampling or self.info.sampling
        generators = [torch.Generator().manual_seed(s) for s in seeds]
        maps = self.filler.fill(texts, [known] * len(texts), generators, settings, settings.steps)
        results = []
        for tokens, text, one in zip(maps, texts, seeds, strict=True):
            made = motion_from(self.codec.decode_pairs([tokens])[0], where)
            made = with_kept(made, given, kept).part(0, frames or given.frames)
            results.append(Interaction(made, None, _stored(tokens), text, one))
        return results

    def _generate_interx(
        self, texts: list[str], tokens: list[int], seeds: list[int], sampling: SamplingConfig
    ) -> list[Interaction]:
        """Features are the model's; joints are those of a stand-in body, since SMPL-X may not be shipped."""
        if max(tokens) > self.window:
            longest = max(tokens) * FRAMES_PER_TOKEN
            raise InputError(f"{longest} frames; '{self.info.name}' makes up to {self.info.max_frames}")
        texts = _one_phase(texts)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        results: dict[int, Interaction] = {}
        for group in _groups(tokens):
            known, chosen = [tasks.generate(tokens[i]) for i in group], [generators[i] for i in group]
            filled = self.filler.fill([texts[i] for i in group], known, chosen, sampling, sampling.steps)
            for i, pair in zip(group, filled, strict=True):
                features = self.codec.decode_pairs([pair])[0]
                joints = self.info.representation.joints_of(features)
                results[i] = Interaction(joints, None, _stored(pair), texts[i], seeds[i], features=features)
        return [results[i] for i in range(len(texts))]

    def _encode(self, motion: Motion, where: Frames) -> Tensor:
        return torch.stack(self.codec.encode(features_in(motion, where)))

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
) -> InteractionModel:
    """Load a bundled model, a folder or a hub id, with the text encoder it records (or the one given).

    `cuda_graphs` replays the network in small batches on a GPU (`graphs`).
    """
    bundle = load_bundle(name)
    if text_encoder is None:
        recorded = bundle.info.text_encoder["id"]
        text_encoder = DEFAULT_ENCODERS.get(recorded, recorded)
    if isinstance(text_encoder, str):
        text_encoder = load_text_encoder(text_encoder, device)
    return InteractionModel(bundle, text_encoder, device, dtype, cuda_graphs)


def _result(clip: GrowingClip, tokens: Tensor, text: str, seed: int) -> Interaction:
    motion = clip.motion
    # A given person has no seams, and would hide those of the partner.
    made = motion.joints if clip.given is None else motion.joints[1 - clip.given][None]
    seams = tuple(Seam(*seam, *seam_jerk(made, *seam)) for seam in clip.seams)
    return Interaction(motion, None, _stored(tokens), text, seed, clip.given, seams=seams)


def _tokens(frames: int) -> int:
    if frames < FRAMES_PER_TOKEN:
        raise InputError(f"frames={frames}; accepted: {FRAMES_PER_TOKEN} or more")
    return int(frames) // FRAMES_PER_TOKEN


def _texts(texts: Sequence[str]) -> list[str]:
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise InputError("no texts; give one per sample, '' for none")
    return texts


def _seeds(texts: Sequence[str], seed: int, seeds: Sequence[int] | None) -> list[int]:
    seeds = [seed + i for i in range(len(texts))] if seeds is None else list(seeds)
    if len(seeds) != len(texts):
        raise InputError(f"{len(seeds)} seeds for {len(texts)} texts")
    return seeds


def _one_phase(texts: list[str]) -> list[str]:
    """The texts, where a clip cannot be made phase by phase."""
    for text in texts:
        if len(split_phases(text)) > 1:
            raise InputError(
                f"'{text}' has several phases; accepted where new motion of interhuman is made: generate, "
                "react, extend"
            )
    return texts


def _groups(kinds: Sequence[Hashable]) -> list[list[int]]:
    """Indices of equal kinds together."""
    groups: dict[Hashable, list[int]] = {}
    for i, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(i)
    return list(groups.values())


def _stored(tokens: Tensor) -> np.ndarray:
    return tokens.numpy().astype(np.int16)
