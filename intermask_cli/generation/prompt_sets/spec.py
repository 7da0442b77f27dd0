"""Files of templates: YAML, or plain text.

YAML::

    seconds: [3, 4, 5]              # lengths of the set
    slots:
      who: [person one, the first person]
      side: [left, right]           # kind, actor, side, manner and tempo are labels too
      actor: {the first person: 1, the second person: 2}    # text: value of the label
    templates:
      - "{who} waves with {a|the} {side} hand"               # {a|the}: a slot without a name
      - {text: "they {hug|embrace}", kind: hug, seconds: 4, tags: greeting}

Text: lines `name = choice | choice` are slots, all others templates; `#` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intermask_cli.config import load_yaml
from intermask_cli.datasets.interactions import OPTIONAL_COLUMNS
from intermask_cli.datasets.tables import KNOWN_COLUMNS
from intermask_cli.errors import InputError
from intermask_cli.generation.prompt_sets.forms import Form, SlotWord

_SLOT = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ASSIGNMENT = re.compile(r"([a-z_][a-z0-9_]*)\s*=(.*)")
#: Columns that the prompt file or the run has for itself.
_TAKEN = {*KNOWN_COLUMNS, *OPTIONAL_COLUMNS, "prompt", "sample", "template"} - {"tags"}
_KEYS = ("seconds", "slots", "templates")


def read_spec(path: Path) -> tuple[list[Form], tuple[float, ...]]:
    """The forms of a file of templates, and the lengths of the set; () where it has none.

    Raises InputError for a file that is not one, with what is wrong in it.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        values = load_yaml(path)
    elif path.suffix.lower() == ".txt":
        values = _text_values(path)
    else:
        raise InputError(f"{path}: templates are in .yaml or .txt files")
    unknown = [str(key) for key in values if key not in _KEYS]
    if unknown:
        raise InputError(f"{path}: unknown key '{unknown[0]}'; accepted: {', '.join(_KEYS)}")
    slots = {name: _choices(path, name, of) for name, of in _mapping(path, values, "slots").items()}
    templates = values.get("templates")
    if not isinstance(templates, list) or not templates:
        raise InputError(f"{path}: no templates; give a list 'templates' of sentences")
    forms = [_form(path, number, one, slots) for number, one in enumerate(templates, 1)]
    return forms, _seconds(path, values.get("seconds"))


def _text_values(path: Path) -> dict[str, Any]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
    slots: dict[str, Any] = {}
    templates: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        assigned = _ASSIGNMENT.fullmatch(line)
        if assigned:
            slots[assigned[1]] = [choice.strip() for choice in assigned[2].split("|")]
        elif not line.startswith("#"):
            templates.append(line)
    return {"slots": slots, "templates": templates}


def _mapping(path: Path, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    of = values.get(key) or {}
    if not isinstance(of, dict):
        raise InputError(f"{path}: '{key}' is not a mapping of names to choices")
    for name in of:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _TAKEN:
            raise InputError(
                f"{path}: slot '{name}'; accepted: names of small letters, except {', '.join(sorted(_TAKEN))}"
            )
    return of


def _choices(path: Path, name: str, values: Any) -> list[SlotWord]:
    """Choices of a slot: texts, or a mapping of texts to values."""
    pairs = list(values.items()) if isinstance(values, dict) else [(v, v) for v in values or ()]
    wrong = [v for pair in pairs for v in pair if not isinstance(v, str | int | float) or isinstance(v, bool)]
    if isinstance(values, str) or not pairs or wrong:
        raise InputError(f"{path}: slot '{name}' has no list of texts; write [left, right]")
    if len({text for text, _ in pairs}) < len(pairs):
        raise InputError(f"{path}: slot '{name}' has a choice twice")
    return [SlotWord(str(text).strip(), str(value)) for text, value in pairs]


def _form(path: Path, number: int, value: Any, slots: Mapping[str, list[SlotWord]]) -> Form:
    """One template: a sentence, or a mapping with `text`, `seconds` and labels."""
    values = {"text": value} if isinstance(value, str) else value
    if not isinstance(values, dict) or not isinstance(values.get("text"), str) or not values["text"].strip():
        raise InputError(f"{path}: template {number} has no text")
    labels = {str(key): str(of) for key, of in values.items() if key not in ("text", "seconds")}
    for key in labels:
        if not _NAME.fullmatch(key) or key in _TAKEN:
            raise InputError(
                f"{path}: template {number}: '{key}' cannot be a label; see {', '.join(sorted(_TAKEN))}"
            )
    parts: list[str] = []
    own: dict[str, list[SlotWord]] = {}
    for text, slot in _pieces(values["text"]):
        if slot is None:
            parts.append(text)
            continue
        name = slot.strip()
        if "|" in slot:
            name = f"{{{len(own)}}}"
            own[name] = _choices(path, slot, [choice.strip() for choice in slot.split("|")])
        elif name in slots:
            own[name] = slots[name]
        else:
            raise InputError(
                f"{path}: template {number} has a slot {{{name}}} that is not defined; there are: "
                f"{', '.join(slots) or 'none'}"
            )
        parts.append(name)
    if "{" in "".join(part for part in parts if part not in own):
        raise InputError(f"{path}: template {number} has a brace that is not closed: {values['text']!r}")
    seconds = _seconds(path, values.get("seconds"))
    return Form(f"template-{number}", tuple(parts), own, labels, seconds)


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Fixed texts, and slots as (\"\", content)."""
    end = 0
    for match in _SLOT.finditer(text):
        yield text[end : match.start()], None
        yield "", match[1]
        end = match.end()
    yield text[end:], None


def _seconds(path: Path, value: Any) -> tuple[float, ...]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    if any(isinstance(of, bool) or not isinstance(of, int | float) or not 0 < of < 1e6 for of in given):
        raise InputError(f"{path}: seconds are {value!r}; accepted: numbers above 0, such as [3, 4.5]")
    return tuple(map(float, given))
