"""The local Function Compute as a program: its state, its port, its interpreter."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fc2
import pytest

from local.function_compute import CannotListen, FunctionCompute, NoPython, PlainPort, UnusableState
from local.function_compute.interpreter import find_python
from tests.local_function_compute.support import (
    ECHO,
    FUNCTION,
    SERVICE,
    Deployer,
    client_of,
    is_dead,
    send,
    wait_until,
)


def test_restart_loses_nothing(tmp_path: Path) -> None:
    """Services, functions with their code, triggers, versions, aliases and configurations outlive
    the platform.
    """

    def everything(client: fc2.Client) -> list[object]:
        return [
            client.list_services().data,
            client.list_functions(SERVICE).data,
            client.list_triggers(SERVICE, FUNCTION).data,
            client.list_versions(SERVICE).data,
            client.list_aliases(SERVICE).data,
            client.list_function_async_invoke_configs(SERVICE, FUNCTION).data,
        ]

    with FunctionCompute(tmp_path / "state") as first:
        client = client_of(first)
        Deployer(client, tmp_path).http(ECHO)
        client.publish_version(SERVICE)
        client.create_alias(SERVICE, "prod", "1")
        client.put_function_async_invoke_config(
            SERVICE, "prod", FUNCTION, {"maxAsyncRetryAttempts": 1}
        )
        before = everything(client)
    with FunctionCompute(tmp_path / "state") as second:
        assert everything(client_of(second)) == before
        assert send(second, "GET", "~/").status == 200


def test_version_pins_code_and_configuration(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer
) -> None:
    """A version runs the code and configuration of its publication, an alias what it points at."""
    source = (
        "import os\ndef handler(event, context):"
        " return '{} ' + os.environ['A'] + ' ' + os.environ['FC_QUALIFIER']\n"
    )
    deploy.function(source.format("one"), environmentVariables={"A": "1"})
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    deploy.update(source.format("two"))
    client.update_function(SERVICE, FUNCTION, environmentVariables={"A": "2"})

    def run(qualifier: str | None) -> bytes:
        data: bytes = client.invoke_function(SERVICE, FUNCTION, qualifier=qualifier).data
        return data

    assert [run(qualifier) for qualifier in (None, "LATEST", "1", "prod")] == [
        b"two 2 LATEST",
        b"two 2 LATEST",
        b"one 1 1",
        b"one 1 prod",
    ]
    client.publish_version(SERVICE)
    client.update_alias(SERVICE, "prod", "2")
    assert run("prod") == b"two 2 prod"
    client.update_alias(SERVICE, "prod", "1")
    assert run("prod") == b"one 1 prod"


def test_port_in_use(platform: FunctionCompute, tmp_path: Path) -> None:
    """A port in use is one clear error that names it."""
    place = rf"127\.0\.0\.1:{platform.port}"
    expected = f"{place}: the port is in use; end what uses it or choose another port"
    with pytest.raises(CannotListen, match=f"Function Compute cannot listen on {expected}"):
        FunctionCompute(tmp_path / "other", port=platform.port).__enter__()
    with pytest.raises(CannotListen, match=f"the function cannot listen on {expected}"):
        PlainPort(platform, SERVICE, FUNCTION, port=platform.port).__enter__()


def test_address_of_another_machine(tmp_path: Path) -> None:
    """An address that is not this machine's is one clear error too."""
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:0: Cannot assign requested address"):
        FunctionCompute(tmp_path / "state", "192.0.2.1").__enter__()


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"no database" * 100), lambda path: path.mkdir()]
)
def test_unusable_state(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """A state that is no database is one clear error that names the file."""
    database = tmp_path / "function-compute.sqlite"
    damage(database)
    with pytest.raises(UnusableState, match=r"function-compute\.sqlite cannot be (used|opened): "):
        FunctionCompute(tmp_path).__enter__()


def test_missing_code(tmp_path: Path) -> None:
    """State whose code is gone is one clear error at the start, with what to delete."""
    state = tmp_path / "state"
    with FunctionCompute(state) as platform:
        client = client_of(platform)
        Deployer(client, tmp_path).function("def handler(event, context): return 1")
        client.publish_version(SERVICE)
        Deployer(client, tmp_path / "new").update("def handler(event, context): return 2")
    for code in (state / "code").iterdir():
        if code.is_dir() and "return 1" in (code / "index.py").read_text():
            shutil.rmtree(code)
    with pytest.raises(UnusableState, match=rf"code of svc/fn is missing: .* Delete {state} "):
        FunctionCompute(state).__enter__()


def test_a_damaged_page(tmp_path: Path) -> None:
    """A database with a damaged page is one clear error at the start, with what to delete."""
    state = tmp_path / "state"
    with FunctionCompute(state) as platform:
        client = client_of(platform)
        for number in range(100):
            client.create_service(f"service-{number}", description="d" * 200)
    file = state / "function-compute.sqlite"
    data = bytearray(file.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    file.write_bytes(data)
    with pytest.raises(UnusableState, match=rf"{file} cannot be used: .* Delete {file}\* "):
        FunctionCompute(state).__enter__()


def test_interpreter() -> None:
    """Functions run on Python 3.10: on the running one if it is, else on one that is found."""
    assert find_python(current="/running", version=(3, 10)) == "/running"
    assert find_python(current="/running", version=(3, 99)).endswith("python3.10")


def test_no_interpreter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where no Python 3.10 is found the running one is taken, and one line says so."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "python3.10").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.10").chmod(0o755)
    assert find_python(current=sys.executable, version=(3, 99)) == sys.executable
    expected = "function-compute: no python3.10 was found: functions run on Python 3.99 instead\n"
    assert capsys.readouterr().err == expected


def test_instances_end_with_the_platform(tmp_path: Path) -> None:
    """No process of a function outlives the platform."""
    with FunctionCompute(tmp_path / "state") as platform:
        client = client_of(platform)
        Deployer(client, tmp_path).function(
            "import os\ndef handler(event, context): return os.getpid()\n"
        )
        pid = int(client.invoke_function(SERVICE, FUNCTION).data)
    assert not Path(f"/proc/{pid}").exists()


def test_interpreter_that_is_not_there(tmp_path: Path) -> None:
    """An interpreter that was asked for and is not there is one clear error that names it."""
    with pytest.raises(NoPython, match="functions cannot run on python9: there is no such program"):
        FunctionCompute(tmp_path, python="python9").__enter__()


def test_killed_platform(tmp_path: Path) -> None:
    """Nothing is lost when the platform is killed in the middle of an attempt; its instances end
    with it.
    """
    state, flag = tmp_path / "state", tmp_path / "pid"
    program = (
        "import sys, threading, pathlib\n"
        "from local.function_compute import FunctionCompute\n"
        "with FunctionCompute(pathlib.Path(sys.argv[1])) as platform:\n"
        "    print(platform.url, flush=True)\n    threading.Event().wait()\n"
    )
    source = (
        "import os, threading\n"
        "def handler(event, context):\n"
        f"    if os.path.exists({str(flag)!r}): return 'done'\n"
        f"    with open({str(flag)!r}, 'w') as file: file.write(str(os.getpid()) + '.')\n"
        "    threading.Event().wait()\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(state)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        client = fc2.Client(endpoint=url, accessKeyID="testid", accessKeySecret="testsecret")
        Deployer(client, tmp_path).function(source, timeout=60)
        config = {"destinationConfig": {"onSuccess": {"destination": "acs:mns:::done"}}}
        client.put_function_async_invoke_config(SERVICE, "LATEST", FUNCTION, config)
        client.invoke_function(
            SERVICE, FUNCTION, b"event", headers={"x-fc-invocation-type": "Async"}
        )
        wait_until(lambda: flag.exists() and flag.read_text().endswith("."))
        process.kill()
    wait_until(lambda: is_dead(int(flag.read_text().rstrip("."))))
    with FunctionCompute(state) as platform:
        assert platform.wait_idle(20)
        (record,) = platform.failures("acs:mns:::done")
    assert (record["requestPayload"], record["responsePayload"]) == ("event", "done")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("Content-Length: -1", "InvalidArgument"),
        ("Content-Length: many", "InvalidArgument"),
        ("Content-Length: 999999999999", "EntityTooLarge"),
        ("Transfer-Encoding: chunked", "InvalidArgument"),
    ],
)
def test_body_that_is_no_http(platform: FunctionCompute, head: str, code: str) -> None:
    """A body whose length is none, or larger than anything, is a 400 with a request id, and the
    connection ends.
    """
    with socket.create_connection(("127.0.0.1", platform.port), timeout=20) as connection:
        connection.sendall(f"POST /x HTTP/1.1\r\nHost: h\r\n{head}\r\n\r\nno chunk\r\n".encode())
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert f'"ErrorCode": "{code}"' in answer
    assert "X-Fc-Request-Id: " in answer


