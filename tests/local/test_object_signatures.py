"""The local object endpoint refuses what OSS refuses, so that a wrong signature cannot
pass a test.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cloudmonitor import CannotListen, Credential
from local.objects import Objects

CREDENTIALS = (
    Credential("testid", "testsecret"),
    Credential("STS.testid", "testsecret", security_token="testtoken"),
    Credential("STS.expired", "testsecret", security_token="old", expires=0),
    Credential("forbiddenid", "testsecret", allowed=False),
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Objects]:
    """One bucket with one object."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a b.json").write_text("[]")
    (tmp_path / "secret").write_text("outside of every bucket")
    with Objects(tmp_path, credentials=CREDENTIALS) as running:
        yield running


@pytest.fixture
def fetch(served: Objects) -> Iterator[Callable[..., bytes]]:
    """Fetches an object with oss2; returns its content."""
    import oss2

    session = oss2.Session()

    def call(
        version: str,
        key_id: str,
        secret: str,
        token: str = "",
        key: str = "a b.json",
        bucket: str = "manifests",
    ) -> bytes:
        auth = oss2.StsAuth(key_id, secret, token, version)
        held = oss2.Bucket(auth, served.url, bucket, session=session, region="cn-hangzhou")
        content: bytes = held.get_object(key).read()
        return content

    yield call
    session.session.close()


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_oss2_is_answered_where_its_signature_is_right(
    fetch: Callable[..., bytes], version: str
) -> None:
    """An AccessKey and a temporary one fetch an object with either signature."""
    assert fetch(version, "testid", "testsecret") == b"[]"
    assert fetch(version, "STS.testid", "testsecret", "testtoken") == b"[]"


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("SignatureDoesNotMatch", {"key_id": "testid", "secret": "wrong"}),
        ("InvalidAccessKeyId", {"key_id": "nobody", "secret": "testsecret"}),
        ("InvalidSecurityToken", {"key_id": "STS.testid", "secret": "testsecret"}),
        (
            "InvalidSecurityToken",
            {"key_id": "STS.testid", "secret": "testsecret", "token": "another"},
        ),
        ("SecurityTokenExpired", {"key_id": "STS.expired", "secret": "testsecret", "token": "old"}),
        ("AccessDenied", {"key_id": "forbiddenid", "secret": "testsecret"}),
        ("NoSuchKey", {"key_id": "testid", "secret": "testsecret", "key": "gone"}),
        ("NoSuchBucket", {"key_id": "testid", "secret": "testsecret", "bucket": "nowhere"}),
    ],
)
def test_oss2_is_refused_by_code(
    fetch: Callable[..., bytes], version: str, code: str, arguments: dict[str, str]
) -> None:
    """What is wrong is refused with OSS's own code."""
    import oss2

    with pytest.raises(oss2.exceptions.ServerError) as raised:
        fetch(version, **arguments)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AccessDenied"),
        ({"Authorization": "OSS testid:x"}, "AccessDenied"),
        (
            {"Authorization": "OSS testid:x", "Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
            "RequestTimeTooSkewed",
        ),
        ({"Authorization": "OSS4-HMAC-SHA256 Credential=testid/x"}, "AccessDenied"),
        (
            {
                "Authorization": "OSS4-HMAC-SHA256 Credential=testid/x",
                "x-oss-date": "20200101T000000Z",
            },
            "RequestTimeTooSkewed",
        ),
        (
            {
                "Authorization": "OSS4-HMAC-SHA256"
                " Credential=testid/x,AdditionalHeaders=host,Signature=x",
                "x-oss-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            },
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_requests_that_are_not_signed_right_are_refused(
    served: Objects, headers: dict[str, str], code: str
) -> None:
    """No signature, no date, an old one and a wrong one are told apart."""
    answer = requests.get(f"{served.url}/manifests/a%20b.json", headers=headers, timeout=5)
    assert answer.status_code == 403
    assert f"<Code>{code}</Code>" in answer.text


def test_nothing_outside_of_the_folder_is_served(served: Objects) -> None:
    """A path that leaves the folder finds nothing."""
    assert served.path("/manifests/../../etc/passwd") is None
    assert served.path("/manifests") is None


def test_a_port_in_use_is_named() -> None:
    """When the port is taken, the error says which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: Any = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=str(port)):
            Objects(Path(), port)
