"""Functions of 3.0 as callers see them: custom runtimes, events, and built-in runtimes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from local.function_compute.instance import Specification, Web
from local.function_compute.web_instance import WebInstance
from tests.local_function_compute.support import is_dead, send, wait_until
from tests.local_function_compute.support_3 import FUNCTION, ROLE, SERVER, Deployer3

DESTINATION = "acs:mns:cn-hangzhou:1234567890123456:/queues/failed/messages"


def hooks(**timeouts: int) -> models.InstanceLifecycleConfig:
    """Hooks with placeholders for handlers, as a web function has them."""
    made = {name: models.LifecycleHook(handler="true", timeout=s) for name, s in timeouts.items()}
    return models.InstanceLifecycleConfig(**made)


def values(shown: Any, name: str) -> list[str]:
    """The values of a header that the function was sent."""
    return [value for key, value in shown["headers"] if key.lower() == name.lower()]


def test_an_event_comes_to_invoke(deploy_3: Deployer3) -> None:
    """InvokeFunction is `POST /invoke` with the event, the platform's headers and credentials."""
    deploy_3.web(role=ROLE)

    answer = deploy_3.invoke(b"payload", x_fc_log_type="Tail")
    shown = json.loads(answer.body.read())
    assert (shown["method"], shown["path"], shown["body"]) == ("POST", "/invoke", "payload")
    assert values(shown, "content-type") == ["application/octet-stream"]
    given = {
        "x-fc-request-id": answer.headers["x-fc-request-id"],
        "x-fc-control-path": "/invoke",
        "x-fc-function-name": FUNCTION,
        "x-fc-function-timeout": "30",
        "x-fc-qualifier": "LATEST",
        "x-fc-region": "cn-hangzhou",
        "x-fc-account-id": "1234567890123456",
        "x-fc-retry-count": "0",
        "x-fc-access-key-id": "testid",
        "x-fc-access-key-secret": "testsecret",
    }
    assert {name: values(shown, name) for name in given} == {k: [v] for k, v in given.items()}
    assert "served" in base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert not {"x-kept", "x-fc-error-type"} & answer.headers.keys()


def test_no_role_no_credentials(deploy_3: Deployer3) -> None:
    """Without a role there are no credentials, in headers as in the environment."""
    deploy_3.web()

    shown = deploy_3.shown()
    assert not values(shown, "x-fc-access-key-id")
    assert not {name for name in shown["environment"] if name.startswith("ALIBABA_CLOUD_")}


def test_what_a_server_is_started_with(deploy_3: Deployer3) -> None:
    """It starts in its code, with the platform's variables and the Python that PATH names, which
    has the standard library and the package alone.
    """
    deploy_3.web(environment_variables={"PYTHONPATH": "/code/lib", "OWN": "1"})

    shown = deploy_3.shown()
    environment, folder = shown["environment"], shown["folder"]
    assert (Path(folder) / "server.py").read_text() == SERVER
    assert environment["FC_FUNC_CODE_PATH"] == folder
    assert environment["PYTHONPATH"] == f"{folder}/lib"
    assert (environment["OWN"], environment["FC_FUNCTION_NAME"]) == ("1", FUNCTION)
    assert "FC_SERVICE_NAME" not in environment
    assert not [path for path in shown["path_of_python"] if "site-packages" in path]


def test_a_failed_event(deploy_3: Deployer3) -> None:
    """`x-fc-status: 404` is what makes an event a failure; the body stays."""
    deploy_3.web()

    answer = deploy_3.invoke(b"fail")
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.body.read() == b"it failed"


def test_failed_events_are_retried(deploy_3: Deployer3) -> None:
    """An asynchronous event is answered at once, retried, and ends in the failure destination."""
    deploy_3.web()
    deploy_3.async_config(2, DESTINATION)

    answer = deploy_3.invoke(b"fail", x_fc_invocation_type="Async")
    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert deploy_3.platform.wait_idle()
    (record,) = deploy_3.platform.failures(DESTINATION)
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"] == "acs:fc:::functions/fn/LATEST"
    assert (record["requestPayload"], record["responsePayload"]) == ("fail", "it failed")
    assert deploy_3.shown()["seen"].count("/invoke") == 4


def test_an_asynchronous_event_succeeds(deploy_3: Deployer3) -> None:
    """An event that succeeds is run once."""
    deploy_3.web()

    deploy_3.invoke(b"good", x_fc_invocation_type="Async")
    assert deploy_3.platform.wait_idle()
    assert deploy_3.shown()["seen"] == ["/invoke", "/invoke"]


