"""Recipes: read from a file, changed on the command line, and recorded in the training folder.

A recipe is a frozen record whose fields are sections, which are frozen records themselves. Models have
`config.Recipe`, the evaluator has its own class; the functions here serve both.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin, get_type_hints

from accelerate import Accelerator

from intermask_cli.config import from_dict, load_yaml
from intermask_cli.console import note
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import json_object, write_json
from intermask_cli.training.checkpoints import BEST, LAST, find_checkpoint
from intermask_cli.training.config import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
CONFIG = "config.json"
#: Keys that may differ when a run is resumed: the length of the training, and the learning rate, which must
#: be lowered to continue after a loss that was not finite.
RESUMABLE_KEYS = frozenset(
    ("steps", "minutes", "epochs", "validate_minutes", "save_minutes", "validate_clips", "log_steps", "lr")
)
#: Keys of version 0.1 that have another name now: section -> old -> new.
RENAMED_KEYS = {
    "pair_decoder_training": {
        "whole_share": "intact_share",  # language: ok, the old name
        "most_hidden": "max_masked_share",  # language: ok, the old name
    }
}
#: Sections that the training command of a stage reads, by the section of its budget. `transformer` is among
#: them wherever its codebook sizes must equal the tokenizer's.
USED_SECTIONS = {
    "tokenizer_training": ("tokenizer", "tokenizer_loss", "tokenizer_training", "transformer"),
    "refine_training": ("refine_loss", "refine_training", "transformer"),
    "transformer_training": (
        "transformer", "masking", "text_pretraining", "transformer_training", "sampling",
    ),
    "pair_decoder_training": (
        "transformer", "pair_decoder", "pair_decoder_loss", "pair_decoder_training", "sampling",
    ),
    "training": ("network", "training"),
}  # fmt: skip

# ---------------------------------------------------------------- files and plain values


def load_recipe(name: str) -> Recipe:
    """A bundled model recipe by name (`duet-mini`) or a YAML file by path."""
    return named_recipe(Recipe, name, CONFIGS)


def named_recipe(kind: type[R], name: str, folder: Path) -> R:
    """A recipe of a class, by the name of a file in `folder` or by the path of a YAML file.

    Raises MissingError if there is no such file and InputError if it is not a recipe.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = folder / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise MissingError(
            f"--config {name}: no such recipe; bundled: {names}; or give a path to a .yaml file"
        )
    return recipe_of(kind, with_new_keys(load_yaml(path), str(path)), str(path))


def recipe_from_dict(values: Mapping[str, Any], source: str) -> Recipe:
    """A model recipe from plain values; unknown sections and keys are errors, old keys are renamed."""
    return recipe_of(Recipe, with_new_keys(values), source)


def recipe_of(kind: type[R], values: Mapping[str, Any], source: str) -> R:
    """A recipe of a class from plain values; errors for unknown sections and keys begin with `source`."""
    kinds = get_type_hints(kind)
    sections = {}
    for name, section in values.items():
        if name not in kinds:
            raise InputError(f"{source}: unknown section '{name}'; accepted: {', '.join(kinds)}")
        sections[name] = from_dict(kinds[name], {} if section is None else section, f"{source}: {name}")
    try:
        return kind(**sections)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def recipe_to_dict(recipe: Any) -> dict[str, Any]:
    """Plain values of a recipe, ready for JSON; `recipe_of` reads them back."""
    return dataclasses.asdict(recipe)


def with_new_keys(values: Mapping[str, Any], source: str = "") -> dict[str, Any]:
    """The sections with keys of earlier releases renamed; `source` adds a note for each."""
    sections = dict(values)
    for section, names in RENAMED_KEYS.items():
        for old, new in names.items():
            if not isinstance(sections.get(section), Mapping) or old not in sections[section]:
                continue
            keys = dict(sections[section])
            if new in keys:
                raise InputError(f"{source or section}: {new} is given twice, once as {old}; keep {new}")
            keys[new] = keys.pop(old)
            sections[section] = keys
            if source:
                note(f"{source}: {section}.{old} is deprecated; write {new}")
    return sections


