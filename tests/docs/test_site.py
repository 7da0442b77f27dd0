"""Documentation: links resolve, named files exist, lines are wrapped; `make docs` builds the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
#: Written by benchmarks as a whole.
GENERATED = {"results/ablations.md", "results/benchmarks.md", "reference/cli.md", "reference/recipe-keys.md"}
MOST_COLUMNS = 120


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines outside code blocks, generated blocks and tables."""
    fenced = generated = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        generated = (generated or bool(re.match(r"<!-- [\w-]+:begin", line))) and ":end -->" not in line
        if not fenced and not generated and not line.lstrip().startswith("|"):
            yield number, line


def anchors(text: str) -> set[str]:
    """The ids MkDocs gives to headings, and ids written out."""
    found = set(re.findall(r"(?:id=\"|\{ ?#)([\w-]+)", text))
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
        if heading := re.match(r"#{1,6} (.*)", line):
            words = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading[1]).lower()
            found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words).strip()))
    return found


def links(text: str) -> Iterator[str]:
    for _, line in prose(text):
        yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line))


@pytest.mark.parametrize("page", [*PAGES, *TOP], ids=name_of)
def test_every_relative_link_and_anchor_resolves(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name_of(page)}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_of_prose_is_over_120_columns(page: Path) -> None:
    if page.relative_to(DOCS).as_posix() in GENERATED:
        pytest.skip("written by a program")
    long = [n for n, line in prose(page.read_text(encoding="utf-8")) if len(line) > MOST_COLUMNS]
    assert not long


def test_the_navigation_lists_every_page_once() -> None:
    def listed(node: object) -> Iterator[str]:
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            for item in node:
                yield from listed(item)
        elif isinstance(node, dict):
            for value in node.values():
                yield from listed(value)

    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [page.relative_to(DOCS).as_posix() for page in PAGES]
    assert sorted(listed(config["nav"])) == sorted(pages)


@pytest.mark.parametrize("page", ["concepts/architecture.md", "results/exactness.md"])
def test_files_named_on_a_page_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|yaml)|(?:[\w-]+/)+)`", text)):
        places = (ROOT / name, ROOT / "intermask_cli" / name, ROOT / "evaluators" / name)
        if not name.startswith(("model/", "evaluation/")):  # folders of the golden arrays
            assert any(place.exists() for place in places), name


def test_the_architecture_page_follows_a_request_through_at_most_ten_files() -> None:
    text = (DOCS / "concepts" / "architecture.md").read_text(encoding="utf-8")
    for part in text.split("\n## One ")[1:]:
        rows = re.findall(r"^\| (\d+) \| `([\w/]+\.py)`", part.split("\n## ")[0], re.MULTILINE)
        assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
        assert 5 <= len(rows) <= 10 and len({file for _, file in rows}) == len(rows)
