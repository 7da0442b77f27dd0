"""Which arrays of a file are the parameters of an SMPL body, under the spellings of this field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from intermask_cli.errors import InputError

#: Role -> its names in lower case without separators.
_NAMES = {
    "root": ("rootorient", "globalorient", "orient", "rootorientation", "globalorientation", "rootrot",
             "rootrotation", "rootpose", "globalrot"),
    "body": ("posebody", "bodypose"),
    "poses": ("poses", "pose", "fullpose", "fullposes", "thetas", "theta"),
    "trans": ("trans", "transl", "translation", "translations", "roottrans", "roottransl",
              "roottranslation"),
    "betas": ("betas", "shape", "shapes"),
    "scaling": ("scaling",),
    "frames": ("frameids",),
    "tracked": ("trackmask",),
}  # fmt: skip
#: Longest name first, since `posebody` also ends other names.
_BY_LENGTH = sorted(
    ((name, role) for role, names in _NAMES.items() for name in names), key=lambda n: -len(n[0])
)
#: Words in the name of a group of parameters that are of the world, and of those that are of the camera.
_WORLD, _CAMERA = ("global", "world"), ("incam", "cam")

#: Role -> name of the array in the file.
Parameters = Mapping[str, str]


def parameters_of_people(names: Iterable[str]) -> list[Parameters]:
    """The arrays of each body in a file; empty where no set of rotations and translation is complete.

    Names may have a common beginning, such as `person1_trans` or `smpl_params_global/transl`. Several sets
    are several people if only numbers distinguish them; of the world's and the camera's the first is taken.

    Raises:
        InputError: several sets that are neither.
    """
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        # `pose_world` is the pose of the group `world`.
        plain = re.sub(r"(.*)(world|global|incam|cam)$", r"\2\1", plain)
        for ending, role in _BY_LENGTH:
            if plain.endswith(ending):
                groups.setdefault(plain.removesuffix(ending), {}).setdefault(role, name)
                break
    groups = {
        group: roles
        for group, roles in groups.items()
        if "trans" in roles and ("poses" in roles or {"root", "body"} <= set(roles))
    }
    if len(groups) > 1:
        groups = _of_the_world(groups)
    kinds = {re.sub(r"[0-9]+", "", group) for group in groups}
    if len(kinds) > 1:
        raise InputError(f"several sets of SMPL parameters: {', '.join(sorted(groups))}; save one of them")
    return [groups[group] for group in sorted(groups, key=_number)]


def _of_the_world(groups: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    world = {group: roles for group, roles in groups.items() if any(word in group for word in _WORLD)}
    if world:
        return world
    rest = {group: roles for group, roles in groups.items() if not any(word in group for word in _CAMERA)}
    return rest or groups


def _number(group: str) -> tuple[int, str]:
    digits = re.search(r"[0-9]+", group)
    return (int(digits[0]) if digits else 0, group)
