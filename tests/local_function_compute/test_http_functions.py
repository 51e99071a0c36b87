"""HTTP functions: what they are given, and what becomes of what they answer."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.function_compute import FunctionCompute, PlainPort
from tests.local_function_compute.support import ECHO, FUNCTION, SERVICE, Deployer, client_of, send

_PREFIX = f"/2016-08-15/proxy/{SERVICE}/{FUNCTION}"


def _answer(status: str = "200 OK", headers: Any = (), body: str = "[b'']") -> str:
    """The source of a function that always answers the same."""
    start = f"start({status!r}, {list(headers)!r})"
    return f"def handler(environ, start):\n    {start}\n    return {body}\n"


@pytest.fixture
def seen(platform: FunctionCompute, deploy: Deployer) -> Callable[..., Any]:
    """Sends a request to an echoing function and returns the environ that it saw."""
    deploy.http(ECHO, environmentVariables={"SETTING": "value"})

    def seen(*request: Any, **options: Any) -> Any:
        return send(platform, *request, **options).json["environ"]

    return seen


def test_environ(seen: Callable[..., Any]) -> None:
    """The environ is the platform's: facts/function-compute.md §1.2, row by row."""
    environ = seen(
        "POST",
        "~/a/b?x=1&y=%20",
        b"body",
        {"Content-Type": "text/plain", "Host": "h:1", "X-Custom": "1"},
    )
    expected = {
        "CONTENT_LENGTH": "4",
        "CONTENT_TYPE": "text/plain",
        "HTTP": "on",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a/b",
        "QUERY_STRING": "x=1&y=%20",
        "REQUEST_METHOD": "POST",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "FCRUNTIME/1.0",
        "wsgi.version": "(1, 0)",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": "h:1",
        "HTTP_X_CUSTOM": "1",
        "HTTP_X_FC_FUNCTION_HANDLER": "index.handler",
        "fc.request_uri": f"{_PREFIX}/a/b?x=1&y=%20",
        "SETTING": "value",
        "FC_FUNCTION_NAME": FUNCTION,
    }
    assert expected.items() <= environ.items()
    assert "HTTP_CONTENT_TYPE" not in environ


def test_content_type_has_a_default(seen: Callable[..., Any]) -> None:
    """A request without Content-Type has application/octet-stream, as on the platform."""
    assert seen("POST", "~/", b"{}")["CONTENT_TYPE"] == "application/octet-stream"


def test_reserved_request_headers_are_dropped(seen: Callable[..., Any]) -> None:
    """Headers that the platform keeps for itself never reach the function."""
    dropped = {"X-Fc-Anything": "1", "Keep-Alive": "x", "TE": "trailers", "Accept-Encoding": "gzip"}
    environ = seen("POST", "~/", b"x", {**dropped, "Proxy-Authorization": "x"})
    names = [
        "X_FC_ANYTHING",
        "KEEP_ALIVE",
        "TE",
        "ACCEPT_ENCODING",
        "PROXY_AUTHORIZATION",
        "CONNECTION",
        "CONTENT_LENGTH",
    ]
    assert not [name for name in names if f"HTTP_{name}" in environ]


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a%20b", "/a b"),
        ("/%E5%91%8A%E8%AD%A6", "/告警"),
        ("/caf%C3%A9", "/café"),
        ("/a%2Fb", "/a/b"),
        ("/a%2525", "/a%25"),
        ("/%FF", "/\ufffd"),
        ("/a//b", "/a//b"),
    ],
)
def test_path_info_decoded(seen: Callable[..., Any], path: str, decoded: str) -> None:
    """PATH_INFO is the decoded path behind the function's name, fc.request_uri the path as
    requested.
    """
    environ = seen("GET", f"~{path}")
    assert (environ["PATH_INFO"], environ["fc.request_uri"]) == (decoded, f"{_PREFIX}{path}")


def test_path_info_raw(start: Callable[..., FunctionCompute], tmp_path: Path) -> None:
    """With path_info="raw" PATH_INFO stays percent-encoded."""
    platform = start(path_info="raw")
    Deployer(client_of(platform), tmp_path).http(ECHO)
    assert send(platform, "GET", "~/%E5%91%8A").json["environ"]["PATH_INFO"] == "/%E5%91%8A"


