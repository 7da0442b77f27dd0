"""Checks the English of the repository against docs/language.txt: prints file:line, the word and the advice.

`python docs/check_language.py [FILE...]` reads the named files, or all tracked ones; it exits with 1 if it
found anything, 2 if the word list is wrong. `--counts` prints findings per pattern instead.
"""

from __future__ import annotations

import argparse
import fnmatch
import io
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORD_LIST = Path(__file__).with_name("language.txt")
SUFFIXES = (".py", ".md", ".yaml", ".yml", ".toml")
FILE_NAMES = ("Makefile",)

#: A line break inside a phrase may be followed by the marks of a comment, a quotation or a list.
GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:(?:#:?|>|\*|//)[ \t]*)?)"
BORDER = r"\b"
EXEMPTION = re.compile(r"language: ok\b\W*(?P<reason>\w?)")
DATED_RELEASE = re.compile(r"^## \[?v?\d[^\n]*\d{4}-\d{2}-\d{2}", re.MULTILINE)
NO_REASON = "the exemption needs a reason on the same line"


@dataclass(frozen=True)
class Rule:
    """One line of the word list."""

    source: str  # as written in the list
    advice: str
    regex: re.Pattern[str]
    is_name: bool  # matches whole Python identifiers instead of words


@dataclass(frozen=True)
class WordList:
    """The rules, the phrases in which nothing is reported, and the globs of files that are not read."""

    rules: tuple[Rule, ...]
    allowed: tuple[re.Pattern[str], ...]
    exempt: tuple[str, ...]
    starts: re.Pattern[str]  # where some rule of words may match: one search instead of one per rule

    def reads(self, path: str) -> bool:
        """Whether a file (path relative to the root, with `/`) is checked."""
        name = path.rsplit("/", 1)[-1]
        if not (name.endswith(SUFFIXES) or name in FILE_NAMES):
            return False
        return not any(fnmatch.fnmatchcase(path, glob) for glob in self.exempt)


@dataclass(frozen=True)
class Finding:
    """A word of the list in a file; `line` counts from 1."""

    path: str
    line: int
    word: str
    advice: str
    source: str  # of the rule

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.word}': {self.advice}"


def read_word_list(path: Path = WORD_LIST) -> WordList:
    """The word list of a file; ValueError names the line that cannot be read."""
    rules, allowed, exempt = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if line.startswith("exempt:"):
                exempt.append(line.removeprefix("exempt:").strip())
            elif line.startswith("allow:"):
                allowed.append(_words(line.removeprefix("allow:").strip()))
            else:
                rules.append(_rule(line))
        except (ValueError, re.error) as error:
            raise ValueError(f"{path.name}:{number}: {error}") from error
    any_rule = "|".join(rule.regex.pattern.removeprefix(BORDER) for rule in rules if not rule.is_name)
    return WordList(tuple(rules), tuple(allowed), tuple(exempt), re.compile(rf"{BORDER}(?={any_rule})"))


def _rule(line: str) -> Rule:
    source, arrow, advice = (part.strip() for part in line.partition("->"))
    if not (source and arrow and advice):
        raise ValueError(f"expected 'pattern -> advice', found {line!r}")
    if source.startswith("name:"):
        return Rule(source, advice, re.compile(source.removeprefix("name:").strip()), is_name=True)
    return Rule(source, advice, _words(source), is_name=False)


def _words(pattern: str) -> re.Pattern[str]:
    """Whole words of lower-case text, with any gap where the pattern has a space."""
    return re.compile(rf"{BORDER}(?:{pattern.lower().replace(' ', GAP)}){BORDER}")


def check_text(path: str, text: str, words: WordList) -> list[Finding]:
    """Findings in a file's text, in order; lines with an exemption and dated releases are skipped."""
    if path.rsplit("/", 1)[-1] == "CHANGELOG.md" and (release := DATED_RELEASE.search(text)):
        text = text[: release.start()]
    exemptions = _exemptions(text)
    found = [Finding(path, line, "language: ok", NO_REASON, "") for line, ok in exemptions.items() if not ok]
    for rule, line, word in (*_phrases(text, words), *_names(path, text, words)):
        if line not in exemptions:
            found.append(Finding(path, line, word, rule.advice, rule.source))
    return sorted(found, key=lambda finding: finding.line)


def _exemptions(text: str) -> dict[int, bool]:
    """Exempted lines, and whether a reason is given."""
    marks = ((number, EXEMPTION.search(line)) for number, line in enumerate(text.split("\n"), 1))
    return {number: bool(mark["reason"]) for number, mark in marks if mark}


def _phrases(text: str, words: WordList) -> Iterator[tuple[Rule, int, str]]:
    split = _split_identifiers(text)
    lower = _lower(split)
    breaks = [place.start() for place in re.finditer("\n", split)]
    allowed = [place.span() for regex in words.allowed for place in regex.finditer(lower)]
    for start in (place.start() for place in words.starts.finditer(lower)):
        for rule in words.rules:
            if rule.is_name or not (place := rule.regex.match(lower, start)):
                continue
            if not any(first <= start and place.end() <= last for first, last in allowed):
                yield rule, bisect_right(breaks, start - 1) + 1, " ".join(split[start : place.end()].split())


def _split_identifiers(text: str) -> str:
    """Identifiers as words: `snake_case` and `camelCase` parts get a space between them; lines stay lines."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text.replace("_", " "))


def _lower(text: str) -> str:
    """Lower case, every character at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _names(path: str, text: str, words: WordList) -> Iterator[tuple[Rule, int, str]]:
    if not path.endswith(".py"):
        return
    rules = [
        rule for rule in words.rules if rule.is_name and re.search(rf"\b(?:{rule.regex.pattern})\b", text)
    ]
    if not rules:
        return
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return  # ruff reports files that are not Python
    for token in tokens:
        if token.type == tokenize.NAME:
            for rule in rules:
                if rule.regex.fullmatch(token.string):
                    yield rule, token.start[0], token.string


def tracked_files(root: Path) -> list[str]:
    """Paths of tracked files relative to `root`, with `/`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True)
    return [name for name in listed.stdout.decode().split("\0") if name]


def check_files(paths: Sequence[str], words: WordList, root: Path) -> list[Finding]:
    """Findings in the files that the list reads; a tracked file that was deleted is skipped."""
    tracked = tracked_files(root) if any((root / path).is_dir() for path in paths) else []
    files = [
        file
        for path in paths
        for file in ([t for t in tracked if t.startswith(f"{path.rstrip('/')}/")] or [path])
    ]
    chosen = [path for path in files if words.reads(path) and (root / path).is_file()]
    return [
        finding
        for path in chosen
        for finding in check_text(path, (root / path).read_text(encoding="utf-8"), words)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "files", nargs="*", help="or folders, relative to the repository; default: all tracked files"
    )
    parser.add_argument("--counts", action="store_true", help="findings per pattern instead of each finding")
    options = parser.parse_args(arguments)
    try:
        words = read_word_list()
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    found = check_files(options.files or tracked_files(ROOT), words, ROOT)
    if options.counts:
        counts = Counter(finding.source for finding in found)
        lines = [f"{counts[rule.source]:6d}  {rule.source}" for rule in words.rules]
    else:
        lines = [str(finding) for finding in found]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    files = len({finding.path for finding in found})
    sys.stderr.write(f"{len(found)} findings in {files} files\n" if found else "language: no findings\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
