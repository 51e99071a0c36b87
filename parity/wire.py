"""One signed call of CloudMonitor over a connection of the standard library.

The function's own client retries and reads leniently. Here an answer is kept as it came.
"""

from __future__ import annotations

import http.client
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from contact_groups.cloudmonitor import signature
from contact_groups.cloudmonitor.answers import Answer, read_answer
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.operations import VERSION
from contact_groups.cloudmonitor.transport import RawAnswer

V3, RPC = signature.ALGORITHM_V3, signature.ALGORITHM_RPC
TIMEOUT = 10.0  # seconds for each step of a call
_HOUR = 3600.0


class NoAnswer(Exception):
    """The call has no answer; the text says why, without the host's address."""


@dataclass(frozen=True)
class Call:
    """One call before it is signed.

    Attributes:
        action: the operation.
        parameters: its business parameters.
        algorithm: V3 or RPC.
        method: GET or POST.
        form: JSON or XML, as the answer is asked for.
        wrong: what is wrong on purpose: key, secret, time, version, nonce; empty for nothing.
        nonce: the nonce; empty for a new one.
    """

    action: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = V3
    method: str = "POST"
    form: str = "JSON"
    wrong: str = ""
    nonce: str = ""

    def signed(self, endpoint: Endpoint, held: Credentials) -> tuple[str, dict[str, str]]:
        """The target and the headers of the request."""
        late = _HOUR if self.wrong == "time" else 0.0
        common = {
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - late)),
            "SignatureNonce": self.nonce or str(uuid.uuid4()),
            "Version": "2001-01-01" if self.wrong == "version" else VERSION,
        }
        key = "LTAIparityunknown" if self.wrong == "key" else held.access_key_id
        secret = "wrong" if self.wrong == "secret" else held.access_key_secret
        sign = _v3 if self.algorithm == V3 else _rpc
        target, headers = sign(
            self, endpoint, Credentials(key, secret, held.security_token), common
        )
        # On POST without a body the gateway may want a length.
        length = {"content-length": "0"} if self.method == "POST" else {}
        return target, {"user-agent": "contact-groups-parity", **length, **headers}


def _v3(
    call: Call, endpoint: Endpoint, held: Credentials, common: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    parameters = dict(call.parameters)
    if call.form != "JSON":
        parameters["Format"] = call.form
    query = signature.canonical_query(parameters)
    headers = {
        "host": endpoint.authority,
        "x-acs-action": call.action,
        "x-acs-content-sha256": signature.EMPTY_SHA256,
        "x-acs-date": common["Timestamp"],
        "x-acs-signature-nonce": common["SignatureNonce"],
        "x-acs-version": common["Version"],
    }
    if held.security_token:
        headers["x-acs-accesskey-id"] = held.access_key_id
        headers["x-acs-security-token"] = held.security_token
    value = signature.sign_v3(held.access_key_secret, call.method, query, headers).value
    authorization = (
        f"{V3} Credential={held.access_key_id},"
        f"SignedHeaders={signature.signed_headers(headers)},Signature={value}"
    )
    accept = "application/json" if call.form == "JSON" else "application/xml"
    return f"/?{query}", {**headers, "accept": accept, "authorization": authorization}


def _rpc(
    call: Call, endpoint: Endpoint, held: Credentials, common: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    parameters = {
        **call.parameters,
        **common,
        "AccessKeyId": held.access_key_id,
        "Action": call.action,
        "Format": call.form,
        "SignatureMethod": RPC,
        "SignatureVersion": "1.0",
    }
    if held.security_token:
        parameters["SecurityToken"] = held.security_token
    signed = signature.sign_rpc(held.access_key_secret, call.method, parameters)
    value = signature.percent_encode(signed.value)
    return f"/?{signed.canonical_request}&Signature={value}", {"host": endpoint.authority}


class Connection:
    """A connection that stays open from call to call, and is opened again after it ended."""

    def __init__(self, endpoint: Endpoint) -> None:
        kind = (
            http.client.HTTPSConnection
            if endpoint.scheme == "https"
            else http.client.HTTPConnection
        )
        self._connection = kind(endpoint.host, endpoint.port, timeout=TIMEOUT)

    def exchange(self, method: str, target: str, headers: Mapping[str, str]) -> RawAnswer:
        """Sends one request, and reads the answer whole.

        Raises:
            NoAnswer: there is none.
        """
        try:
            self._connection.request(method, target, headers=dict(headers))
            answer = self._connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return RawAnswer(answer.status, found, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswer(type(error).__name__) from None

    @property
    def is_open(self) -> bool:
        """Whether the last answer left it open."""
        return self._connection.sock is not None

    def close(self) -> None:
        """Closes it."""
        self._connection.close()


def read(raw: RawAnswer, held: Credentials) -> Answer:
    """The answer as the function reads it."""
    return read_answer(raw, held.secrets)


def outcome(answer: Answer) -> str:
    """An answer in one word: `success`, or its code, or the status where it has no code."""
    if answer.succeeded:
        return "success"
    return re.sub(r"[^\w.-]", "?", answer.code) if answer.code else f"HTTP {answer.status}"
