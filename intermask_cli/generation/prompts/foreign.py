"""Prompt files of neighbouring projects: what their lines mean here.

* `text#132`, `text#NA`: MoMask's length in frames, or none (20 frames per second; TIMotion's files have 30).
* `caption#word/TAG word/TAG#from#to`: HumanML3D's caption files; from and to are seconds, 0 0 for all.
* `{"texts": [...], "durations": [...]}`: phases of one clip with their seconds.

Any other `#` is part of the text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from intermask_cli.datasets.tables import RawRecord, json_record
from intermask_cli.datasets.text_lines import lines_of
from intermask_cli.errors import InputError
from intermask_cli.reading.phases import SEPARATOR

#: Frames per second of `text#132`.
HASH_FPS = 20.0
_LENGTH = re.compile(r"(?P<text>.*[^\s#])#(?P<frames>\d{1,6}|NA)", re.DOTALL)
_TAGGED = re.compile(
    r"(?P<text>[^#]*\S)\s*#\s*\S+/[A-Z]+(?:\s+\S+/[A-Z]+)*\s*#(?P<start>[^#]*)#(?P<stop>[^#]*)", re.DOTALL
)


class ForeignLines:
    """Reads lines of other projects, and counts them for one note per file."""

    def __init__(self, hash_fps: float):
        self.hash_fps = hash_fps
        self.seen: Counter[str] = Counter()

    def text_line(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record of a text line; a length or tags after `#` become columns or are left out."""
        text = record["text"]
        tagged = _TAGGED.fullmatch(text)
        if tagged is not None:
            self.seen["tags"] += 1
            seconds = _seconds_between(tagged["start"], tagged["stop"])
            return {"text": tagged["text"], **({} if seconds is None else {"seconds": seconds})}
        length = _LENGTH.fullmatch(text)
        if length is None:
            return record
        self.seen["lengths"] += 1
        if length["frames"] == "NA":
            return {"text": length["text"]}
        return {"text": length["text"], "seconds": int(length["frames"]) / self.hash_fps}

    def phases(self, record: dict[str, Any]) -> dict[str, Any] | str:
        """A record with `texts` as one with `text`: its phases, and the seconds of them all."""
        if not isinstance(record.get("texts"), list) or "text" in record:
            return record
        rest = {key: value for key, value in record.items() if key not in ("texts", "durations")}
        texts, durations = record["texts"], record.get("durations")
        if not texts or not all(isinstance(text, str) and SEPARATOR not in text for text in texts):
            return f"has texts that are not a list of strings without '{SEPARATOR}'"
        if durations is not None:
            numbers = isinstance(durations, list) and all(
                isinstance(d, int | float) and not isinstance(d, bool) for d in durations
            )
            if not numbers or len(durations) != len(texts):
                return "has durations that are not one number of seconds for each of its texts"
            rest["seconds"] = sum(durations)
        self.seen["phases"] += len(texts) > 1
        return {"text": f" {SEPARATOR} ".join(texts), **rest}

    def notes(self, name: str) -> list[str]:
        """One line per kind of line that was read, and clears the counts."""
        words = {
            "lengths": f"lines `text#frames` read as {self.hash_fps:g} frames per second "
            "(--prompt-fps 30 reads another rate)",
            "tags": "lines `caption#tags#from#to` (HumanML3D) read as captions; the tags are left out",
            "phases": "clips of several `texts` read as phases, which share the clip equally",
        }
        notes = [f"{name}: {count:,} {words[kind]}" for kind, count in self.seen.items() if count]
        self.seen.clear()
        return notes


def _seconds_between(start: str, stop: str) -> float | None:
    """Seconds of a part of a motion; None for the complete motion, or where the numbers say nothing."""
    try:
        seconds = float(stop) - float(start)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def json_records(data: bytes, name: str) -> Iterator[RawRecord]:
    """Records of a JSON document: an object, or a list of texts and objects, counted from 1.

    Raises:
        InputError: not JSON, or neither an object nor a list.
    """
    text = b"\n".join(lines_of(data, name))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not valid JSON ({str(error).splitlines()[0]})") from error
    if not isinstance(document, dict | list):
        raise InputError(
            f"{name}: is a JSON {type(document).__name__}; accepted: an object, or a list of them"
        )
    entries = document if isinstance(document, list) else [document]
    for number, entry in enumerate(entries, 1):
        yield number, {"text": entry} if isinstance(entry, str) else json_record(entry)
