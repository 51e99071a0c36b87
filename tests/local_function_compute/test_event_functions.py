"""Event functions, and what every instance does: context, credentials, initializer, failures,
concurrency.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.function_compute import FunctionCompute
from tests.local_function_compute.support import (
    ECHO,
    FUNCTION,
    ROLE,
    SERVICE,
    Deployer,
    client_of,
    is_dead,
    send,
    sign,
    wait_until,
)

_INVOCATIONS = f"/2016-08-15/services/{SERVICE}/functions/{FUNCTION}/invocations"


def _failed(client: fc2.Client, payload: bytes = b"", name: str = FUNCTION) -> dict[str, Any]:
    """The error document of an invocation that fails."""
    with pytest.raises(fc2.FcError) as raised:
        client.invoke_function(SERVICE, name, payload)
    assert raised.value.status_code == 200
    document: dict[str, Any] = json.loads(raised.value.message)
    return document


def _kind(platform: FunctionCompute) -> tuple[int, str | None]:
    """Status and X-Fc-Error-Type of an invocation."""
    reply = send(platform, "POST", _INVOCATIONS, b"", sign("POST", _INVOCATIONS))
    return reply.status, reply.headers["X-Fc-Error-Type"]


def test_invocation(client: fc2.Client, deploy: Deployer) -> None:
    """The event arrives as bytes, the answer leaves as JSON, with the platform's headers."""
    deploy.function(ECHO, handler="index.event", memorySize=256)
    answer = client.invoke_function(SERVICE, FUNCTION, b'{"a": "\xe5\x91\x8a"}')
    document = json.loads(answer.data)
    assert (document["event"], document["type"]) == ('{"a": "告"}', "bytes")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (
        answer.headers["x-fc-code-checksum"]
        == client.get_function(SERVICE, FUNCTION).data["codeChecksum"]
    )
    assert answer.headers["x-fc-invocation-service-version"] == "LATEST"
    assert float(answer.headers["x-fc-max-memory-usage"]) > 1
    assert int(answer.headers["x-fc-invocation-duration"]) >= 0
    assert answer.headers["x-fc-instance-id"].startswith("c-")


def test_context(client: fc2.Client, deploy: Deployer) -> None:
    """The context is the platform's: facts/function-compute.md §1.4."""
    deploy.service(logConfig={"project": "p", "logstore": "l"})
    deploy.function(ECHO, handler="index.event", timeout=7, memorySize=512)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    answer = client.invoke_function(SERVICE, FUNCTION, qualifier="prod")
    assert json.loads(answer.data)["context"] == {
        "requestId": answer.headers["x-fc-request-id"],
        "credentials": {"accessKeyId": "", "accessKeySecret": "", "securityToken": ""},
        "function": {"name": FUNCTION, "handler": "index.event", "memory": 512, "timeout": "7"},
        "service": {
            "name": SERVICE,
            "logProject": "p",
            "logStore": "l",
            "qualifier": "prod",
            "versionId": "1",
        },
        "region": "cn-hangzhou",
        "accountId": "1234567890123456",
        "retryCount": 0,
        "tracing": {
            "openTracingSpanContext": "",
            "openTracingSpanBaggages": {},
            "jaegerEndpoint": "",
        },
    }


def test_credentials_of_a_role(start: Callable[..., FunctionCompute], tmp_path: Path) -> None:
    """With a role each request has fresh credentials in its context; the environment keeps those of
    the start.
    """
    numbers = iter(range(10))
    platform = start(role_credentials=lambda: ("id", "secret", f"token-{next(numbers)}"))
    client = client_of(platform)
    deploy = Deployer(client, tmp_path)
    deploy.service(role=ROLE)
    deploy.function(
        "import os\n"
        "def handler(event, context):\n"
        "    c, e = context.credentials, os.environ\n"
        "    assert (c.accessKeyId, c.accessKeySecret, c.securityToken)[:2] == (c.access_key_id,"
        " c.access_key_secret)\n"
        "    return [c.access_key_id, c.access_key_secret, c.security_token,\n"
        "            *(e.get('ALIBABA_CLOUD_' + n) for n in ('ACCESS_KEY_ID', 'ACCESS_KEY_SECRET',"
        " 'SECURITY_TOKEN'))]\n"
    )
    for number in range(2):
        expected = ["id", "secret", f"token-{number}", "id", "secret", "token-0"]
        assert json.loads(client.invoke_function(SERVICE, FUNCTION).data) == expected