def test_status_and_repeated_headers(platform: FunctionCompute, deploy: Deployer) -> None:
    """The function's status, each of its headers and its body reach the caller, with a
    request id.
    """
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Text", "caf\u00e9")]
    deploy.http(_answer("418 Whatever", cookies, "['text ', b'bytes']"))
    reply = send(platform, "GET", "~/")
    assert (reply.status, reply.body) == (418, b"text bytes")
    assert reply.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert reply.headers["Content-Disposition"] == "attachment"
    assert len(reply.headers["X-Fc-Request-Id"]) == 36


def test_head_has_no_body(platform: FunctionCompute, deploy: Deployer) -> None:
    """HEAD is answered with the length that the body would have, and no body."""
    deploy.http(_answer(body="b'12345'"))
    reply = send(platform, "HEAD", "~/")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "5")


def test_written_bytes_come_first(platform: FunctionCompute, deploy: Deployer) -> None:
    """What the function writes goes before what it returns; the last start_response counts."""
    deploy.http(
        "def handler(environ, start):\n"
        "    write = start('500 No', [('X-A', '1')])\n    write(b'1')\n"
        "    start('201 Yes', [('X-B', '2')], None)(b'2')\n    return iter([b'3'])\n"
    )
    reply = send(platform, "GET", "~/")
    assert (reply.status, reply.body, reply.headers["X-A"], reply.headers["X-B"]) == (
        201,
        b"123",
        None,
        "2",
    )


def test_body_is_never_closed(platform: FunctionCompute, deploy: Deployer) -> None:
    """The close() of a body is not called: facts/function-compute.md §1.5."""
    deploy.http(
        "class Body(list):\n    def close(self):\n        print('closed')\n"
        "def handler(environ, start):\n    start('200 OK', [])\n    return Body([b'x'])\n"
    )
    assert send(platform, "GET", "~/").body == b"x"
    assert "closed" not in platform.log(SERVICE, FUNCTION)


def test_reserved_response_headers_are_dropped(platform: FunctionCompute, deploy: Deployer) -> None:
    """Headers that the platform keeps for itself never reach the caller."""
    dropped = [
        "X-Fc-Mine",
        "Connection",
        "Date",
        "Keep-Alive",
        "Server",
        "Upgrade",
        "Content-Encoding",
        "Trailer",
    ]
    deploy.http(
        _answer(
            headers=[*[(name, "x") for name in dropped], ("Content-Length", "99"), ("X-Kept", "x")],
            body="b'ok'",
        )
    )
    reply = send(platform, "GET", "~/")
    assert reply.body == b"ok"
    assert reply.headers["X-Kept"] == "x"
    assert not [name for name in dropped if reply.headers[name]]


@pytest.mark.parametrize(
    "source",
    [
        _answer(headers=[("X-Large", "x" * 8200)]),
        _answer(headers=[("X-Number", 1)]),
        _answer(headers=[("X-Lines", "a\r\nSet-Cookie: b")]),
        _answer(status="99 Low"),
        _answer(body="[b'x' * (32 * 1024 * 1024 + 1)]"),
    ],
    ids=["large", "number", "lines", "status", "body"],
)
def test_bad_response(platform: FunctionCompute, deploy: Deployer, source: str) -> None:
    """An answer over the limits, or one that HTTP cannot carry, is a 502 BadResponse."""
    deploy.http(source)
    reply = send(platform, "POST", "~/")
    assert (reply.status, reply.code, reply.headers["X-Fc-Error-Type"]) == (
        502,
        "BadResponse",
        "UnhandledInvocationError",
    )


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("def handler(e, s): raise ValueError('no 告警')", "ValueError", "no 告警"),
        ("def handler(e, s): return 5", "Exception", "invalid response type"),
        ("def handler(e, s): return [b'x']", "RuntimeError", "start_response was not called"),
        (
            "def handler(e, s):\n s('200 OK', [('a', b'b')])\n return []",
            "TypeError",
            "Object of type bytes is not JSON",
        ),
        ("def handler(", "UserCodeSyntaxError", "Syntax error in module 'index'"),
    ],
)
def test_exception(
    platform: FunctionCompute, deploy: Deployer, source: str, kind: str, message: str
) -> None:
    """What the function raises reaches the caller as a 502 with the runtime's JSON:
    facts/function-compute.md §1.6.
    """
    deploy.http(source)
    reply = send(platform, "POST", "~/")
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (502, "UnhandledInvocationError")
    assert reply.json["errorType"] == kind
    assert reply.json["errorMessage"].startswith(message)
    assert kind in platform.log(SERVICE, FUNCTION)
    if kind == "ValueError":
        runtime, own = reply.json["stackTrace"]
        assert runtime[0].endswith('bootstrap.py"')
        assert (own[1], own[2]) == ("line 1", "in handler")
        assert own[3].startswith("def handler")


