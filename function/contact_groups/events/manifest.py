"""Manifests: objects in OSS that hold contact groups, fetched with the function's role through
oss2.

oss2 is part of Function Compute's Python runtimes (facts/function-compute.md §4.5) and is imported
when the first manifest is fetched, since it costs more than all the rest of the function.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.outcomes import MISCONFIGURED
from contact_groups.compute.credentials import Credentials
from contact_groups.events.messages import ObjectReference
from contact_groups.events.problems import MANIFEST_DENIED, MANIFEST_UNAVAILABLE, MANIFEST_UNUSABLE
from contact_groups.events.yaml_manifest import parse_yaml
from contact_groups.payload import parse_json
from contact_groups.problems import Problem

#: Ours: some thousand groups, and seconds rather than minutes to read.
MANIFEST_MAX = 4 * 1024 * 1024
#: Seconds that connecting, and each read, may take at most.
TIMEOUT = 10.0
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Manifest:
    """What an object held when it was fetched. `version` is its version id, or its ETag in a bucket
    without versions; `made` is its Last-Modified, in epoch seconds.
    """

    version: str
    content: Any
    made: float | None = None


@dataclass(frozen=True)
class Manifests:
    """Fetches manifests.

    Attributes:
        endpoint: of OSS.
        deadline: on the monotonic clock, when the whole object must be there.
        monotonic: that clock.
    """

    endpoint: Endpoint
    deadline: float
    monotonic: Callable[[], float] = time.monotonic

    def fetch(self, reference: ObjectReference, credentials: Credentials) -> Manifest:
        """Fetches an object and parses it by the ending of its name.

        Raises:
            Problem: manifest-unavailable and manifest-denied, after which the event is to be tried
                again; manifest-unusable or malformed-request, after which it is not.
        """
        with _oss2() as oss2, _errors(oss2, reference), _session(oss2) as session:
            signing = _signing(oss2, credentials, reference.region)
            network = {
                "endpoint": self.endpoint.url,
                "session": session,
                "connect_timeout": self._timeout(),
            }
            found = oss2.Bucket(bucket_name=reference.bucket, **network, **signing).get_object(
                reference.key
            )
            version, made = found.versionid or found.etag or "", found.last_modified
            data = self._read(found)
        if reference.key.endswith(".json"):
            return Manifest(version, parse_json(data), made)
        try:
            return Manifest(version, parse_yaml(data.decode("utf-8-sig")), made)
        except UnicodeDecodeError as error:
            detail = f"The manifest cannot be read: it is not UTF-8 (byte {error.start})."
            raise Problem(MANIFEST_UNUSABLE, detail) from None

    def _timeout(self) -> float:
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise Problem(MANIFEST_UNAVAILABLE, "No time was left to fetch the manifest.")
        return min(TIMEOUT, left)

    def _read(self, found: Any) -> bytes:
        data = bytearray()
        while chunk := found.read(_CHUNK):
            data += chunk
            if len(data) > MANIFEST_MAX:
                raise Problem(
                    MANIFEST_UNUSABLE, f"The manifest is larger than {MANIFEST_MAX:,} bytes."
                )
            self._timeout()
        return bytes(data)


@contextlib.contextmanager
def _oss2() -> Iterator[Any]:
    try:
        import oss2
    except ImportError:
        detail = "The runtime has no oss2: package the function with it (requirements-run.txt has the version)."
        raise Problem(MISCONFIGURED.type, detail, outcome="not-applied") from None
    logging.getLogger("oss2").setLevel(logging.CRITICAL)  # it logs headers, the token among them
    yield oss2


@contextlib.contextmanager
def _session(oss2: Any) -> Iterator[Any]:
    session = oss2.Session(pool_size=1)
    session.session.trust_env = False  # no proxy and no .netrc of the environment
    session.session.max_redirects = 0  # a redirect would be sent the security token
    with contextlib.closing(session.session):
        yield session


def _signing(oss2: Any, held: Credentials, region: str) -> dict[str, Any]:
    """Arguments of a bucket: signature V4 where oss2 has it, from 2.18.4 on; the runtime of Python
    3.10 has 2.16.0 (§4.5).
    """
    newest = {"region": region} if hasattr(oss2, "AuthV4") else {}
    version = "v4" if newest else "v1"
    return {
        "auth": oss2.StsAuth(
            held.access_key_id, held.access_key_secret, held.security_token, version
        ),
        **newest,
    }


@contextlib.contextmanager
def _errors(oss2: Any, reference: ObjectReference) -> Iterator[None]:
    """What oss2 raises, as problems. Its texts are not passed on: they hold signed headers and the
    string to sign.
    """
    name = f"oss://{reference.bucket}/{reference.key[:200]}"
    try:
        yield
    except oss2.exceptions.OssError as error:
        said = f"{name}: OSS answered HTTP {error.status} with code {error.code} (request {error.request_id})."
        if error.status == 404:
            raise Problem(MANIFEST_UNUSABLE, said) from None
        if 400 <= error.status < 500:
            raise Problem(MANIFEST_DENIED, said) from None
        if error.status >= 500:
            raise Problem(MANIFEST_UNAVAILABLE, said) from None
        raise Problem(
            MANIFEST_UNAVAILABLE, f"{name} could not be fetched ({type(error).__name__})."
        ) from None
    except OSError as error:  # requests, in the middle of the body
        raise Problem(MANIFEST_UNAVAILABLE, f"{name} broke off ({type(error).__name__}).") from None