def test_no_role_no_credentials(client: fc2.Client, deploy: Deployer) -> None:
    """Without a role there are none, in the context or in the environment."""
    deploy.function(
        "import os\n"
        "def handler(event, context):\n"
        "    return [context.credentials.access_key_id, [n for n in os.environ if"
        " n.startswith('ALIBABA')]]\n"
    )
    assert json.loads(client.invoke_function(SERVICE, FUNCTION).data) == ["", []]


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        ("'告警'", "告警".encode()),
        ("b'\\xff'", b"\xff"),
        ("None", b"null"),
        ("{'b': 1, 'a': decimal.Decimal('1.5')}", b'{\n    "a": 1.5,\n    "b": 1\n}'),
        ("[datetime.date(2024, 9, 2)]", b'[\n    "2024-09-02"\n]'),
        ("type('T', (), {'to_json': lambda self: 'custom'})()", b'"custom"'),
    ],
)
def test_results(client: fc2.Client, deploy: Deployer, returned: str, result: bytes) -> None:
    """Results become bytes as in facts/function-compute.md §2.1."""
    deploy.function(
        f"import datetime, decimal\ndef handler(event, context):\n    return {returned}\n"
    )
    assert client.invoke_function(SERVICE, FUNCTION).data == result


def test_exception(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """An exception is a 200 with an error type, and the runtime's JSON: facts/function-compute.md
    §2.2.
    """
    deploy.function(
        "def my_handler(event, context):\n    raise Exception('something is wrong')\n",
        handler="index.my_handler",
    )
    document = _failed(client)
    assert (document["errorMessage"], document["errorType"]) == ("something is wrong", "Exception")
    ((file, *rest),) = document["stackTrace"]
    assert re.fullmatch(r'File ".*/index\.py"', file)
    assert rest == ["line 2", "in my_handler", "raise Exception('something is wrong')"]
    assert _kind(platform) == (200, "UnhandledInvocationError")
    assert "something is wrong" in platform.log(SERVICE, FUNCTION)


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        (
            {"index.py": "import nothing_of_that_name"},
            "index.handler",
            "ImportModuleError",
            "Unable to import module 'index'",
        ),
        ({"other.py": ""}, "index.handler", "ImportModuleError", "Unable to import module 'index'"),
        (
            {"index.py": "def ("},
            "index.handler",
            "UserCodeSyntaxError",
            "Syntax error in module 'index'",
        ),
        (
            {"index.py": "1 / 0"},
            "index.handler",
            "UserCodeError",
            "Module initialization error: 'division by zero'",
        ),
        (
            {"index.py": ""},
            "index.handler",
            "HandlerNotFound",
            "Handler 'handler' is missing on module 'index'",
        ),
        (
            {"json.py": "def handler(e, c): return 1"},
            "json.handler",
            "HandlerNotFound",
            "Handler 'handler' is missing",
        ),
        ({"index.py": ""}, "handler", "InvalidHandleName", "Invalid handler 'handler'"),
        (
            {"index.py": ""},
            "dir/index.handler",
            "ImportModuleError",
            "Unable to import module 'dir/index'",
        ),
    ],
)
def test_handler_that_cannot_be_found(
    client: fc2.Client,
    deploy: Deployer,
    files: dict[str, str],
    handler: str,
    kind: str,
    message: str,
) -> None:
    """A handler that cannot be loaded is named with its error type:
    facts/function-compute.md §1.6.
    """
    deploy.function(files, handler=handler)
    document = _failed(client)
    assert document["errorType"] == kind
    assert document["errorMessage"].startswith(message)