def test_trouble_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the platform itself cannot do is a 500 to the caller, and no failed attempt at an event,
    which waits.
    """
    python = tmp_path / "python"
    script = f'#!/bin/sh\nexec {find_python()} "$@"\n'
    python.write_text(script)
    python.chmod(0o755)
    with FunctionCompute(tmp_path / "state", python=str(python)) as platform:
        client = client_of(platform)
        Deployer(client, tmp_path).function(
            "def handler(event, context): return context.retry_count"
        )
        config = {"destinationConfig": {"onSuccess": {"destination": "acs:mns:::done"}}}
        client.put_function_async_invoke_config(SERVICE, "LATEST", FUNCTION, config)
        python.rename(tmp_path / "away")
        with pytest.raises(fc2.FcError) as raised:
            client.invoke_function(SERVICE, FUNCTION, b"")
        assert (raised.value.status_code, raised.value.err_code) == (500, "InternalServerError")
        client.invoke_function(SERVICE, FUNCTION, b"", headers={"x-fc-invocation-type": "Async"})
        errors: list[str] = []

        def printed() -> bool:
            errors.append(capsys.readouterr().err)
            return "".join(errors).count("FileNotFoundError") >= 2

        wait_until(printed)
        (tmp_path / "away").rename(python)
        assert platform.wait_idle(20)
        assert [record["responsePayload"] for record in platform.failures("acs:mns:::done")] == [
            "0"
        ]