def test_requests_at_once_are_in_one_process(deploy_3: Deployer3) -> None:
    """As many requests as the instance may have run at once in one process."""
    deploy_3.web()
    url = deploy_3.trigger()

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: send(url, "GET", "/meet/100"), range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["pid"] for answer in answers}) == 1


def test_reserved_concurrency(deploy_3: Deployer3) -> None:
    """What goes beyond the reserved concurrency is refused with 429; an asynchronous event waits
    for its turn.
    """
    deploy_3.web()
    url = deploy_3.trigger()
    one = models.PutConcurrencyInput(reserved_concurrency=1)
    deploy_3.client.put_concurrency_config(FUNCTION, models.PutConcurrencyConfigRequest(body=one))
    assert send(url, "GET", "/").status == 200

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(send, url, "GET", "/meet/2")
        wait_until(lambda: "meets" in deploy_3.log())
        assert send(url, "GET", "/").status == 429
        with pytest.raises(ClientException, match="ResourceExhausted"):
            deploy_3.invoke()
        deploy_3.invoke(b"later", x_fc_invocation_type="Async")
        deploy_3.client.delete_concurrency_config(FUNCTION)
        assert send(url, "GET", "/meet/2").status == running.result().status == 200
    assert deploy_3.platform.wait_idle()
    assert deploy_3.shown()["seen"] == ["/invoke", "/invoke"]


def test_a_process_that_dies(deploy_3: Deployer3) -> None:
    """A caller whose process dies gets the platform's error, and the next one a fresh process."""
    deploy_3.web()
    url = deploy_3.trigger()
    first = send(url, "GET", "/").json["pid"]

    died = send(url, "GET", "/die")
    assert died.status == 502
    assert died.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"
    assert "Process exited unexpectedly before completing request" in died.json["errorMessage"]
    assert send(url, "GET", "/").json["pid"] != first


def test_a_killed_process(deploy_3: Deployer3) -> None:
    """Requests in a process that is killed fail, and an idle one is replaced unseen."""
    deploy_3.web()
    url = deploy_3.trigger()
    first = send(url, "GET", "/").json["pid"]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, url, "GET", "/slow")
        wait_until(lambda: "slow begins" in deploy_3.log())
        assert deploy_3.platform.kill_instance("", FUNCTION) == 1
        assert waiting.result().status == 502
    second = send(url, "GET", "/").json["pid"]
    os.kill(second, 9)
    wait_until(lambda: is_dead(second))
    assert len({first, second, send(url, "GET", "/").json["pid"]}) == 3


def test_a_request_that_takes_too_long(deploy_3: Deployer3) -> None:
    """The function's timeout ends a request."""
    deploy_3.web(timeout=1)
    url = deploy_3.trigger()

    assert send(url, "GET", "/slow").json == {"errorMessage": "Function time out after 1 seconds"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise SystemExit(3)", "its process ended with exit code 3"),
        ("print(undefined)", "NameError: name 'undefined' is not defined"),
    ],
)
def test_a_server_that_does_not_start(deploy_3: Deployer3, source: str, reason: str) -> None:
    """A server that ends before it listens is FunctionNotStarted, with the end of its log."""
    deploy_3.web(source)
    url = deploy_3.trigger()

    answer = send(url, "GET", "/")
    assert (answer.status, answer.json["Code"]) == (412, "FunctionNotStarted")
    assert reason in answer.json["Message"]
    with pytest.raises(ClientException, match="FunctionNotStarted"):
        deploy_3.invoke()


def test_no_program(deploy_3: Deployer3) -> None:
    """A command that is not there is FunctionNotStarted, with its name."""
    config = models.CustomRuntimeConfig(command=["no-such-program"])
    deploy_3.web(custom_runtime_config=config)

    with pytest.raises(ClientException, match="no-such-program: not found in PATH=") as caught:
        deploy_3.invoke()
    assert caught.value.code == "FunctionNotStarted"


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux's")
def test_a_server_that_listens_on_localhost(tmp_path: Path) -> None:
    """A server that listens on 127.0.0.1, or not at all, is not found in time."""
    program = (
        "import os, socket; s = socket.create_server(('127.0.0.1',"
        " int(os.environ['FC_CUSTOM_LISTEN_PORT']))); s.accept()"
    )
    web = Web((sys.executable, "-c", program), initializer=False, pre_stop_timeout=0)
    specification = Specification(
        "$fn", "LATEST", "fn", "", "", 3, 3, 1, tmp_path, {}, "revision", web
    )

    instance = WebInstance(specification, web, tmp_path / "log", {}, ready_seconds=0.5)
    outcome = instance.invoke({}, None, b"")
    assert (outcome.status, outcome.error_type) == (412, "FunctionNotStarted")
    assert b"it does not listen on 0.0.0.0" in outcome.body
    assert not instance.alive


