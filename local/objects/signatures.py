"""Signatures of OSS, V1 (HMAC-SHA1) and V4 (HMAC-SHA256), as far as GetObject needs them: a path
and headers, no query.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from local.cloudmonitor import Credential

#: OSS refuses a request that is dated further off than this.
SKEW_MAX = 15 * 60
_V4 = "OSS4-HMAC-SHA256"


class Refused(Exception):
    """OSS answers 403 with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check(method: str, path: str, headers: Mapping[str, str], known: Iterable[Credential]) -> None:
    """Checks the signature of a request.

    Args:
        method: such as GET.
        path: `/bucket/key`, percent-decoded.
        headers: by lower-case name.
        known: who may call.

    Raises:
        Refused: saying OSS's code for what is wrong.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith(_V4 + " "):
        fields = dict(
            part.strip().partition("=")[::2] for part in authorization.removeprefix(_V4).split(",")
        )
        key_id, _, scope = fields.get("Credential", "").partition("/")
        credential = _find(key_id, headers, known)
        _check_date(_v4_time(headers))
        signature = fields.get("Signature", "")
        expected = _v4(
            method, path, headers, (scope, fields.get("AdditionalHeaders", "")), credential
        )
    elif authorization.startswith("OSS ") and ":" in authorization:
        key_id, _, signature = authorization.removeprefix("OSS ").partition(":")
        credential = _find(key_id, headers, known)
        _check_date(_v1_time(headers))
        expected = _v1(method, path, headers, credential)
    else:
        raise Refused("AccessDenied")
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Refused("SignatureDoesNotMatch")
    if not credential.allowed:
        raise Refused("AccessDenied")


def _find(key_id: str, headers: Mapping[str, str], known: Iterable[Credential]) -> Credential:
    mine = [
        credential
        for credential in known
        if credential.access_key_id == key_id and credential.active
    ]
    if not mine:
        raise Refused("InvalidAccessKeyId")
    token = headers.get("x-oss-security-token", "")
    matching = [credential for credential in mine if (credential.security_token or "") == token]
    if not matching or (matching[0].expires is not None and time.time() >= matching[0].expires):
        raise Refused("InvalidSecurityToken" if not matching else "SecurityTokenExpired")
    return matching[0]


def _check_date(moment: float | None) -> None:
    if moment is None:
        raise Refused("AccessDenied")
    if abs(time.time() - moment) > SKEW_MAX:
        raise Refused("RequestTimeTooSkewed")


def _v1_time(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return None


def _v4_time(headers: Mapping[str, str]) -> float | None:
    try:
        return calendar.timegm(time.strptime(headers.get("x-oss-date", ""), "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _v1(method: str, path: str, headers: Mapping[str, str], credential: Credential) -> str:
    plain = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    own = [
        f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith("x-oss-")
    ]
    text = "\n".join([*plain, *own, path])
    digest = hmac.new(credential.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _v4(
    method: str,
    path: str,
    headers: Mapping[str, str],
    signed: tuple[str, str],
    credential: Credential,
) -> str:
    """Args: signed: the scope `date/region/oss/aliyun_v4_request`, and the additional headers
    joined by `;`.
    """
    scope, additional = signed
    names = {"content-type", "content-md5", *filter(None, additional.split(";"))}
    lines = [
        f"{name}:{value}\n"
        for name, value in sorted(headers.items())
        if name in names or name.startswith("x-oss-")
    ]
    payload = headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD")
    request = "\n".join([method, quote(path, safe="/~"), "", "".join(lines), additional, payload])
    text = "\n".join(
        [_V4, headers["x-oss-date"], scope, hashlib.sha256(request.encode()).hexdigest()]
    )
    key = ("aliyun_v4" + credential.access_key_secret).encode()
    for step in [*scope.split("/"), text]:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key.hex()