@pytest.mark.parametrize("handler", ["pkg.mod.handler", "dir/mod.handler", "runtime.handler"])
def test_handlers_in_folders(client: fc2.Client, deploy: Deployer, handler: str) -> None:
    """Handlers in packages, in folders, and in a module that is named as the runtime's own are
    found.
    """
    source = "def handler(event, context): return __name__"
    relative = "from .other import name\ndef handler(event, context): return name"
    files = {
        "pkg/__init__.py": "",
        "pkg/mod.py": relative,
        "pkg/other.py": "name = __name__",
        "dir/mod.py": source,
    }
    deploy.function({**files, "runtime.py": source}, handler=handler)
    expected = {
        "pkg.mod.handler": b"pkg.other",
        "dir/mod.handler": b"mod",
        "runtime.handler": b"runtime",
    }
    assert client.invoke_function(SERVICE, FUNCTION).data == expected[handler]
    assert client.invoke_function(SERVICE, FUNCTION).data == expected[handler]


def test_failed_import_is_tried_again(client: fc2.Client, deploy: Deployer, tmp_path: Path) -> None:
    """A module that failed to import is imported anew by the same instance's next request."""
    flag = tmp_path / "flag"
    deploy.function(
        f"open({str(flag)!r})\nimport os\ndef handler(event, context): return os.getpid()\n"
    )
    assert _failed(client)["errorType"] == "UserCodeError"
    flag.touch()
    assert int(client.invoke_function(SERVICE, FUNCTION).data)


def test_initializer_runs_once(client: fc2.Client, deploy: Deployer) -> None:
    """The initializer runs before the first request of an instance, and not again; it has a
    context.
    """
    deploy.function(
        "ran = []\ndef init(context): ran.append(context.request_id)\ndef handler(event, context):"
        " return ran\n",
        initializer="index.init",
    )
    first = client.invoke_function(SERVICE, FUNCTION)
    assert json.loads(first.data) == [first.headers["x-fc-request-id"]]
    assert client.invoke_function(SERVICE, FUNCTION).data == first.data


def test_failed_initializer(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer, tmp_path: Path
) -> None:
    """A failed initializer fails the request and discards the instance; the next request gets a new
    one.
    """
    flag = tmp_path / "flag"
    deploy.function(
        f"import os\ndef init(context): open({str(flag)!r})\ndef handler(event, context): return"
        " 'ready'\n",
        initializer="index.init",
    )
    assert _failed(client)["errorType"] == "FileNotFoundError"
    assert _kind(platform) == (200, "InitializationError")
    assert platform.kill_instance(SERVICE, FUNCTION) == 0
    flag.touch()
    assert client.invoke_function(SERVICE, FUNCTION).data == b"ready"
    assert platform.log(SERVICE, FUNCTION).count("FC Initialize Start RequestId: ") == 3


