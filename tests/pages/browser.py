"""Headless Chromium over its DevTools protocol: as much of it as the pages' tests need."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket

#: Seconds for the browser to answer, and for a page to get where a test wants it. The reference
#: takes six seconds of CPU time, and many times that on a busy machine.
_PATIENCE = 40.0


class Browser:
    """One Chromium process; a context manager.

    Args:
        program: The executable.
        profile: An empty folder.
    """

    def __init__(self, program: str, profile: Path) -> None:
        options = [
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium's own sandbox does not work for root
        self._process = subprocess.Popen(
            [program, *options, "about:blank"], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        for line in self._process.stderr:
            if found := re.search(r"DevTools listening on ws://([^/]+)/", line):
                self._address = found[1]
                break
        else:
            raise AssertionError(f"{program} ended with {self._process.wait()} before it listened")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=_PATIENCE)

    def open(self, url: str, width: int = 1280, dark: bool = False) -> Page:
        """Opens a page in a tab of its own and waits until it is loaded."""
        request = urllib.request.Request(
            f"http://{self._address}/json/new?about:blank", method="PUT"
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            page = Page(json.load(answer)["webSocketDebuggerUrl"])
        page.command("Page.enable")
        page.command("Runtime.enable")
        page.command("Log.enable")
        page.resize(width)
        page.color_scheme(dark=dark)
        page.go(url)
        return page


class Page:
    """One tab; a context manager.

    Attributes:
        errors: What the console got as errors, and what was thrown and not caught.
        requests: The URLs that the page asked for.
    """

    def __init__(self, debugger: str) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._numbers = itertools.count(1)
        self._events: list[str] = []
        self._socket = websocket.create_connection(
            debugger, timeout=2 * _PATIENCE, suppress_origin=True
        )

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.command("Page.close")
        self._socket.close()

    def go(self, url: str) -> None:
        """Leads the tab to a URL and waits until it is loaded."""
        self._events.clear()
        self.command("Network.enable")
        self.command("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def resize(self, width: int) -> None:
        """Gives the tab another width, in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def color_scheme(self, *, dark: bool) -> None:
        """Says that its reader prefers dark pages, or light ones."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command of the protocol; returns its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := self._receive()).get("id") != number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise."""
        answer = self.command(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The first value of the expression that is true, looked at every 20 milliseconds inside
        the page.
        """
        never = json.dumps(f"never came true: {expression}")
        return self.run(
            f"new Promise((resolve, reject) => {{ const until = Date.now() + {_PATIENCE * 1000};"
            f" const look = () => {{ const value = ({expression}); if (value) resolve(value);"
            f" else if (Date.now() > until) reject(new Error({never})); else setTimeout(look, 20);"
            " }; look(); })"
        )

    def click(self, selector: str) -> None:
        """Clicks the first element that the selector finds, as a mouse does."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2];"
            " })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.command(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def write(self, selector: str, text: str) -> None:
        """Replaces what a field holds, as typing does."""
        self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.focus(); e.select(); })()"
        )
        self.command("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Presses a key where the focus is."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def screenshot(self, file: Path) -> None:
        """The whole page as PNG."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv())
        method, params = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "assert"}:
            self.errors.append(json.dumps(params["args"]))
        return message
