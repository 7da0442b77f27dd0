"""Checks of the arguments that users pass to a model: texts, numbers, seeds, settings, motion.

Every value with one clear meaning is accepted: NumPy numbers and arrays, tensors, pandas Series, generators.
Anything else is an `InputError` that names the argument, what was seen and what is accepted.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from textwrap import shorten
from typing import Any

import numpy as np
import numpy.typing as npt

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, PERSONS, SamplingConfig, from_dict, to_dict
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body_check import check_body
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import NUM_JOINTS
from intermask_cli.reading.phases import split_phases

#: What `torch.Generator.manual_seed` takes.
SEEDS = range(-(2**63), 2**64)
#: Nine hours in one clip. More is a mistake that would fill the memory before it ended.
MAX_FRAMES = 1_000_000
#: As on the command line.
MAX_STEPS = 1000
#: Joints as an array or tensor, or records that hold them.
GivenJoints = npt.ArrayLike | Motion | Interaction


def text_list(texts: str | Iterable[str]) -> list[str]:
    """One text or many -> a list of texts."""
    listed = [texts] if isinstance(texts, str) else _listed(texts)
    if listed is None:
        raise InputError(f"texts is {_shown(texts)}; accepted: a text or a list of texts")
    if not listed:
        raise InputError("no texts; give one per sample, '' for none")
    return [one_text(text, f"texts[{i}]") for i, text in enumerate(listed)]


def one_text(text: object, name: str = "text") -> str:
    """A single text; InputError, which calls it `name`, for anything else."""
    if not isinstance(text, str):
        raise InputError(f"{name} is {_shown(text)}; accepted: a string, '' for no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{name} is {_shown(text)}; accepted: text without halves of characters") from None
    return str(text)


def one_phase(texts: list[str]) -> list[str]:
    """The texts unchanged, for tasks that cannot generate phase by phase; InputError for several phases."""
    for text in texts:
        if len(split_phases(text)) > 1:
            raise InputError(
                f"'{text}' has several phases; accepted by generate, react and extend of an interhuman model"
            )
    return texts


def whole_number(value: Any, name: str) -> int:
    """An integer of any kind; 16.0 counts as one."""
    if not isinstance(value, bool | np.bool_ | str):
        try:
            return operator.index(value)
        except TypeError:
            pass
        if isinstance(value, float | np.floating) and value.is_integer():
            return int(value)
    raise InputError(f"{name} is {_shown(value)}; accepted: a whole number")


def whole_numbers(values: Any, name: str) -> list[int]:
    """One integer or several."""
    listed = _listed(values)
    return [whole_number(value, name) for value in ([values] if listed is None else listed)]


def finite_number(value: Any, name: str) -> float:
    """A number of any kind that is neither NaN nor infinite."""
    if not isinstance(value, bool | np.bool_ | str | bytes):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise InputError(f"{name} is {_shown(value)}; accepted: a finite number")


def frame_list(frames: Any, count: int, default: int) -> list[int]:
    """One length for all or one per sample -> numbers of frames, 4 or more."""
    listed = _listed(frames)
    if listed is None:
        listed = [default if frames is None else frames] * count
    if len(listed) != count:
        raise InputError(f"{len(listed)} lengths for {count} texts; give one for each text, or one for all")
    return [_checked_frames(length) for length in listed]


def tokens_in(frames: Any) -> int:
    """Tokens per body row of a number of frames, which is rounded down to a multiple of 4."""
    return _checked_frames(frames) // FRAMES_PER_TOKEN


def _checked_frames(frames: Any) -> int:
    number = whole_number(frames, "frames")
    if number < FRAMES_PER_TOKEN:
        raise InputError(f"frames={number}; accepted: {FRAMES_PER_TOKEN} or more")
    if number > MAX_FRAMES:
        raise InputError(f"frames={number}; accepted: up to {MAX_FRAMES:,} frames in one clip")
    return number


def seed_list(seed: Any, seeds: Any, count: int) -> list[int]:
    """`seeds`, one per sample, else `seed`, `seed` + 1, and so on."""
    if seeds is None:
        first = whole_number(seed, "seed")
        return [_checked_seed(first + i, "seed") for i in range(count)]
    listed = _listed(seeds)
    if listed is None:
        raise InputError(f"seeds is {_shown(seeds)}; accepted: one seed per text")
    if len(listed) != count:
        raise InputError(f"{len(listed)} seeds for {count} texts; give one for each text")
    return [_checked_seed(whole_number(number, "seeds"), "seeds") for number in listed]


def _checked_seed(seed: int, name: str) -> int:
    if seed not in SEEDS:
        raise InputError(f"{name}: {seed} is out of range; accepted: {SEEDS.start} to {SEEDS.stop - 1}")
    return seed


def person_list(persons: Any, count: int) -> list[int]:
    """One person for all or one per sample -> numbers 0 and 1."""
    listed = _listed(persons)
    checked = whole_numbers([persons] * count if listed is None else listed, "person")
    for person in checked:
        if person not in range(PERSONS):
            raise InputError(f"person is {person}; accepted: 0 or 1")
    return checked


def sampling_settings(
    sampling: SamplingConfig | Mapping[str, Any] | None, defaults: SamplingConfig
) -> SamplingConfig:
    """Settings as given; those a mapping leaves out are the model's own."""
    if sampling is None:
        return defaults
    if isinstance(sampling, Mapping):
        given = {key: value.item() if hasattr(value, "item") else value for key, value in sampling.items()}
        sampling = from_dict(SamplingConfig, {**to_dict(defaults), **given}, "sampling")
    if not isinstance(sampling, SamplingConfig):
        raise InputError(
            f"sampling is {_shown(sampling)}; accepted: a SamplingConfig or a dict of its fields"
        )
    if sampling.steps > MAX_STEPS:
        raise InputError(f"sampling: steps is {sampling.steps}; accepted: 1 to {MAX_STEPS}")
    return sampling


