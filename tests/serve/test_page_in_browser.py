"""The page of the service in headless Chromium: prompts in, progress, the viewer with the result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")

from intermask_cli.export.viewer import clip_data
from intermask_cli.serve.service import Service
from tests.helpers.browser import CHROMIUM, NO_CHROMIUM, Browser
from tests.helpers.served import listening, tiny_service
from tests.helpers.tiny_model import TinyModel

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]
TOKEN = "a-long-and-secret-token"


@pytest.fixture(scope="module")
def service(tiny_model: TinyModel) -> Iterator[Service]:
    with tiny_service(tiny_model) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def test_prompts_become_motion_in_the_viewer(browser: Browser, service: Service, tmp_path: Path) -> None:
    with listening(service, TOKEN) as client, browser.open(f"{client.address}/") as page:
        page.wait("!byId('login').hidden")
        assert not page.problems() or all("401" in problem for problem in page.problems())
        page.run(f"byId('token').value = '{TOKEN}'")
        page.click("#login button")
        page.wait("!byId('ask').hidden && byId('login').hidden")
        assert "tiny-interhuman on cpu; up to 20 s" in page.run("byId('model').textContent")
        page.run("byId('prompts').value = 'two people bow\\n\\n <b>two people</b> hug'")
        page.run("byId('seconds').value = '1'; byId('samples').value = '2'")
        page.run("byId('seed').value = '9007199254740993'")
        page.click("#make")
        page.wait("!byId('view').hidden && byId('state').textContent.startsWith('done')")
        assert page.run("byId('state').textContent") == "done: 4 of 4 made"
        page.wait("view.contentDocument.querySelectorAll('#list li').length === 4")
        page.wait("view.contentDocument.querySelector('#panels canvas')")
        rows = "[...view.contentDocument.querySelectorAll('#list li span')]"
        shown = page.run(f"{rows}.map((one) => one.textContent)")
        assert shown.count("two people bow") == shown.count("<b>two people</b> hug") == 2
        assert page.run("view.contentDocument.getElementById('seek').max") == "27", "28 frames"
        links = page.run("Array.from(document.querySelectorAll('#files a'), (link) => link.href)")
        assert [link.rpartition("=")[2] for link in links] == ["h5", "json", "bvh", "glb"]
        (job,) = service.jobs.all()
        assert job.job.info.about["seed"] == 2**53 + 1, "no digit is lost in the browser"
        problems = [text for text in page.problems() if "401" not in text]
        assert not problems, problems
        folder = os.environ.get("INTERMASK_SCREENSHOTS")  # to look at it
        page.picture(Path(folder) / "serve.png" if folder else tmp_path / "serve.png")


def test_the_viewer_loads_motion_of_a_large_result(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit of a page, its motion lies in scripts next to it."""
    monkeypatch.setattr(clip_data, "PAGE_LIMIT", 10)
    with listening(service) as client:
        job = client.submit(prompts=["two people bow", "two people hug"], seconds=0.5)
        assert client.ended(job)["status"] == "done"
        assert b'"folder":"view_data"' in client.send(f"/v1/jobs/{job}/view").body
        assert client.send(f"/v1/jobs/{job}/view_data/0.js").body.startswith(b"interactionPart(0,")
        assert client.send(f"/v1/jobs/{job}/view_data/1.js").status == 404
        with browser.open(f"{client.address}/v1/jobs/{job}/view") as page:
            page.wait("state.panels.length === 1 && state.panels[0].clip.joints")
            assert not page.problems()


def test_errors_are_shown_and_can_be_mended(browser: Browser, service: Service) -> None:
    with listening(service) as client, browser.open(f"{client.address}/") as page:
        page.wait("!byId('ask').hidden")
        page.run("byId('prompts').value = 'two people bow | '; byId('seconds').value = '1'")
        page.click("#make")
        page.wait("!byId('message').hidden")
        assert "prompt 1 has a text with an empty phase" in page.run("byId('message').textContent")
        assert page.run("byId('view').hidden && byId('progress').hidden && !byId('make').disabled")
        page.run("byId('prompts').value = 'two people bow'")
        page.click("#make")
        page.wait("byId('state').textContent.startsWith('done')")
        assert page.run("byId('message').hidden")