# ---------------------------------------------------------------- command line


def with_overrides(
    recipe: R,
    stage: str,
    settings: Sequence[str],
    minutes: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
) -> R:
    """The recipe with the command line's changes.

    stage: section whose budget `minutes` and `steps` replace, and whose seed `seed` replaces.
    settings: texts `section.key=value`, typed by the field; a key that the stage does not read is an error.
    """
    changes: dict[str, dict[str, Any]] = {}
    for setting in settings:
        section, key, value = _parse_setting(type(recipe), USED_SECTIONS[stage], setting)
        if key in changes.setdefault(section, {}):
            raise InputError(f"--set {section}.{key} is given twice")
        changes[section][key] = value
    options = {"minutes": minutes, "steps": steps, "seed": seed}
    for key, option in options.items():
        if option is not None and key in changes.get(stage, {}):
            raise InputError(f"--{key} and --set {stage}.{key} set the same key; give one of them")
    if minutes is not None or steps is not None:
        budget = {"minutes": float(minutes or 0.0), "steps": steps or 0}
        changes[stage] = {**budget, **changes.get(stage, {})}
    if seed is not None:
        changes.setdefault(stage, {})["seed"] = seed
    sections = {name: dataclasses.replace(getattr(recipe, name), **keys) for name, keys in changes.items()}
    return dataclasses.replace(recipe, **sections)


def _parse_setting(kind: type, used: Sequence[str], setting: str) -> tuple[str, str, Any]:
    """`section.key=value` -> section, key, value of the field's type."""
    path, equals, text = setting.partition("=")
    section, _, key = path.strip().partition(".")
    if not equals or not key:
        raise InputError(f"--set {setting}: expected section.key=value, as transformer_training.lr=5e-4")
    sections = get_type_hints(kind)
    if section in sections and key in RENAMED_KEYS.get(section, {}):
        new = RENAMED_KEYS[section][key]
        note(f"--set {section}.{key} is deprecated; write {section}.{new}")
        key = new
    known = {f"{name}.{item.name}" for name in sections for item in dataclasses.fields(sections[name])}
    if f"{section}.{key}" not in known:
        nearest = difflib.get_close_matches(f"{section}.{key}", sorted(known), n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"sections: {', '.join(sections)}"
        raise InputError(f"--set {setting}: unknown key '{section}.{key}'; {hint}")
    if section not in used:
        raise InputError(
            f"--set {setting}: this command does not use the section {section}; it uses {', '.join(used)}"
        )
    return section, key, _typed(text.strip(), get_type_hints(sections[section])[key], setting)


def _typed(text: str, kind: Any, setting: str) -> Any:
    """A text as a value of a field's type: bool, int, float, str, or floats separated by commas."""
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if get_origin(kind) is tuple:
            return tuple(float(part) for part in text.strip("()[]").split(",") if part.strip())
        return kind(text) if kind in (int, float) else text
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}
        raise InputError(
            f"--set {setting}: expected {expected.get(kind, 'numbers separated by commas')}, got '{text}'"
        ) from None


# ---------------------------------------------------------------- training folders