def test_methods_of_the_trigger(platform: FunctionCompute, deploy: Deployer) -> None:
    """A method that the trigger does not list is refused with 403; the function is not called."""
    deploy.function(ECHO)
    deploy.trigger(methods=("GET",))
    reply = send(platform, "DELETE", "~/")
    assert (reply.status, reply.code, reply.headers["X-Fc-Error-Type"]) == (
        403,
        "AccessDenied",
        "FcCommonError",
    )
    assert platform.log(SERVICE, FUNCTION) == ""


def test_no_trigger(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """A function without an HTTP trigger for the qualifier is a 404."""
    deploy.function(ECHO)
    assert (send(platform, "GET", "~/").status, send(platform, "GET", "~/").code) == (
        404,
        "TriggerNotFound",
    )
    deploy.trigger()
    client.publish_version(SERVICE)
    assert (
        send(platform, "GET", f"/2016-08-15/proxy/{SERVICE}.1/{FUNCTION}/").code
        == "TriggerNotFound"
    )
    assert send(platform, "GET", f"/2016-08-15/proxy/{SERVICE}/none/").code == "FunctionNotFound"
    assert send(platform, "GET", f"/2016-08-15/proxy/none/{FUNCTION}/").code == "ServiceNotFound"


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("~/" + "x" * 4096, b"", {}),
        ("~/?" + "x" * 4096, b"", {}),
        ("~/", b"", {"X-Large": "x" * 8192}),
        ("~/", b"x" * (32 * 1024 * 1024 + 1), {}),
        ("~/", b"x" * (128 * 1024 + 1), {"X-Fc-Invocation-Type": "Async"}),
    ],
    ids=["path", "query", "headers", "body", "async-body"],
)
def test_limits(
    platform: FunctionCompute, deploy: Deployer, path: str, body: bytes, headers: dict[str, str]
) -> None:
    """A request over a limit of facts/function-compute.md §1.9 is a 400 InvalidArgument."""
    deploy.http(ECHO)
    reply = send(platform, "POST", path, body, headers)
    assert (reply.status, reply.code) == (400, "InvalidArgument")


def test_within_the_limits(platform: FunctionCompute, deploy: Deployer) -> None:
    """What is just within the limits passes."""
    deploy.http(
        "def handler(e, s):\n s('200 OK', [('X', 'x' * 8000)])\n return"
        " [str(len(e['wsgi.input'].read()))]\n"
    )
    path = "~/" + "x" * (4096 - len(_PREFIX) - 1)
    reply = send(platform, "POST", path, b"x" * (1024 * 1024), {"X-Large": "x" * 7900})
    assert (reply.status, reply.body) == (200, b"1048576")


def test_chunked_body(platform: FunctionCompute, deploy: Deployer) -> None:
    """A body that comes in chunks arrives whole, and the connection can be used again."""
    deploy.http(ECHO)
    with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)) as connection:
        for _ in range(2):
            chunks = iter([b"one ", b"two"])
            connection.request(
                "POST", f"{_PREFIX}/", chunks, {"Transfer-Encoding": "chunked"}, encode_chunked=True
            )
            assert json.loads(connection.getresponse().read())["body"] == "one two"


def test_log_tail(platform: FunctionCompute, deploy: Deployer) -> None:
    """X-Fc-Log-Type: Tail brings the last 4 KB that the request has written."""
    deploy.http(
        "def handler(e, s):\n print('x' * 5000)\n print('the end')\n s('200 OK', [])\n return []\n"
    )
    reply = send(platform, "GET", "~/", headers={"X-Fc-Log-Type": "Tail"})
    tail = base64.b64decode(reply.headers["X-Fc-Log-Result"]).decode()
    assert len(tail) == 4096
    assert tail.endswith(f"the end\nFC Invoke End RequestId: {reply.headers['X-Fc-Request-Id']}\n")
    assert send(platform, "GET", "~/").headers["X-Fc-Log-Result"] is None


