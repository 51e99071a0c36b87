"""Probe functions on Function Compute: deployed, asked and deleted, on 2.0 and 3.0."""

from __future__ import annotations

import base64
import http.client
import io
import json
import logging
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from contact_groups.cloudmonitor import signature
from contact_groups.cloudmonitor.credentials import Credentials
from deploy.errors import DeployError

from .asking import Asked, Case, Interrupted, UsedUp
from .redaction import Redactor
from .wire import V3, NoAnswer

_PROBES = Path(__file__).parent / "probes"
_METHODS = ["GET", "POST"]
#: The trigger's address may take a moment until it answers.
_STARTS, _START_PAUSE = 5, 2.0


class Reply(NamedTuple):
    """One answer of the platform.

    Attributes:
        status: the HTTP status.
        headers: by lower-case name.
        body: as it came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def shown(self) -> dict[str, Any]:
        """What the probe says; empty where it is not the probe that answered."""
        try:
            shown = json.loads(self.body)
        except ValueError:
            return {}
        return shown if isinstance(shown, dict) and "instance" in shown else {}

    @property
    def word(self) -> str:
        """The answer in a few words: `success`, or status and code."""
        if self.shown:
            return "success"
        try:
            members = json.loads(self.body)
            code = members.get("ErrorCode") or members.get("Code") or members.get("errorType")
        except (ValueError, AttributeError):
            code = None
        kind = self.headers.get("x-fc-error-type", "")
        return " ".join(str(part) for part in (self.status, code, kind) if part)


def _environment(held: Credentials) -> dict[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": held.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": held.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": held.security_token,
    }


class Platform:
    """What both platforms have.

    Args:
        held: the credentials.
        prefix: of every name.
        region: of the functions.
        endpoint: the URL of its API.
        role: the ARN of a role for the probes; empty for none.

    Attributes:
        existing: what may exist because of this run: kind and names.
        kinds: the probes: a name, and the module of `probes`.
    """

    kinds: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, held: Credentials, prefix: str, region: str, endpoint: str, role: str
    ) -> None:
        self.held = held
        self.existing: list[tuple[str, ...]] = []
        self._prefix, self._region, self._role = prefix, region, role
        self._endpoint = endpoint.rstrip("/")

    def deploy(self, name: str, module: str, auth: str) -> str:
        """Deploys a probe with an HTTP trigger; returns the URL that its requests go to.

        Raises:
            DeployError: it cannot be deployed.
        """
        raise NotImplementedError

    def sign(self, name: str, secret: str) -> dict[str, str]:
        """The headers that sign `GET /` of a probe."""
        raise NotImplementedError

    def clean(self) -> list[str]:
        """Deletes everything; returns what may be left."""
        left = []
        for resource in reversed(self.existing):
            try:
                self._delete(*resource)
            except Exception:  # whatever it is: the others are deleted too
                left.append(" ".join(resource))
        return left

    def _delete(self, kind: str, *names: str) -> None:
        raise NotImplementedError


class Platform2(Platform):
    """Function Compute 2.0, by aliyun-fc2."""

    kinds: ClassVar = {"http": "http_2"}

    def __init__(self, *arguments: Any) -> None:
        from deploy.fc20.client import connect

        super().__init__(*arguments)
        environment = _environment(self.held)
        self._client = connect(environment, self._endpoint, None, self._region)
        self._service = f"{self._prefix}service"

    def deploy(self, name: str, module: str, auth: str) -> str:
        """See `Platform`."""
        from deploy.fc20.client import attempt

        service, create = self._service, self._client.create_function
        if not self.existing:
            self.existing.append(("service", service))
            attempt("the service", self._client.create_service, service, role=self._role or None)
        self.existing.append(("function", service, name))
        with tempfile.TemporaryDirectory() as folder:
            code = (_PROBES / f"{module}.py").read_text()
            (Path(folder) / "index.py").write_text(code)
            place = (service, name, "python3.10", "index.handler")
            attempt("the probe", create, *place, codeDir=folder, timeout=30)
        self.existing.append(("trigger", service, name))
        config = {"authType": auth, "methods": _METHODS}
        trigger = (service, name, "http", "http", config, None, None)
        attempt("its trigger", self._client.create_trigger, *trigger)
        return f"{self._endpoint}/2016-08-15/proxy/{service}/{name}"

    def sign(self, name: str, secret: str) -> dict[str, str]:
        """See `Platform`."""
        import fc2

        client = fc2.Client(
            endpoint=self._endpoint,
            accessKeyID=self.held.access_key_id,
            accessKeySecret=secret,
            securityToken=self.held.security_token,
        )
        path = f"/2016-08-15/proxy/{self._service}/{name}/"
        return dict(client._build_common_headers("GET", path, {}, {}))

    def _delete(self, kind: str, *names: str) -> None:
        import fc2

        names = (*names, "http") if kind == "trigger" else names
        try:
            getattr(self._client, f"delete_{kind}")(*names)
        except fc2.FcError as error:
            if error.status_code != 404:
                raise


class Platform3(Platform):
    """Function Compute 3.0, by alibabacloud_fc20230330."""

    kinds: ClassVar = {"event": "event_3", "web": "web_3"}

    def __init__(self, *arguments: Any) -> None:
        from deploy.fc30.client import connect

        super().__init__(*arguments)
        self._client = connect(_environment(self.held), self._endpoint, self._region)
        self._hosts: dict[str, str] = {}

    def deploy(self, name: str, module: str, auth: str) -> str:
        """See `Platform`."""
        from alibabacloud_fc20230330 import models

        from deploy.fc30.client import attempt

        web = module.startswith("web")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("index.py", (_PROBES / f"{module}.py").read_text())
        code = models.InputCodeLocation(zip_file=base64.b64encode(packed.getvalue()).decode())
        more: dict[str, Any] = {"runtime": "python3.10", "handler": "index.handler"}
        if web:
            more = {
                "runtime": "custom.debian10",
                "handler": "index.handler",
                "instance_concurrency": 10,
                "custom_runtime_config": models.CustomRuntimeConfig(
                    command=["python3", "index.py"], port=9000
                ),
                "environment_variables": {
                    "PATH": "/var/fc/lang/python3.10/bin:/usr/local/bin:/usr/bin:/bin"
                },
            }
        whole = self._prefix + name
        self.existing.append(("function", whole))
        body = models.CreateFunctionInput(
            function_name=whole, code=code, timeout=30, role=self._role or None, **more
        )
        request = models.CreateFunctionRequest(body=body)
        attempt("the probe", self._client.create_function, request)
        self.existing.append(("trigger", whole))
        config = json.dumps({"authType": auth, "methods": _METHODS})
        trigger = models.CreateTriggerInput(
            trigger_name="http", trigger_type="http", trigger_config=config, qualifier="LATEST"
        )
        made = attempt(
            "its trigger",
            self._client.create_trigger,
            whole,
            models.CreateTriggerRequest(body=trigger),
        ).body
        url = str(made.http_trigger.url_internet).rstrip("/")
        self._hosts[name] = urlsplit(url).netloc
        return url

    def sign(self, name: str, secret: str) -> dict[str, str]:
        """See `Platform`."""
        headers = {
            "host": self._hosts[name],
            "x-acs-content-sha256": signature.EMPTY_SHA256,
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": str(uuid.uuid4()),
        }
        if self.held.security_token:
            headers["x-acs-security-token"] = self.held.security_token
        value = signature.sign_v3(secret, "GET", "", headers).value
        names = signature.signed_headers(headers)
        credential = f"{V3} Credential={self.held.access_key_id}"
        return {**headers, "authorization": f"{credential},SignedHeaders={names},Signature={value}"}

    def _delete(self, kind: str, *names: str) -> None:
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

        names = (*names, "http") if kind == "trigger" else names
        try:
            getattr(self._client, f"delete_{kind}")(*names)
        except AlibabaCloudException as error:
            if error.status_code != 404:
                raise


class ProbeAsker:
    """What a case of Function Compute asks with; attributes as those of `asking.Asker`."""

    def __init__(
        self,
        platform: Platform,
        redactor: Redactor,
        *,
        most: int = 150,
        stopping: threading.Event | None = None,
    ) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        self.platform = platform
        self.calls = 0
        self.stopping = stopping or threading.Event()
        self._redactor, self._most = redactor, most
        self._urls: dict[tuple[str, str], str] = {}
        self._asked = Asked()
        self._left = 0

    def run(self, case: Case) -> Asked:
        """Asks one case of each kind of probe."""
        self._asked, self._left = Asked(), case.calls * len(self.platform.kinds)
        for kind in self.platform.kinds:
            self.kind = kind
            try:
                case.ask(self)
            except (NoAnswer, DeployError, ValueError, KeyError) as error:
                text = self._redactor.text(f"{kind}: {type(error).__name__}: {error}")
                self._asked.failed = text
        return self._asked

    def found(self, what: str, value: Any) -> None:
        """Notes the answer to a question."""
        self._asked.found[f"{self.kind}: {what}"] = value

    def get(
        self,
        target: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        auth: str = "anonymous",
        signed: str = "",
    ) -> Reply:
        """Sends one request to the probe.

        Args:
            target: path and query, percent-encoded.
            method: the HTTP method.
            headers: its headers.
            body: its body.
            auth: which trigger: anonymous or function.
            signed: `right` or `wrong` for a signature.

        Raises:
            Interrupted, UsedUp: no call is made any more.
            NoAnswer, DeployError: there is none, or no probe.
        """
        url = self._url(auth)
        self._count()
        sent = dict(headers or {})
        if signed:
            secret = self.platform.held.access_key_secret
            sent |= self.platform.sign(self._name(auth), secret if signed == "right" else "wrong")
        reply = _send(url, method, target, sent, body)
        shown = self._redactor.answer(*reply)
        if reply.shown:
            shown["body"] = "<what the probe was given>"
        self._asked.exchanges.append(
            {
                "call": f"{method} {target if len(target) < 100 else f'<{len(target)} bytes>'}",
                "to": f"{self.kind}, {auth}" + (f", signed {signed}" if signed else ""),
                "headers": sorted(headers or {}),
                "body": f"<{len(body)} bytes>" if body else "",
                "answer": shown,
            }
        )
        return reply

    def both(self, target: str) -> list[Reply]:
        """Sends two requests at once."""
        self._url("anonymous")
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self.get, [target] * 2))

    def clean(self) -> list[str]:
        """Deletes the probes; returns what may be left."""
        return self.platform.clean()

    def _name(self, auth: str) -> str:
        return f"{self.kind}-{auth}"

    def _count(self) -> None:
        if self.stopping.is_set():
            raise Interrupted
        if self.calls >= self._most or self._left <= 0:
            raise UsedUp
        self.calls += 1
        self._left -= 1

    def _url(self, auth: str) -> str:
        place = (self.kind, auth)
        if place in self._urls:
            return self._urls[place]
        if self.stopping.is_set():
            raise Interrupted
        self.calls += 3
        module = self.platform.kinds[self.kind]
        url = self.platform.deploy(self._name(auth), module, auth)
        for _ in range(_STARTS):
            try:
                if _send(url, "GET", "/", {}, None).status < 500:
                    break
            except NoAnswer:
                pass
            if self.stopping.wait(_START_PAUSE):
                raise Interrupted
        self._urls[place] = url
        return url


def _send(
    url: str, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> Reply:
    parts = urlsplit(url)
    https = parts.scheme == "https"
    kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=40)
    try:
        connection.request(method, parts.path + target, body, dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(type(error).__name__) from None
    finally:
        connection.close()