def open_folder(
    out: Path,
    stage: str,
    recipe: Any,
    depends: Mapping[str, Any],
    content: Mapping[str, str | None],
    resume: bool,
    accelerator: Accelerator,
    leftovers: Sequence[str] = (),
) -> None:
    """Start a training folder with its `config.json`, or check that the one to resume began the same way.

    depends: data and folders that the stage is made from, recorded with the recipe.
    content: digests of what is in them, by what they are called in messages; they decide whether a training
    may be resumed. Paths may change.
    leftovers: files and folders that a training killed before its first checkpoint may have left.
    Raises InputError if a training would be overwritten, or continued with something else.
    """
    current = json.loads(json.dumps(recipe_to_dict(recipe)))
    config = {"stage": stage, **depends, "content": dict(content), "recipe": current}
    if not resume:
        if find_checkpoint(out, LAST) is not None:
            raise InputError(
                f"{out} already holds a training; continue it with --resume or choose another --out"
            )
        if accelerator.is_main_process:
            out.mkdir(parents=True, exist_ok=True)
            for leftover in (out / name for name in (BEST, *leftovers)):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
            write_json(out / CONFIG, config)
        accelerator.wait_for_everyone()
        return
    if not (out / CONFIG).is_file():
        raise MissingError(f"{out}: not a training folder (no {CONFIG}); start without --resume")
    before = read_config(out)
    changed = _check_same(out, before, config, type(recipe))
    if changed:
        note(f"{out}: resuming with another {', '.join(changed)}")
    accelerator.wait_for_everyone()  # all have read it
    if accelerator.is_main_process:
        earlier = before.get("resumed")
        resumed = [*(earlier if isinstance(earlier, list) else ()), *([changed] if changed else ())]
        write_json(out / CONFIG, {**before, **config, **({"resumed": resumed} if resumed else {})})


def _check_same(
    out: Path, before: dict[str, Any], now: dict[str, Any], kind: type[DataclassInstance]
) -> dict[str, Any]:
    """Settings that differ from the training to resume and may, as `section.key` -> [before, now].

    kind: the recipe's class. A key that an earlier version did not write counts as its default, which every
    new key must choose so that nothing changes.
    Raises InputError for any other difference, with both values.
    """
    if before.get("stage") != now["stage"]:
        raise InputError(f"{out}: holds a training of {before.get('stage')}, not of {now['stage']}")
    content = before.get("content")  # folders of version 0.2 have paths only
    recorded = content if isinstance(content, dict) else {}
    apart = [
        f"{name}: {before[name]} there, {now[name]} here"
        for name in now
        if name in before and name not in ("stage", "content", "recipe") and before[name] != now[name]
    ]
    differing = [name for name, digest in now["content"].items() if recorded.get(name, digest) != digest]
    if differing or (apart and not recorded):
        what = ", ".join(differing) or "data or models"
        places = "; ".join(apart) or "same path, other content"
        raise InputError(
            f"{out}: --resume with other {what} than it began with ({places}); give what it began with, or "
            "start another training with another --out"
        )
    recipe = recipe_of(kind, with_new_keys(recorded_recipe(out)), str(out / CONFIG))
    old = json.loads(json.dumps(recipe_to_dict(recipe)))
    changed = {
        f"{section}.{key}": [old[section][key], value]
        for section, keys in now["recipe"].items()
        for key, value in keys.items()
        if old[section][key] != value
    }
    fixed = [name for name in changed if name.rpartition(".")[2] not in RESUMABLE_KEYS]
    if fixed:
        values = ", ".join(f"{name} {changed[name][0]} there, {changed[name][1]} here" for name in fixed)
        raise InputError(
            f"{out}: --resume with other settings than it began with ({values}); use the same --config and "
            "options"
        )
    return changed


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a training folder; MissingError if it is not one."""
    path = folder / CONFIG
    if not path.is_file():
        raise MissingError(f"{folder}: not a training folder (no {CONFIG}); make it with `intermask train`")
    return json_object(path, "get the folder again, or train this stage again")


def update_config(folder: Path, values: Mapping[str, Any]) -> None:
    """Add values to config.json of a training folder."""
    write_json(folder / CONFIG, {**read_config(folder), **values})


def read_recipe(folder: Path) -> Recipe:
    """The recipe a training folder was made with."""
    return recipe_from_dict(recorded_recipe(folder), str(folder / CONFIG))


def recorded_recipe(folder: Path) -> dict[str, Any]:
    """The recipe in config.json of a training folder, as plain values; InputError if there is none."""
    recipe = read_config(folder).get("recipe")
    if not isinstance(recipe, dict):
        raise InputError(
            f"{folder / CONFIG}: no section 'recipe'; not complete, get the folder again or train again"
        )
    return recipe
