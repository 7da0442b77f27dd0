"""Headless Chromium driven by the DevTools protocol over a pipe: no package and no port is needed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Path of the browser, or None where none is installed.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_CHROMIUM = "Chromium is not installed (apt-get install chromium)"
#: Seconds until a command or a condition counts as failed; a loaded machine is slow.
_PATIENCE = 60.0
#: Keys with more than a character: their code for the protocol.
_KEY_CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35,
              "Enter": 13, "Tab": 9, "Escape": 27, " ": 32}  # fmt: skip
#: Becomes the browser, with the ends of the pipes as the descriptors 3 and 4 that it speaks the protocol on.
_LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for end, number in zip(ends, (3, 4)):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One Chromium process; `open` gives pages of it. A context manager."""

    def __init__(self, profile: Path, *options: str):
        assert CHROMIUM is not None
        self._read, child_write = os.pipe()
        child_read, self._write = os.pipe()
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-gpu", "--enable-unsafe-swiftshader",
            "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe", *options,
        ]  # fmt: skip
        launcher = [sys.executable, "-c", _LAUNCHER, str(child_read), str(child_write), *command]
        self._process = subprocess.Popen(
            launcher, pass_fds=(child_read, child_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(child_read)
        os.close(child_write)
        self._buffer, self._number = b"", 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.send("Browser.close")
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(_PATIENCE)
        os.close(self._read)
        os.close(self._write)

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(_PATIENCE)
            assert answer is not None, f"no answer to {method}"
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _next(self, seconds: float) -> dict[str, Any] | None:
        ends = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(ends - time.monotonic(), 0))
            if not ready:
                return None
            data = os.read(self._read, 1 << 20)
            assert data, "the browser ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def open(
        self,
        page: Path | str,
        fragment: str = "",
        size: tuple[int, int] = (1280, 800),
        phone: bool = False,
        media: Sequence[tuple[str, str]] = (),
        before: str = "",
    ) -> Page:
        """A page from disk or of a server at `#fragment`.

        `media` are features such as ("prefers-color-scheme", "dark").
        `before` is a script that runs before those of the page.
        """
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        opened = Page(self, session, target)
        width, height = size
        for domain in ("Page", "Runtime", "Log"):
            opened.send(f"{domain}.enable")
        opened.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                    deviceScaleFactor=2 if phone else 1, mobile=phone)  # fmt: skip
        opened.send("Emulation.setTouchEmulationEnabled", enabled=phone)
        opened.send("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in media])
        opened.send("Emulation.setFocusEmulationEnabled", enabled=True)
        if before:
            opened.send("Page.addScriptToEvaluateOnNewDocument", source=before)
        address = page if isinstance(page, str) else page.resolve().as_uri()
        opened.send("Page.navigate", url=address + (f"#{fragment}" if fragment else ""))
        opened.wait("document.readyState === 'complete'")
        return opened


class Page:
    """One page of the browser."""

    def __init__(self, browser: Browser, session: str, target: str):
        self._browser, self._session, self._target = browser, session, target

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.send("Target.closeTarget", targetId=self._target)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **parameters)

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is awaited."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        ends = time.monotonic() + _PATIENCE
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < ends, f"never true: {condition}"
            time.sleep(0.03)

    def problems(self) -> list[str]:
        """Errors and warnings that the page wrote to the console, exceptions included."""
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            kind, parameters = event["method"], event["params"]
            if kind == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif kind == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(str([argument.get("value") for argument in parameters["args"]]))
            elif kind == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(parameters["entry"]["text"])
        # Advice on speed for those who read pixels back, as tests and software rendering do.
        advice = ("GPU stall due to ReadPixels", "willReadFrequently")
        return [text for text in found if not any(part in text for part in advice)]

    def key(self, key: str, shift: bool = False) -> None:
        """Press and release a key."""
        code = _KEY_CODES.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        pressed: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        self.send("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def click(self, selector: str, shift: bool = False) -> None:
        """Click the middle of an element with the mouse."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
                      buttons=1, modifiers=8 if shift else 0)  # fmt: skip

    def drag(self, start: tuple[float, float], by: tuple[float, float], button: str = "left") -> None:
        """Press at a place, move and release."""
        code = {"left": 1, "right": 2}[button]
        mouse = "Input.dispatchMouseEvent"
        self.send(
            mouse, type="mousePressed", x=start[0], y=start[1], button=button, buttons=code, clickCount=1
        )
        for share in (0.5, 1.0):
            self.send(mouse, type="mouseMoved", x=start[0] + share * by[0], y=start[1] + share * by[1],
                      button=button, buttons=code)  # fmt: skip
        self.send(mouse, type="mouseReleased", x=start[0] + by[0], y=start[1] + by[1], button=button,
                  clickCount=1)  # fmt: skip

    def touch(self, *places: Sequence[tuple[float, float]]) -> None:
        """Fingers put down at the first places, moved to each of the others, then lifted."""
        for kind, points in (("touchStart", places[0]), *(("touchMove", later) for later in places[1:])):
            fingers = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def middle(self, selector: str) -> tuple[float, float]:
        """Middle of an element, pixels; it is scrolled into view."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return x, y

    def picture(self, path: Path | None = None) -> bytes:
        """A PNG of the page, also written to `path`."""
        data = base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(data)
        return data
