"""One variant in one fresh process, as Function Compute would hold it; the parent measures by
asking.

`python -I -S worker.py PATH MODULE FD`: PATH is the package (or several folders, as in PYTHONPATH),
MODULE is `index` or a yardstick, FD takes the answers. The first line on FD is the cold start; then
each command on standard input is answered by one line of JSON. Only what every variant imports
anyway is imported before the cold start is over.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

BODY = (
    b'{"contactNames": ["Alice", "Bob", "\\u544a\\u8b66\\u8054\\u7cfb\\u4eba"], '
    b'"describe": "On-call engineers of the payment service"}'
)
CREDENTIALS = SimpleNamespace(
    access_key_id="testid", access_key_secret="testsecret", security_token=""
)

PATH = "/v1/contact-groups/payments"
AUTHORIZATION = "FC LTAI5tBench0000000000000:l6zkGfYkVSbUd4uBV5XTVLZB5IYAAAAAAAAAAAAAAAA="

App = Callable[[dict[str, Any], Callable[..., Any]], Any]


def request(app: App, method: str = "PUT", path: str = PATH) -> None:
    """One request as the platform makes it (facts/function-compute.md §1.2), a PUT with its body or
    a GET; anything but a 200 ends the process.
    """
    body = BODY if method == "PUT" else b""
    context = SimpleNamespace(request_id="fc-request-1", credentials=CREDENTIALS)
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "FCRUNTIME/1.0",
        "HTTP": "on",
        "HTTP_HOST": "123456789.cn-hangzhou.fc.aliyuncs.com",
        "HTTP_USER_AGENT": "curl/8.5.0",
        "HTTP_ACCEPT": "*/*",
        "HTTP_AUTHORIZATION": AUTHORIZATION,
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "fc.request_uri": f"/2016-08-15/proxy/contact-groups/http{path}",
        "fc.context": context,
    }
    statuses: list[str] = []
    answer = b"".join(app(environ, lambda status, _, __=None: statuses.append(status)))
    if not statuses[0].startswith("200"):
        os.write(2, f"{statuses[0]}: {answer!r}\n".encode())
        os._exit(1)


def load(module: str) -> App:
    """Imports the variant and makes it ready, as the platform does."""
    if module != "index":
        app: App = __import__(module).app
        return app
    index = __import__("index")
    index.initializer(SimpleNamespace(request_id="fc-initializer"))
    handler: App = index.handler
    return handler


def warm(app: App, count: int, method: str = "PUT", path: str = PATH) -> float:
    """CPU seconds a request."""
    started = time.process_time()
    for _ in range(count):
        request(app, method, path)
    return (time.process_time() - started) / count


def memory(_app: App) -> dict[str, int]:
    """Resident memory now and at its peak, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return {
        name: int(lines[field].split()[0]) * 1024
        for name, field in (("now", "VmRSS"), ("peak", "VmHWM"))
    }


def modules(_app: App) -> list[str]:
    """What is imported."""
    return sorted(sys.modules)


def calls(app: App, count: int) -> int:
    """How many functions one request calls, in Python and in C: the least of count requests."""
    return min(_calls(app) for _ in range(count))


def _calls(app: App) -> int:
    seen = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        request(app)
    finally:
        sys.setprofile(None)
    return seen


