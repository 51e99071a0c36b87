"""The vendor's client of Function Compute 3.0, and a web function in a few lines."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.runtime import RuntimeOptions

from local.function_compute import FunctionCompute

FUNCTION = "fn"
ROLE = "acs:ram::1234567890123456:role/contact-groups"
#: Shows what it is sent: `GET /` and the like answer the request as JSON. `/die` ends the process,
#: `/meet/{n}` waits until n requests are there at once, `/slow` until it is told to end.
SERVER = r"""
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen, gate = [], threading.Condition()
meeting = {"here": 0, "most": 0}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        control = self.headers.get("x-fc-control-path")
        if control != "/http-invoke":
            seen.append(control)
        if self.path == "/die":
            os._exit(7)
        if self.path.startswith("/meet/"):
            self.meet(int(self.path[6:]))
        if self.path == "/slow":
            print("slow begins", flush=True)
            ending.wait(20)
        if control == "/invoke" and body.startswith(b"fail"):
            return self.send(b"it failed", [("x-fc-status", "404")])
        if control == "/initialize" and os.environ.get("BROKEN"):
            return self.send(b"no", [("x-fc-status", "404")])
        if control == "/pre-stop":
            print("pre-stop", flush=True)
        print("served", self.headers.get("x-fc-request-id"), self.path, flush=True)
        shown = {
            "method": self.command, "path": self.path, "headers": self.headers.items(),
            "body": body.decode("utf-8", "replace"), "pid": os.getpid(), "seen": seen,
            "environment": dict(os.environ), "folder": os.getcwd(), "most": meeting["most"],
            "version": sys.version.split()[0], "path_of_python": sys.path,
        }
        own = [("X-Fc-Mine", "1"), ("X-Kept", "a"), ("X-Kept", "b"), ("Server", "mine")]
        self.send(json.dumps(shown).encode(), own)

    def meet(self, number):
        print("meets", flush=True)
        with gate:
            meeting["here"] += 1
            meeting["most"] = max(meeting["most"], meeting["here"])
            gate.notify_all()
            gate.wait_for(lambda: meeting["most"] >= number, 20)
            meeting["here"] -= 1

    def send(self, body, fields):
        self.send_response_only(200)
        for name, value in [("Content-Type", "application/json"), *fields]:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve

    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False

ending = threading.Event()
server = Server(("0.0.0.0", int(os.environ["FC_CUSTOM_LISTEN_PORT"])), Handler)

def end(*_):
    ending.set()
    threading.Thread(target=server.shutdown).start()

signal.signal(signal.SIGTERM, end)
server.serve_forever(0.01)
print("ended", flush=True)
os._exit(0)
"""


def client_of(platform: FunctionCompute, key: str = "testid:testsecret") -> Client:
    """The unmodified client, as a deployment would make it."""
    key_id, _, secret = key.partition(":")
    return Client(
        Config(
            access_key_id=key_id,
            access_key_secret=secret,
            endpoint=platform.url.removeprefix("http://"),
            protocol="http",
        )
    )


def pack(files: Mapping[str, str]) -> models.InputCodeLocation:
    """The files as a package."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return models.InputCodeLocation(zip_file=base64.b64encode(packed.getvalue()).decode())


class Deployer3:
    """Deploys small functions, and calls them."""

    def __init__(self, platform: FunctionCompute) -> None:
        self.platform = platform
        self.client = client_of(platform)

    def web(self, source: str = SERVER, **options: Any) -> None:
        """Creates a web function from the source of its server."""
        config = models.CustomRuntimeConfig(command=["python3", "server.py"], port=9000)
        options = {
            "runtime": "custom.debian10",
            "instance_concurrency": 100,
            "timeout": 30,
            "custom_runtime_config": config,
            "environment_variables": {},
            **options,
        }
        variables = {
            "PATH": "/var/fc/lang/python3.10/bin:/usr/bin:/bin",
            **options.pop("environment_variables"),
        }
        self.create({"server.py": source}, environment_variables=variables, **options)

    def create(self, files: Mapping[str, str], **options: Any) -> None:
        """Creates a function."""
        body = models.CreateFunctionInput(
            **{"function_name": FUNCTION, "handler": "index.handler", **options}, code=pack(files)
        )
        self.client.create_function(models.CreateFunctionRequest(body=body))

    def update(self, **options: Any) -> None:
        """Changes the function."""
        body = models.UpdateFunctionInput(**options)
        self.client.update_function(FUNCTION, models.UpdateFunctionRequest(body=body))

    def trigger(
        self, name: str = "http", kind: str = "http", config: Any = None, **options: Any
    ) -> str:
        """Creates a trigger; returns its URL, where it has one."""
        anonymous = {"authType": "anonymous", "methods": ["GET", "POST", "PUT", "HEAD"]}
        body = models.CreateTriggerInput(
            trigger_name=name,
            trigger_type=kind,
            trigger_config=json.dumps(anonymous if config is None else config),
            **{"qualifier": "LATEST", **options},
        )
        made = self.client.create_trigger(FUNCTION, models.CreateTriggerRequest(body=body)).body
        return made.http_trigger.url_internet if made.http_trigger else ""

    def invoke(self, payload: bytes = b"", qualifier: str | None = None, **headers: str) -> Any:
        """InvokeFunction; `headers` are x_fc_invocation_type and x_fc_log_type."""
        return self.client.invoke_function_with_options(
            FUNCTION,
            models.InvokeFunctionRequest(qualifier=qualifier, body=io.BytesIO(payload)),
            models.InvokeFunctionHeaders(**headers),
            RuntimeOptions(read_timeout=30_000),
        )

    def shown(self, payload: bytes = b"") -> Any:
        """What the web function says of an invocation."""
        return json.loads(self.invoke(payload).body.read())

    def alias(self, version: str, name: str = "live") -> None:
        """Publishes a version, and names it."""
        self.client.publish_function_version(
            FUNCTION, models.PublishFunctionVersionRequest(body=models.PublishVersionInput())
        )
        body = models.CreateAliasInput(alias_name=name, version_id=version)
        self.client.create_alias(FUNCTION, models.CreateAliasRequest(body=body))

    def async_config(self, retries: int, destination: str) -> None:
        """Sets the retries and the failure destination of the latest version."""
        failure = models.DestinationConfig(on_failure=models.Destination(destination=destination))
        body = models.PutAsyncInvokeConfigInput(
            max_async_retry_attempts=retries, destination_config=failure
        )
        self.client.put_async_invoke_config(
            FUNCTION, models.PutAsyncInvokeConfigRequest(body=body, qualifier="LATEST")
        )

    def log(self) -> str:
        """What the function has written."""
        return self.platform.log("", FUNCTION)