def batch_size_of(value: Any) -> int | None:
    """Clips sampled together; None for as many as fit."""
    if value is None:
        return None
    number = whole_number(value, "batch_size")
    if number < 1:
        raise InputError(f"batch_size is {number}; accepted: 1 or more, None for as many as fit")
    return number


def token_map(tokens: Any, codes: int, unknown: bool = False) -> np.ndarray:
    """A map (2, 5, n) int64 of codes 0..codes - 1; with `unknown`, -1 marks tokens that are masked."""
    values = numbers(tokens, "tokens", np.int64)
    if values.ndim != 3 or values.shape[:2] != (PERSONS, BODY_ROWS) or not values.size:
        raise InputError(f"tokens of shape {values.shape}; accepted: {PERSONS}, {BODY_ROWS}, n")
    lowest = -1 if unknown else 0
    if values.min() < lowest or values.max() >= codes:
        raise InputError(
            f"tokens have values {values.min()} to {values.max()}; accepted: {lowest} to {codes - 1}"
        )
    return values


def numbers(values: Any, name: str, dtype: npt.DTypeLike = np.float32) -> np.ndarray:
    """An array of `dtype` from an array, a tensor on any device, or nested lists."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"they are {array.dtype.name}")
        if np.dtype(dtype).kind == "i" and array.dtype.kind == "f" and (array != np.rint(array)).any():
            raise TypeError("they are not whole")
        return array.astype(dtype, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} cannot be read as an array of numbers ({error})") from error


def given_motion(joints: GivenJoints, rotations6d: Any, persons: int, plausible: bool = False) -> Motion:
    """Motion of 22 joints from what a user passed; missing rotations are recovered from the joints.

    joints (P, T, 22, 3) and rotations6d (P, T, 21, 6), of one person without the first axis, or a record.
    With `plausible` the bodies must have a human height in metres and stand along Y (`motion.body_check`).

    Raises:
        InputError: another shape, fewer than 4 frames, NaN or infinite values, an implausible body.
    """
    array, rotations = motion_arrays(joints, rotations6d)
    rig = (None, None) if rotations6d is not None else rig_arrays(joints)
    if persons == 1 and isinstance(joints, Motion) and joints.persons == 1:
        array = array[0]
    of_frame = (NUM_JOINTS, 3)
    if array.ndim != persons + 2 or array.shape[-2:] != of_frame or (persons == 2 and len(array) != 2):
        raise InputError(
            f"joints of shape {array.shape}; accepted: {'2, ' * (persons - 1)}T, {NUM_JOINTS}, 3"
        )
    array = array.reshape(persons, -1, *of_frame)  # (P, T, 22, 3)
    if array.shape[1] < FRAMES_PER_TOKEN:
        raise InputError(f"{array.shape[1]} frames; accepted: {FRAMES_PER_TOKEN} or more")
    if not np.isfinite(array).all():
        raise InputError("joints have NaN or infinite values; repair or cut the clip")
    if plausible:
        for person in array:
            check_body(person)
    if rotations is None:
        return Motion(array, np.stack([rotations_from_joints(person).rotations6d for person in array]))
    shape = (*array.shape[:2], NUM_JOINTS - 1, 6)
    if (
        rotations.shape[-3:] != shape[-3:]
        or rotations.size != np.prod(shape)
        or not np.isfinite(rotations).all()
    ):
        raise InputError(f"rotations6d of shape {rotations.shape}; accepted: finite numbers, {shape}")
    return Motion(array, rotations.reshape(shape), None, *rig)


def rig_arrays(record: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    """root_rotations6d and bone_lengths of a record that has all arrays of a rigid body, else None."""
    motion = record.motion if isinstance(record, Interaction) else record
    if not isinstance(motion, Motion) or not motion.has_rig:
        return None, None
    return motion.root_rotations6d, motion.bone_lengths


def given_motions(motions: Any, plausible: bool = False) -> list[Motion]:
    """One person each from joints, records or pairs (joints, rotations6d or None), as `given_motion`."""
    if isinstance(motions, str | Motion | Interaction) or not isinstance(motions, Iterable):
        raise InputError("motions is a single value; accepted: a list with one given person per text")
    pairs = [one if isinstance(one, tuple) and len(one) == 2 else (one, None) for one in motions]
    return [given_motion(joints, rotations6d, 1, plausible) for joints, rotations6d in pairs]


def motion_arrays(joints: GivenJoints, rotations6d: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints and rotations (or None) as arrays, shapes not checked."""
    if isinstance(joints, Interaction):
        joints = joints.motion
    if isinstance(joints, Motion):
        rotations6d = joints.rotations6d if rotations6d is None else rotations6d
        joints = joints.joints
    return numbers(joints, "joints"), None if rotations6d is None else numbers(rotations6d, "rotations6d")


def _listed(values: Any) -> list[Any] | None:
    """The elements of an array, tensor, Series or other collection; None for a single value."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    # Iterating a dict or a DataFrame gives its keys, which are not what was meant.
    if isinstance(values, str | bytes) or hasattr(values, "keys") or not isinstance(values, Iterable):
        return None
    return list(values)


def _shown(value: object) -> str:
    """A value in a message: one line, not too long."""
    return shorten(repr(value), 80, placeholder="...")
