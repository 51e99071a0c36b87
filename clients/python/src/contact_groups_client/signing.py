"""How a request is signed for Function Compute 2.0 and 3.0. The body is not signed on either."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import NamedTuple, Protocol
from urllib.parse import unquote


@dataclass(frozen=True)
class AccessKey:
    """An AccessKey that may invoke the function; `token` is that of a temporary one (STS)."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> AccessKey:
        """The AccessKey in ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, of a
        temporary one, ALIBABA_CLOUD_SECURITY_TOKEN; raises ValueError where there is none.
        """
        names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
        for name in names:
            if not environment.get(name):
                raise ValueError(f"{name} is not set: set it, or give the signer an AccessKey")
        key_id, secret = (environment[name] for name in names)
        return AccessKey(key_id, secret, environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None)


#: An AccessKey, or what is asked for it before each request: a temporary one expires.
AccessKeySource = AccessKey | Callable[[], AccessKey]


class Unsigned(NamedTuple):
    """What a signature covers.

    Attributes:
        method: for example `POST`.
        path: as sent, percent-encoded.
        query: as sent, percent-encoded, without `?`; empty where there is none.
        content_type: empty where there is no body.
        time: seconds since 1970.
    """

    method: str
    path: str
    query: str
    content_type: str
    time: float


class Signer(Protocol):
    """Signs requests."""

    def headers(self, request: Unsigned) -> dict[str, str]:
        """The headers that sign a request."""
        ...


class FunctionCompute2:
    """Signs for an HTTP trigger of Function Compute 2.0: `Authorization: FC {id}:{signature}`."""

    def __init__(self, access_key: AccessKeySource = AccessKey.from_environment) -> None:
        """Args: access_key: the AccessKey, or a function that returns it."""
        self._access_key = access_key

    def headers(self, request: Unsigned) -> dict[str, str]:
        """Date, Authorization, and the token of a temporary AccessKey."""
        key = _current(self._access_key)
        date = formatdate(request.time, usegmt=True)
        token = {"x-fc-security-token": key.token} if key.token else {}
        lines = [request.method, "", request.content_type, date]
        lines += [f"{name}:{value}" for name, value in token.items()]
        lines += [unquote(request.path), *sorted(map(unquote, request.query.split("&")))]
        signature = _hmac(key.secret, "\n".join(lines))
        text = base64.b64encode(signature).decode()
        return {"Date": date, **token, "Authorization": f"FC {key.id}:{text}"}


class FunctionCompute3:
    """Signs for an HTTP trigger of Function Compute 3.0: ACS3-HMAC-SHA256."""

    def __init__(self, access_key: AccessKeySource = AccessKey.from_environment) -> None:
        """Args: access_key: the AccessKey, or a function that returns it."""
        self._access_key = access_key

    def headers(self, request: Unsigned) -> dict[str, str]:
        """x-acs-date, Authorization, and the token of a temporary AccessKey."""
        key = _current(self._access_key)
        signed = {"x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(request.time))}
        if key.token:
            signed["x-acs-security-token"] = key.token
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        query = "&".join(sorted(request.query.split("&")))
        canonical = "\n".join((request.method, request.path, query, lines, names, ""))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = _hmac(key.secret, f"ACS3-HMAC-SHA256\n{digest}").hex()
        credential = f"Credential={key.id},SignedHeaders={names},Signature={signature}"
        return {**signed, "Authorization": f"ACS3-HMAC-SHA256 {credential}"}


def _current(source: AccessKeySource) -> AccessKey:
    return source if isinstance(source, AccessKey) else source()


def _hmac(secret: str, text: str) -> bytes:
    return hmac.digest(secret.encode(), text.encode(), "sha256")