def test_slow_initializer(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """An initializer that does not end is ended by its own timeout."""
    deploy.function(
        "import threading\ndef init(context): threading.Event().wait()\ndef handler(event,"
        " context): pass\n",
        initializer="index.init",
        initializationTimeout=1,
    )
    assert _failed(client)["errorMessage"] == "Function time out after 1 seconds"


def test_timeout(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """A request that takes longer than the function's timeout is ended; the next one gets a fresh
    process.
    """
    deploy.function(
        "import threading\ndef handler(event, context): return 'quick' if event else"
        " threading.Event().wait()\n",
        timeout=1,
    )
    assert _failed(client)["errorMessage"] == "Function time out after 1 seconds"
    assert client.invoke_function(SERVICE, FUNCTION, b"x").data == b"quick"


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize("end", ["raise SystemExit", "os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_process_that_ends_itself(
    client: fc2.Client, deploy: Deployer, end: str, concurrency: int
) -> None:
    """A process that ends in a request fails it as the platform does; the next one gets a fresh
    process.
    """
    deploy.function(
        f"import os\ndef handler(event, context):\n    if event: {end}\n    return os.getpid()\n",
        instanceConcurrency=concurrency,
    )
    before = client.invoke_function(SERVICE, FUNCTION).data
    message = _failed(client, b"x")["errorMessage"]
    assert re.fullmatch(
        r"Process exited unexpectedly before completing request"
        r" \(duration: \d+ms, maxMemoryUsage: [\d.]+MB\)",
        message,
    )
    assert client.invoke_function(SERVICE, FUNCTION).data != before


def _in_the_middle(
    platform: FunctionCompute, call: Callable[[], Any], flag: Path, act: Callable[[], Any]
) -> Any:
    """Does something as soon as the function has made the flag; returns what the call that goes on
    meanwhile returned.
    """
    results: list[Any] = []
    caller = threading.Thread(target=lambda: results.append(call()))
    os.mkfifo(flag)
    caller.start()
    with flag.open() as pipe:
        pipe.readline()
    act()
    caller.join()
    return results[0]


def test_killed_in_the_middle_of_a_request(
    platform: FunctionCompute, deploy: Deployer, tmp_path: Path
) -> None:
    """A process that is killed in the middle of an HTTP request is a 502 to the caller; the next
    one is served afresh.
    """
    flag = tmp_path / "flag"
    deploy.http(
        "import os, threading\n"
        "def handler(environ, start):\n"
        "    if environ['PATH_INFO'] == '/wait':\n"
        f"        open({str(flag)!r}, 'w').write(str(os.getpid()))\n"
        "        threading.Event().wait()\n"
        "    start('200 OK', [])\n"
        "    return [str(os.getpid()).encode()]\n"
    )
    before = send(platform, "POST", "~/").body
    reply = _in_the_middle(
        platform,
        lambda: send(platform, "POST", "~/wait"),
        flag,
        lambda: platform.kill_instance(SERVICE, FUNCTION),
    )
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (502, "UnhandledInvocationError")
    assert reply.json["errorMessage"].startswith(
        "Process exited unexpectedly before completing request"
    )
    after = send(platform, "POST", "~/")
    assert after.status == 200
    assert after.body != before


def test_killed_between_requests(client: fc2.Client, deploy: Deployer) -> None:
    """A process that was killed while it was idle is not noticed by the next caller."""
    deploy.function("import os\ndef handler(event, context): return os.getpid()\n")
    pid = int(client.invoke_function(SERVICE, FUNCTION).data)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_dead(pid))
    assert int(client.invoke_function(SERVICE, FUNCTION).data) != pid


def test_requests_at_once(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """With InstanceConcurrency requests meet inside one process; one more than that waits for its
    turn.
    """
    deploy.function(
        "import os, threading\n"
        "barrier = threading.Barrier(3)\n"
        "def handler(event, context):\n"
        "    context.logger.warning('hello')\n"
        "    if event: barrier.wait()\n"
        "    return os.getpid()\n",
        instanceConcurrency=3,
        timeout=20,
    )
    pids: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: pids.append(client.invoke_function(SERVICE, FUNCTION, b"x").data)
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6
    assert len(set(pids)) == 1


def test_one_request_at_a_time(client: fc2.Client, deploy: Deployer) -> None:
    """Without InstanceConcurrency a process serves one request at a time, in its main thread."""
    deploy.function(
        "import threading\n"
        "running = []\n"
        "def handler(event, context):\n"
        "    running.append(1)\n"
        "    at_once, main = len(running), threading.current_thread() is threading.main_thread()\n"
        "    running.pop()\n"
        "    return [at_once, main, context.logger is None, context.getLogger().name]\n"
    )
    results: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                json.loads(client.invoke_function(SERVICE, FUNCTION).data)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[1, True, True, "root"]] * 4


def test_logs(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """What a request prints and logs stands between its markers, in the platform's format, and is
    its tail.
    """
    deploy.function(
        "import logging, sys\n"
        "def handler(event, context):\n"
        "    logging.basicConfig(level='DEBUG', format='never')\n"
        "    logging.debug('hidden')\n    logging.info('shown %s', 1)\n"
        "    print('printed 告警')\n    print('err', file=sys.stderr)\n    logging.error('x' *"
        " 200_000)\n"
    )
    answer = client.invoke_function(SERVICE, FUNCTION, headers={"x-fc-log-type": "Tail"})
    request_id = answer.headers["x-fc-request-id"]
    start, info, printed, err, long, end = platform.log(SERVICE, FUNCTION).splitlines()
    assert (start, end) == (
        f"FC Invoke Start RequestId: {request_id}",
        f"FC Invoke End RequestId: {request_id}",
    )
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {request_id} \[INFO\] shown 1", info
    )
    assert (printed, err, len(long)) == ("printed 告警", "err", 128 * 1024)
    assert base64.b64decode(answer.headers["x-fc-log-result"]).decode().endswith(f"x\n{end}\n")


def test_environment_is_sanitised(start: Callable[..., FunctionCompute], tmp_path: Path) -> None:
    """FC_* variables are gone but for those of facts/function-compute.md §1.8; the platform's extra
    ones are there.
    """
    platform = start(extra_environment={"FC_SERVER_LOG_LEVEL": "ERROR", "_FC_X": "1", "EXTRA": "1"})
    client = client_of(platform)
    Deployer(client, tmp_path).function(
        "import logging, os\n"
        "def handler(event, context):\n"
        "    names = [n for n in os.environ if n.startswith(('FC_', '_FC_')) or n == 'EXTRA']\n"
        "    return [sorted(names), logging.getLogger().level]\n"
    )
    names, level = json.loads(client.invoke_function(SERVICE, FUNCTION).data)
    ours = (
        "ACCOUNT_ID FUNCTION_HANDLER FUNCTION_MEMORY_SIZE FUNCTION_NAME FUNC_CODE_PATH"
        " INSTANCE_ID QUALIFIER REGION"
    )
    assert names == ["EXTRA", *(f"FC_{name}" for name in f"{ours} SERVICE_NAME VER_ID".split())]
    assert level == 40


@pytest.mark.parametrize(
    ("size", "headers"), [(32 * 1024**2, {}), (128 * 1024, {"x-fc-invocation-type": "Async"})]
)
def test_limits(
    platform: FunctionCompute, deploy: Deployer, size: int, headers: dict[str, str]
) -> None:
    """An event over the limit is a 400 EntityTooLarge that says it:
    facts/function-compute.md §2.3.
    """
    deploy.function("def handler(event, context): return str(len(event))")
    signed = sign("POST", _INVOCATIONS, headers)
    reply = send(platform, "POST", _INVOCATIONS, b"x" * (size + 1), signed)
    assert (reply.status, reply.code) == (400, "EntityTooLarge")
    assert str(size) in reply.json["ErrorMessage"]
    assert send(platform, "POST", _INVOCATIONS, b"x" * size, signed).status in {200, 202}


def test_new_code_and_configuration_take_effect(client: fc2.Client, deploy: Deployer) -> None:
    """The request after an update runs the new code with the new configuration in a process of its
    own.
    """
    deploy.function("import os\ndef handler(event, context): return f'old {os.getpid()}'\n")
    old = client.invoke_function(SERVICE, FUNCTION).data.split()
    deploy.update(
        "import os\ndef handler(event, context): return f'new {os.getpid()} ' +"
        " os.environ.get('A', '')\n"
    )
    new = client.invoke_function(SERVICE, FUNCTION).data.split()
    assert (old[0], new[0]) == (b"old", b"new")
    assert old[1] != new[1]
    client.update_function(SERVICE, FUNCTION, environmentVariables={"A": "1"})
    assert client.invoke_function(SERVICE, FUNCTION).data.split()[2] == b"1"
    assert not Path(f"/proc/{int(old[1])}").exists()


def test_update_in_the_middle_of_a_request(
    client: fc2.Client, platform: FunctionCompute, deploy: Deployer, tmp_path: Path
) -> None:
    """A request that runs while the code is replaced ends with the old code."""
    flag, go = tmp_path / "flag", tmp_path / "go"
    os.mkfifo(go)
    deploy.function(
        "def handler(event, context):\n"
        f"    open({str(flag)!r}, 'w').write('x')\n"
        f"    return 'old ' + open({str(go)!r}).read()\n"
    )

    def replace() -> None:
        deploy.update("def handler(event, context): return 'new'")
        assert client.invoke_function(SERVICE, FUNCTION).data == b"new"
        go.write_text("ended")

    result = _in_the_middle(
        platform, lambda: client.invoke_function(SERVICE, FUNCTION).data, flag, replace
    )
    assert result == b"old ended"


def test_result_over_the_limit(client: fc2.Client, deploy: Deployer) -> None:
    """A result of more than 32 MB is a 502 BadResponse."""
    deploy.function("def handler(event, context): return b'x' * (32 * 1024 * 1024 + 1)")
    with pytest.raises(fc2.FcError) as raised:
        client.invoke_function(SERVICE, FUNCTION)
    assert (raised.value.status_code, raised.value.err_code) == (502, "BadResponse")
