"""`python -m local`, as a new user would use it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.local_function_compute.support import is_dead, wait_until

ROOT = Path(__file__).parent.parent.parent
PORTS = ("FACADE_PORT", "CLOUDMONITOR_PORT", "FUNCTION_COMPUTE_PORT")
DOCUMENTED = {"contactNames": ["Contact 1"], "describe": "Alert contact name"}


def _local(*arguments: str, session: bool = False, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=session,
    )


@contextlib.contextmanager
def _running(state: Path, **environment: str) -> Iterator[dict[str, str]]:
    ports = {"FACADE_PORT": "0", "CLOUDMONITOR_PORT": "0", "FUNCTION_COMPUTE_PORT": "0"}
    process = _local("run", "--state", str(state), session=False, **ports, **environment)
    assert process.stdout
    text = ""
    while "Ctrl-C" not in text:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        text += line
    facade, cloudmonitor = re.findall(r"(http://127\.0\.0\.1:\d+)", text)[:2]
    addresses = {"facade": facade, "cloudmonitor": cloudmonitor, "text": text}
    try:
        yield {**addresses, "pid": str(process.pid)}
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
        process.communicate()
    assert code == 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What `python -m local run` prints as its addresses, on free ports."""
    with _running(tmp_path) as addresses:
        yield addresses


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


@pytest.mark.parametrize("platform", ["2.0", "3.0"])
def test_the_printed_commands_work_as_printed(tmp_path: Path, platform: str) -> None:
    """Each command that a new user is told to paste succeeds, on either platform."""
    with _running(tmp_path, PLATFORM=platform) as running:
        _run_printed_commands(running)


