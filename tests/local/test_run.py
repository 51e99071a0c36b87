"""`python -m local`, as a new user would use it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTED = {"contactNames": ["Contact 1"], "describe": "Alert contact name"}


def _local(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What `python -m local run` prints as its addresses, on free ports."""
    process = _local(
        "run",
        "--state",
        str(tmp_path),
        FACADE_PORT="0",
        CLOUDMONITOR_PORT="0",
        FUNCTION_COMPUTE_PORT="0",
    )
    assert process.stdout
    text = ""
    while "Ctrl-C" not in text:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        text += line
    facade, cloudmonitor = re.findall(r"(http://127\.0\.0\.1:\d+)", text)[:2]
    yield {"facade": facade, "cloudmonitor": cloudmonitor, "text": text}
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process.communicate()


def test_the_documents_own_example_creates_the_group(running: dict[str, str]) -> None:
    """A PUT of the 2019 document's example gets 200, and the local CloudMonitor holds the group."""
    url = running["facade"] + "/v1/contact-groups/My%20alert%20contact%20group"
    request = urllib.request.Request(
        url, json.dumps(DOCUMENTED).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
    with urllib.request.urlopen(running["cloudmonitor"] + "/_local/groups") as response:
        (group,) = json.load(response)["groups"]

    assert (group["name"], group["contact_names"], group["describe"]) == (
        "My alert contact group",
        ["Contact 1"],
        "Alert contact name",
    )


def test_the_printed_commands_work_as_printed(running: dict[str, str]) -> None:
    """Each command that a new user is told to paste succeeds."""
    commands = re.findall(
        r"^  ((?:curl|ALIBABA).*?)(?:\n\n|\n(?=\S))", running["text"], flags=re.S | re.M
    )

    assert len(commands) == 4
    for command in commands:
        strict = command + " --fail-with-body -sS" if command.startswith("curl") else command
        done = subprocess.run(
            ["bash", "-c", strict], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout


def test_a_port_in_use_is_a_clear_error(running: dict[str, str], tmp_path: Path) -> None:
    """A second instance on the same port says which one is taken and which setting moves it."""
    port = running["facade"].rpartition(":")[2]
    process = _local(
        "run",
        "--state",
        str(tmp_path / "other"),
        FACADE_PORT=port,
        CLOUDMONITOR_PORT="0",
        FUNCTION_COMPUTE_PORT="0",
    )

    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert port in errors
    assert "FACADE_PORT" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["run", "--facade-port", "x"], ["fly"], []])
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    """What the command line does not understand is told as such."""
    process = _local(*arguments)
    _, errors = process.communicate(timeout=60)

    assert (process.returncode, "usage:" in errors) == (2, True)


def test_a_port_that_is_none_is_named() -> None:
    """A wrong port variable is named."""
    process = _local("run", FACADE_PORT="eighty")
    _, errors = process.communicate(timeout=60)

    assert (process.returncode, "FACADE_PORT is 'eighty'" in errors) == (2, True)


def test_the_demo_shows_every_step() -> None:
    """The tour ends well, and shows a group created, changed, refused, previewed and throttled."""
    process = _local("demo")
    text, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert re.findall(r"→ (\d{3})", text)[:5] == ["200", "200", "422", "200", "200"]
    assert text.partition("A dry run")[0].count('"pointer"') == 2
    assert '"attempts": 3' in text
    assert text.count('"verdict": "applied"') == 1
    assert text.count('"verdict": "rejected"') == 1
    assert "ServiceUnavailable\n     call for On call, payments: 200\n" in text
    assert "after 2 invocations it is in the failure destination" in text
    assert "My alert contact group: Contact 1, 值班 Bob" in text