def test_hooks(deploy_3: Deployer3) -> None:
    """`/initialize` comes once before the first request, `/pre-stop` and SIGTERM at the end."""
    deploy_3.web(instance_lifecycle_config=hooks(initializer=10, pre_stop=10))
    deploy_3.invoke()

    assert deploy_3.shown()["seen"] == ["/initialize", "/invoke", "/invoke"]
    deploy_3.platform.__exit__(None, None, None)
    lines = deploy_3.log().splitlines()
    assert lines.index("pre-stop") < lines.index("ended")


def test_an_initializer_that_fails(deploy_3: Deployer3) -> None:
    """A failed initializer fails the request, and its process is discarded."""
    deploy_3.web(
        instance_lifecycle_config=hooks(initializer=10), environment_variables={"BROKEN": "1"}
    )

    assert deploy_3.invoke().headers["x-fc-error-type"] == "InitializationError"
    deploy_3.update(environment_variables={"PATH": "/var/fc/lang/python3.10/bin"})
    assert deploy_3.shown()["seen"] == ["/initialize", "/invoke"]


def test_what_was_accepted_is_answered(deploy_3: Deployer3) -> None:
    """A new version of the code starts a new process; the old one finishes what it has."""
    deploy_3.web()
    url = deploy_3.trigger()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(send, url, "GET", "/slow")
        wait_until(lambda: "slow begins" in deploy_3.log())
        deploy_3.update(description="changed")
        fresh = send(url, "GET", "/").json["pid"]
        deploy_3.platform.__exit__(None, None, None)
        assert running.result().status == 200
        assert running.result().json["pid"] != fresh


def test_processes_end_with_a_killed_platform(tmp_path: Path) -> None:
    """A platform that is killed leaves no process of a function behind, busy or not."""
    program = f"""
from pathlib import Path
from local.function_compute import FunctionCompute
from tests.local_function_compute.support_3 import Deployer3
with FunctionCompute(Path({str(tmp_path)!r})) as platform:
    deploy = Deployer3(platform)
    deploy.web()
    print(deploy.shown()["pid"], flush=True)
    threading.Event().wait()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as platform:
        assert platform.stdout is not None
        pid = int(platform.stdout.readline())
        assert not is_dead(pid)
        platform.kill()
    wait_until(lambda: is_dead(pid))


BUILT_IN = """
import json

def handler(event, context):
    event = json.loads(event)
    if event.get("rawPath") == "/wrong":
        return "text"
    if event.get("rawPath") == "/raise":
        raise ValueError("no")
    return {"statusCode": 201, "headers": {"X-Mine": "1", "Content-Type": "application/json"},
            "isBase64Encoded": False, "body": json.dumps(event)}
"""


def test_built_in_runtime(deploy_3: Deployer3) -> None:
    """A built-in runtime gets an HTTP request as an event, and its object is the response."""
    deploy_3.create({"index.py": BUILT_IN}, runtime="python3.10")
    url = deploy_3.trigger()

    answer = send(url, "POST", "/a%20b?x=1&x=2", b"\xff", {"X-One": "1", "X-Fc-Two": "2"})
    event = answer.json
    assert (answer.status, answer.headers["X-Mine"]) == (201, "1")
    assert (event["version"], event["rawPath"]) == ("v1", "/a%20b")
    assert event["queryParameters"] == {"x": "1,2"}
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
    assert event["headers"]["X-One"] == "1"
    assert "X-Fc-Two" not in event["headers"]
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"]) == ("POST", "/a b")
    assert event["requestContext"]["requestId"] == answer.headers["X-Fc-Request-Id"]


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [("/wrong", 502, "UnhandledInvocationError"), ("/raise", 502, "UnhandledInvocationError")],
)
def test_built_in_runtime_that_fails(
    deploy_3: Deployer3, path: str, status: int, kind: str
) -> None:
    """What is no response, and an exception, are a 502 of the platform."""
    deploy_3.create({"index.py": BUILT_IN}, runtime="python3.10")

    answer = send(deploy_3.trigger(), "GET", path)
    assert (answer.status, answer.headers["X-Fc-Error-Type"]) == (status, kind)


def test_built_in_events(deploy_3: Deployer3) -> None:
    """InvokeFunction gives a built-in runtime the event as it is."""
    deploy_3.create({"index.py": BUILT_IN}, runtime="python3.10")

    answer = json.loads(deploy_3.invoke(b'{"a": 1}').body.read())
    assert json.loads(answer["body"]) == {"a": 1}
