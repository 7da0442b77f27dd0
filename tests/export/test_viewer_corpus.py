"""`intermask view` on a Duets corpus: one clip of every kind, with its caption, on one page."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from intermask_cli.datasets.duets.captions import Mention
from intermask_cli.datasets.duets.corpus import Corpus
from intermask_cli.datasets.duets.corpus_writer import write_corpus
from intermask_cli.datasets.duets.labels import KINDS, kind_set
from tests.helpers.browser import CHROMIUM, NO_CHROMIUM, Browser
from tests.helpers.viewer_pages import page_data

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
CLIPS = 60


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """All kinds and clips of two phases; several shards, so that the search for clips crosses them."""
    folder = tmp_path_factory.mktemp("view") / "corpus"
    write_corpus(folder, CLIPS, seed=3, shard_clips=20, kinds=kind_set("all"))
    return Corpus(folder)


def test_every_kind_is_shown_once_with_its_full_caption(cli: Run, corpus: Corpus) -> None:
    clips = [corpus.clip(index) for index in range(CLIPS)]
    present = {clip.labels.kind for clip in clips if clip.labels.then is None}
    assert any(clip.labels.then is not None for clip in clips) and len(present) > 12
    code, out, err = cli("view", corpus.path)
    page = corpus.path / "view.html"
    assert code == 0 and out.strip() == str(page), err
    items = page_data(page)["items"]
    assert f"{len(present) + 1} clips of {CLIPS}" in err
    assert set(re.findall(r"[a-z_]+", err.partition("of one phase of ")[2].partition("\n")[0])) == (
        set(KINDS) - present
    )
    singles = [item for item in items if item["fields"]["family"] != "two phases"]
    assert Counter(item["fields"]["kind"] for item in singles) == dict.fromkeys(present, 1)
    assert len(items) == len(singles) + 1 and " then " in items[-1]["fields"]["kind"]
    by_id = {clip.id: clip for clip in clips}
    for item in items:
        kind, id = item["id"].rsplit(" ", 1)
        clip, fields = by_id[id], item["fields"]
        assert item["prompt"] == clip.captions[0] and item["frames"] == clip.joints.shape[1]
        assert kind == fields["kind"] and kind.split(" then ")[0] == clip.labels.kind
        assert fields["tempo"] == clip.labels.tempo
        if clip.labels.then is None:
            assert fields["family"] == KINDS[kind].family
            assert fields["actor"] == (None if clip.labels.actor is None else clip.labels.actor + 1)
            mention = Mention(kind, None, fields["side"], None, None, None, None)
            assert mention.matches(clip.labels) and (fields["side"] is None) == (KINDS[kind].side is None)
        else:
            assert kind == f"{clip.labels.kind} then {clip.labels.then.kind}"


def test_the_page_names_no_address(cli: Run, corpus: Corpus, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert cli("view", corpus.path, "--out", page)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|//cdn|\bsrc=|<link|@import|\bfetch\(", text)


def test_more_clips_of_each_kind(cli: Run, corpus: Corpus, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _, err = cli("view", corpus.path, "--per-kind", 2, "--out", page)
    assert code == 0, err
    items = page_data(page)["items"]
    assert len({item["id"] for item in items}) == len(items)
    shown = Counter(item["fields"]["kind"] for item in items if item["fields"]["family"] != "two phases")
    rows = corpus.manifest["kinds"]
    assert shown == {kind: min(2, row["clips"]) for kind, row in rows.items() if row["clips"]}
    assert max(shown.values()) == 2 and len(items) == shown.total() + 2


def test_options_that_do_nothing_are_refused(cli: Run, corpus: Corpus, tmp_path: Path) -> None:
    for option, value in (
        ("--id", "duet-3-000001"),
        ("--limit", 5),
        ("--scores", "per_prompt.csv"),
        ("--truth", "x.h5"),
    ):
        code, _, err = cli("view", corpus.path, option, value, "--out", tmp_path / "page.html")
        assert code == 2 and option in err and "--per-kind" in err and err.count("\n") == 1
    code, _, err = cli("view", tmp_path, "--per-kind", 2)
    assert code == 2 and "--per-kind" in err and err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_a_corpus_with_a_shard_missing_is_one_line(cli: Run, corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(corpus.path, folder)
    (folder / "shards" / "duets-00001.h5").unlink()
    code, _, err = cli("view", folder, "--per-kind", CLIPS)
    assert code == 4 and "duets-00001.h5" in err and err.count("\n") == 1


@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_search_and_sort_use_the_columns(cli: Run, corpus: Corpus, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert cli("view", corpus.path, "--out", page)[0] == 0
    items = page_data(page)["items"]
    fighting = [item["id"] for item in items if item["fields"]["family"] == "fighting"]
    tempos = {item["id"]: item["fields"]["tempo"] for item in items}
    with Browser(tmp_path / "profile") as browser:
        with browser.open(page, "search=fighting&sort=") as view:
            view.wait("state.panels.length && !obeying")
            assert fighting and view.run("state.items.map((item) => item.id)") == fighting
        with browser.open(page, "sort=tempo") as view:
            view.wait("state.panels.length && !obeying")
            shown = [tempos[id] for id in view.run("state.items.map((item) => item.id)")]
            assert len(set(shown)) > 1 and shown == sorted(tempos.values())