def test_nothing_but_the_package_is_on_the_path(
    platform: FunctionCompute, deploy: Deployer
) -> None:
    """A function finds its package and the standard library of Python 3.10, and nothing that is
    installed here.
    """
    deploy.http(
        "import sys, json, importlib.util as u\n"
        "def handler(e, s):\n"
        " s('200 OK', [])\n"
        " found = [n for n in ('flask', 'fc2', 'pytest', 'local', 'runtime', 'site') if"
        " u.find_spec(n)]\n"
        " return [json.dumps([list(sys.version_info[:2]), found, sys.path[0],"
        " e['FC_FUNC_CODE_PATH']])]\n"
    )
    version, found, first, code = send(platform, "GET", "~/").json
    assert version == [3, 10]
    assert found == ["site"]
    assert first == code


def test_environment_of_the_caller_stays_out(
    monkeypatch: pytest.MonkeyPatch, platform: FunctionCompute, deploy: Deployer
) -> None:
    """An instance has its function's variables, never those of the process that serves it."""
    monkeypatch.setenv("CANARY", "1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    deploy.http(ECHO)
    assert {"CANARY", "PYTHONPATH"}.isdisjoint(send(platform, "GET", "~/").json["environ"])


def test_plain_port(platform: FunctionCompute, deploy: Deployer) -> None:
    """The plain port passes requests on without prefix, signature or forced download; the trigger's
    methods hold.
    """
    deploy.http(ECHO, auth="function")
    with PlainPort(platform, SERVICE, FUNCTION) as plain:
        plain.serve()
        reply = send(plain.url, "GET", "/v1/x%20y?a=1")
        environ = reply.json["environ"]
        assert (environ["PATH_INFO"], environ["fc.request_uri"]) == ("/v1/x y", "/v1/x%20y?a=1")
        assert environ["HTTP_HOST"] == plain.url.removeprefix("http://")
        assert reply.headers["Content-Disposition"] is None
        assert send(plain.url, "PATCH", "/").status == 403


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "X-1"])
def test_methods_that_no_trigger_has(
    platform: FunctionCompute, deploy: Deployer, method: str
) -> None:
    """Any method that the trigger lacks is refused as the platform refuses it, by 403 in its own
    JSON (facts/function-compute.md §1.6), never by a page of the web server.
    """
    deploy.http(ECHO, auth="anonymous")
    with PlainPort(platform, SERVICE, FUNCTION) as plain:
        plain.serve()
        reply = send(plain.url, method, "/v1/x")

    assert (reply.status, reply.code) == (403, "AccessDenied")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Fc-Request-Id"]


@pytest.mark.parametrize(
    "head",
    [b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n"],
)
def test_heads_that_cannot_be_read(
    platform: FunctionCompute, deploy: Deployer, head: bytes
) -> None:
    """What is no HTTP is refused in the platform's JSON too, and the connection ends."""
    deploy.http(ECHO)
    with (
        PlainPort(platform, SERVICE, FUNCTION) as plain,
        socket.create_connection((plain.url[7:].partition(":")[0], plain.port), 30) as connection,
    ):
        plain.serve()
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["ErrorCode"] == "InvalidArgument"


def test_plain_port_of_an_alias(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer
) -> None:
    """With a qualifier the plain port serves what the alias points at."""
    deploy.function(_answer(body="b'one'"))
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    deploy.trigger(qualifier="prod")
    deploy.update(_answer(body="b'two'"))
    with PlainPort(platform, SERVICE, FUNCTION, "prod") as plain:
        plain.serve()
        assert send(plain.url, "GET", "/").body == b"one"
        client.publish_version(SERVICE)
        client.update_alias(SERVICE, "prod", "2")
        assert send(plain.url, "GET", "/").body == b"two"


@pytest.mark.parametrize(
    ("given", "passed"), [("inline", "inline"), ("attachment; filename=x", None)]
)
def test_content_disposition(
    platform: FunctionCompute, deploy: Deployer, given: str, passed: str | None
) -> None:
    """A function cannot force a download; the default domain always does."""
    deploy.http(_answer(headers=[("Content-Disposition", given)]))
    assert send(platform, "GET", "~/").headers.get_all("Content-Disposition") == ["attachment"]
    with PlainPort(platform, SERVICE, FUNCTION) as plain:
        plain.serve()
        assert send(plain.url, "GET", "/").headers["Content-Disposition"] == passed


def test_no_content(platform: FunctionCompute, deploy: Deployer) -> None:
    """A 204 has no body, whatever the function returns, and the connection can be used again."""
    deploy.http(_answer("204 No Content", body="b'unwanted'"))
    with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)) as connection:
        for _ in range(2):
            connection.request("GET", f"{_PREFIX}/")
            answer = connection.getresponse()
            assert (answer.status, answer.read(), answer.headers["Content-Length"]) == (
                204,
                b"",
                None,
            )