def _run_printed_commands(running: dict[str, str]) -> None:
    commands = re.findall(
        r"^  ((?:curl|ALIBABA).*?)(?:\n\n|\n(?=\S))", running["text"], flags=re.S | re.M
    )

    assert len(commands) == 7
    for command in commands:
        strict = command + " --fail-with-body -sS" if command.startswith("curl") else command
        done = subprocess.run(
            ["bash", "-c", strict], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout


def test_an_unknown_platform_is_a_clear_error(tmp_path: Path) -> None:
    """PLATFORM is one of the two, else nothing starts."""
    process = _local("run", "--state", str(tmp_path), PLATFORM="4.0")

    assert "PLATFORM is '4.0': it must be 2.0 or 3.0" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


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

    output, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert port in errors
    assert "FACADE_PORT" in errors
    assert "Traceback" not in errors
    assert "deploying" not in output  # nothing is done in vain


def test_a_second_run_on_the_same_state_names_the_first(
    running: dict[str, str], tmp_path: Path
) -> None:
    """Two runs never share a folder: the second says which process has it, its port and since
    when; the first goes on.
    """
    process = _local(
        "run",
        "--state",
        str(tmp_path),
        FACADE_PORT="0",
        CLOUDMONITOR_PORT="0",
        FUNCTION_COMPUTE_PORT="0",
    )

    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    port = running["facade"].rpartition(":")[2]
    holder = rf"in use by process {running['pid']} \(port {port}, since \d{{4}}-\d\d-\d\d \d\d:"
    assert re.search(holder, errors), errors
    with urllib.request.urlopen(running["cloudmonitor"] + "/_local/groups") as response:
        assert response.status == 200


@pytest.mark.parametrize("inside", [".", "below"])
def test_a_state_that_is_no_folder_is_a_clear_error(tmp_path: Path, inside: str) -> None:
    """A file in the place of the folder is named, with what to do."""
    (tmp_path / "file").touch()
    state = tmp_path / "file" / inside

    output, errors = _local("run", "--state", str(state)).communicate(timeout=60)

    assert errors.startswith(f"local: {state} cannot be the folder of the local cloud (")
    assert errors.endswith("): name another with --state\n")
    assert output == ""


def _curl(*arguments: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers by lower-case name, and the parsed body of one call of curl."""
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", "60", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    head, _, body = done.stdout.partition("\n\n")
    first, *lines = head.splitlines()
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return int(first.split()[1]), headers, json.loads(body) if body else None


def test_a_session_with_curl(running: dict[str, str]) -> None:
    """curl creates a group, reads it (200, 304), changes it with If-Match (200, then 412 with the
    old tag), lists it and deletes it (204, then 404).
    """
    everything = running["facade"] + "/v1/contact-groups"
    one = everything + "/on-call"
    first = {"contactNames": ["Alice", "Bob"], "describe": "This week"}
    next_week = {"contactNames": ["Carol"], "describe": "Next week"}

    def put(group: Mapping[str, object], *headers: str) -> tuple[int, dict[str, str], Any]:
        options = ("-X", "PUT", "-d", json.dumps(group), *headers)
        return _curl(one, "-H", "Content-Type: application/json", *options)

    assert put(first)[0] == 200
    status, headers, group = _curl(one)
    tag = headers["etag"]
    assert (status, group["contactGroupName"], group["describe"]) == (200, "on-call", "This week")
    assert sorted(group["contactNames"]) == ["Alice", "Bob"]
    assert _curl(one, "-H", f"If-None-Match: {tag}")[::2] == (304, None)
    assert put(next_week, "-H", f"If-Match: {tag}")[0] == 200
    status, headers, problem = put(first, "-H", f"If-Match: {tag}")
    assert (status, problem["status"], headers["etag"] != tag) == (412, 412, True)
    status, _, listed = _curl(everything)
    assert (status, listed["total"]) == (200, 1)
    assert [group["contactNames"] for group in listed["contactGroups"]] == [["Carol"]]
    assert _curl(one, "-X", "DELETE")[::2] == (204, None)
    assert [_curl(one)[0], _curl(one, "-X", "DELETE")[0]] == [404, 404]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["packaging", "deploying", "Ctrl-C"])
def test_the_end_at_any_moment_is_quiet(tmp_path: Path, moment: str, number: int) -> None:
    """Ctrl-C, which reaches every process of the terminal, or SIGTERM: no traceback, and nothing
    that was started is left.
    """
    process = _local(
        "run",
        "--state",
        str(tmp_path),
        session=True,
        FACADE_PORT="0",
        CLOUDMONITOR_PORT="0",
        FUNCTION_COMPUTE_PORT="0",
    )
    assert process.stdout
    text = ""
    while moment not in text:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        text += line
    if moment == "Ctrl-C":
        facade = re.findall(r"(http://127\.0\.0\.1:\d+)", text)[0]
        urllib.request.urlopen(facade + "/healthz").close()  # starts an instance
    children = _descendants(process.pid)
    os.killpg(process.pid, number)

    _, errors = process.communicate(timeout=60)

    assert process.returncode in {0, 1}
    assert "Traceback" not in errors
    wait_until(lambda: all(is_dead(pid) for pid in children))


@pytest.mark.parametrize("seconds", [0, 0.1, 0.3, 0.6, 1, 1.5, 2.5, 4])
@pytest.mark.parametrize("program", ["local demo", "local run", "deploy package"])
def test_ctrl_c_is_quiet_from_the_first_moment(
    tmp_path: Path, program: str, seconds: float
) -> None:
    """Ctrl-C after any time, and again and again until the end: no traceback. The shell starts
    the program as the Makefile and bin/deploy do.
    """
    where = {"local run": f"--state {tmp_path}", "deploy package": f"--output {tmp_path}/a.zip"}
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' INT; exec {sys.executable} -m {program} {where.get(program, '')}"],
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(PORTS, "0")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    for _ in range(600):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break

    _, errors = process.communicate(timeout=60)

    assert "Traceback" not in errors, errors
    assert process.returncode in {0, 1, -signal.SIGINT}


def test_contacts_make_a_contact_unknown(tmp_path: Path) -> None:
    """With CONTACTS a group of these contacts is stored, and one with another contact is 404
    contact-not-found.
    """
    with _running(tmp_path, CONTACTS="Contact 1, Contact 2") as running:
        url = running["facade"] + "/v1/contact-groups/on-call"
        typed = ("-X", "PUT", "-H", "Content-Type: application/json", "-d")
        known = {"contactNames": ["Contact 1", "Contact 2"], "describe": "x"}
        unknown = {"contactNames": ["Contact 1", "Contact 3"], "describe": "x"}

        assert _curl(url, *typed, json.dumps(known))[0] == 200
        status, _, problem = _curl(url, *typed, json.dumps(unknown))
        assert status == 404
        assert problem["type"].endswith("#contact-not-found")


def _descendants(pid: int) -> list[int]:
    """Its children, each of which has none but its own group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize(
    "arguments",
    [["run", "--facade-port", "x"], ["run", "--cloudmonitor-port", "65536"], ["fly"], []],
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    """What the command line does not understand is told as such."""
    process = _local(*arguments)
    _, errors = process.communicate(timeout=60)

    assert (process.returncode, "usage:" in errors) == (2, True)


@pytest.mark.parametrize("port", ["eighty", "65536", "-1", "²"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    """A wrong port variable is named."""
    process = _local("run", FACADE_PORT=port)
    _, errors = process.communicate(timeout=60)

    assert (process.returncode, f"FACADE_PORT is '{port}'" in errors) == (2, True), errors


def test_the_demo_shows_every_step() -> None:
    """The tour ends well, and shows a group created, read, changed, refused, previewed, throttled,
    listed and deleted.
    """
    process = _local("demo")
    text, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    answers = "200 200 304 200 412 422 200 200 200 204 404 200"
    assert re.findall(r"→ (\d{3})", text) == answers.split()
    assert text.partition("A dry run")[0].count('"pointer"') == 2
    assert '"calls": 3' in text
    assert text.count('"verdict": "applied"') == 1
    assert text.count('"verdict": "rejected"') == 1
    assert "ServiceUnavailable\n     PutContactGroup On call, payments (payload): 200\n" in text
    assert "after 2 invocations, in the failure destination" in text
    assert "My alert contact group: Contact 1, 值班 Bob" in text