def concurrent(app: App, threads: int, count: int) -> dict[str, float]:
    """Requests a second, the 99th percentile of their seconds, and CPU seconds a request, of
    threads with count each.
    """
    import threading

    barrier = threading.Barrier(threads + 1)
    seconds: list[float] = []

    def run() -> None:
        request(app)  # opens this thread's connection
        barrier.wait()
        for _ in range(count):
            started = time.perf_counter()
            request(app)
            seconds.append(time.perf_counter() - started)

    started_threads = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started_threads:
        thread.start()
    barrier.wait()
    started, cpu = time.perf_counter(), time.process_time()
    for thread in started_threads:
        thread.join()
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    seconds.sort()
    return {
        "per_second": len(seconds) / wall,
        "p99": seconds[len(seconds) * 99 // 100],
        "cpu": cpu / len(seconds),
    }


def validate_and_sign(_app: App, size: str, count: int) -> float:
    """CPU seconds to read, validate and sign one group: the smallest there is, or a largest."""
    import json

    from contact_groups.cloudmonitor.calls import Stamp, v3_request
    from contact_groups.cloudmonitor.credentials import Credentials
    from contact_groups.cloudmonitor.endpoints import Endpoint
    from contact_groups.cloudmonitor.operations import put_contact_group
    from contact_groups.payload import parse_json
    from contact_groups.schemas import load_contact_group

    names = {
        "smallest": ["a"],
        "largest": [f"{number:03d}{'x' * 252}" for number in range(100)],
        # as much Chinese as fits into the query, at nine bytes a character
        "largest, Chinese": [f"{number:03d}{'警' * 130}" for number in range(100)],
    }[size]
    document = {"contactGroupName": "g", "contactNames": names, "describe": "d"}
    body = json.dumps(document, ensure_ascii=False).encode()
    endpoint, credentials = (
        Endpoint("https", "metrics.cn-hangzhou.aliyuncs.com", 443),
        Credentials("id", "secret"),
    )
    stamp = Stamp("00000000-0000-0000-0000-000000000000", 1_700_000_000.0)
    started = time.process_time()
    for _ in range(count):
        group = load_contact_group(parse_json(body))
        v3_request(put_contact_group(group), endpoint, credentials, stamp)
    return (time.process_time() - started) / count


def hostile(app: App, count: int) -> dict[str, float]:
    """CPU seconds of the largest legal request and of the dearest hostile one, the least of count
    tries; each under `legal: ` or `hostile: ` and its name.
    """
    sys.path.append(os.path.dirname(os.path.dirname(__file__)))
    from bench.hostile import HOSTILE, LEGAL

    context = SimpleNamespace(request_id="fc-request-1", credentials=CREDENTIALS)
    seen = {}
    for kind, requests in (("legal", LEGAL), ("hostile", HOSTILE)):
        for name, make in requests.items():
            request = make()
            tries = []
            for _ in range(count):
                environ = {**request.environ(), "fc.context": context}
                started = time.process_time()
                b"".join(app(environ, lambda *_: None))
                tries.append(time.process_time() - started)
            seen[f"{kind}: {name}"] = min(tries)
    return seen


def read_answer(_app: App, reader: str, count: int) -> float:
    """CPU seconds to read one answer of the upstream from memory, by our reader or by
    http.client's.
    """
    import http.client

    from contact_groups.cloudmonitor import http1

    sys.path.append(os.path.dirname(os.path.dirname(__file__)))
    from bench.stub import ANSWER, BODY

    def ours() -> bytes:
        return http1.read_response(io.BufferedReader(io.BytesIO(ANSWER)))[2]

    def theirs() -> bytes:
        stream: Any = SimpleNamespace(makefile=lambda _mode: io.BufferedReader(io.BytesIO(ANSWER)))
        response = http.client.HTTPResponse(stream, method="POST")
        response.begin()
        return response.read()

    read = {"ours": ours, "http.client": theirs}[reader]
    started = time.process_time()
    for _ in range(count):
        assert read() == BODY
    return (time.process_time() - started) / count


def main() -> None:
    """Answers the cold start, then commands."""
    path, module, descriptor = sys.argv[1:4]
    sys.path[:1] = path.split(os.pathsep)
    started = time.process_time()
    app = load(module)
    request(app)
    ended = time.process_time()
    peak = memory(app)["peak"]

    import json

    def answer(value: Any) -> None:
        os.write(int(descriptor), json.dumps(value).encode() + b"\n")

    answer({"cpu": ended, "imports_and_request": ended - started, "peak": peak})
    commands: dict[str, Callable[..., Any]] = {
        "warm": warm,
        "memory": memory,
        "modules": modules,
        "calls": calls,
        "concurrent": concurrent,
        "validate_and_sign": validate_and_sign,
        "read_answer": read_answer,
        "hostile": hostile,
    }
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer(commands[name](app, *arguments))


if __name__ == "__main__":
    main()
