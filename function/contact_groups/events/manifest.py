"""Manifests: objects in OSS that contain contact groups. The function fetches them with its role,
through oss2.

oss2 is part of Function Compute's Python runtimes (facts/function-compute.md §4.5). It is imported
with the first manifest, because importing it takes longer than all the rest of the function.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from contact_groups.cloudmonitor.answers import CODE_MAX, REQUEST_ID_MAX, shown
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.problems import MISCONFIGURED
from contact_groups.events.bodies import parse_bounded
from contact_groups.events.connections import Connections
from contact_groups.events.messages import ObjectReference
from contact_groups.events.object_body import read_whole
from contact_groups.events.problems import MANIFEST_DENIED, MANIFEST_UNAVAILABLE, MANIFEST_UNUSABLE
from contact_groups.events.yaml_manifest import parse_yaml
from contact_groups.problems import Problem

#: Seconds. If OSS is silent for so long, the fetch fails, and the event's other items have time.
TIMEOUT = 10.0


@dataclass(frozen=True)
class Manifest:
    """The content of an object when it was fetched.

    Attributes:
        version: its version id, or its ETag in a bucket without versions.
        content: the parsed JSON or YAML.
        made: when it was last modified, in seconds since the epoch; None if OSS does not say.
    """

    version: str
    content: Any
    made: float | None


@dataclass(frozen=True)
class _Fetched:
    version: str
    made: float | None
    data: bytes


@dataclass(frozen=True)
class Manifests:
    """Fetches manifests.

    Attributes:
        endpoint: the endpoint of OSS.
        deadline: the instant, on the monotonic clock, at which the whole object must have arrived.
        monotonic: that clock.
        timeout: seconds that connecting may take, and each read.
    """

    endpoint: Endpoint
    deadline: float
    monotonic: Callable[[], float] = time.monotonic
    timeout: float = TIMEOUT

    def fetch(self, reference: ObjectReference, credentials: Credentials) -> Manifest:
        """Fetches an object and parses it by the ending of its name.

        oss2 limits the time of each read, but not the number of reads and not name resolution. So a
        thread fetches the object. At the deadline this method returns and shuts the connections,
        which ends the thread.

        Raises:
            Problem: manifest-unavailable or manifest-denied, after which the platform shall try the
                event again; manifest-unusable, malformed-request or event-too-large, after which it
                shall not.
        """
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise Problem(MANIFEST_UNAVAILABLE, "The deadline came before the manifest's turn.")
        connections = Connections()
        fetched: Future[_Fetched] = Future()

        def get() -> None:
            try:
                fetched.set_result(self._get(reference, credentials, left, connections))
            except BaseException as error:  # `result` raises it again
                fetched.set_exception(error)

        threading.Thread(target=get, name="manifest", daemon=True).start()
        with connections:
            if not wait([fetched], left).done:
                detail = f"{_name(reference)} did not arrive whole before the event's deadline."
                raise Problem(MANIFEST_UNAVAILABLE, detail)
        found = fetched.result()
        if reference.key.endswith(".json"):
            return Manifest(found.version, parse_bounded(found.data), found.made)
        try:
            text = found.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            detail = f"The manifest cannot be read: it is not UTF-8 (byte {error.start})."
            raise Problem(MANIFEST_UNUSABLE, detail) from None
        return Manifest(found.version, parse_yaml(text), found.made)

    def _get(
        self,
        reference: ObjectReference,
        credentials: Credentials,
        left: float,
        connections: Connections,
    ) -> _Fetched:
        with (
            _oss2() as oss2,
            _errors(oss2, reference, credentials),
            _session(oss2, connections) as session,
        ):
            found = oss2.Bucket(
                bucket_name=reference.bucket,
                endpoint=self.endpoint.url,
                session=session,
                connect_timeout=min(self.timeout, left),  # for each read too
                **_signing(oss2, credentials, reference.region),
            ).get_object(reference.key)
            made = float(found.last_modified) if found.last_modified else None
            data = read_whole(found, _name(reference))
            return _Fetched(found.versionid or found.etag or "", made, data)


@contextlib.contextmanager
def _oss2() -> Iterator[Any]:
    try:
        import oss2
    except ImportError:
        detail = (
            "The runtime has no oss2: package the function with it (requirements-run.txt has the"
            " version)."
        )
        raise Problem(MISCONFIGURED, detail, outcome="not-applied") from None
    logging.getLogger("oss2").setLevel(logging.CRITICAL)  # it logs headers, and so the token
    yield oss2


@contextlib.contextmanager
def _session(oss2: Any, connections: Connections) -> Iterator[Any]:
    session = oss2.Session(pool_size=1)
    session.session.trust_env = False  # no proxy and no .netrc of the environment
    session.session.max_redirects = 0  # a redirect would get the security token
    for scheme in ("http", "https"):
        connections.watch(session.session.get_adapter(f"{scheme}://").poolmanager, scheme)
    with contextlib.ExitStack() as answers, contextlib.closing(session.session):

        def close_at_the_end(answer: Any, *_: Any, **__: Any) -> None:
            answers.callback(answer.close)  # oss2 drops one that it cannot read as it is, open

        session.session.hooks["response"].append(close_at_the_end)
        yield session


def _signing(oss2: Any, held: Credentials, region: str) -> dict[str, Any]:
    """The arguments of a bucket that sign. oss2 has signature V4 from 2.18.4 on; the runtime of
    Python 3.10 has 2.16.0 (§4.5), and uses V1.
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
def _errors(oss2: Any, reference: ObjectReference, credentials: Credentials) -> Iterator[None]:
    """Turns what oss2 raises into problems, without its texts: they contain signed headers and the
    string to sign.
    """
    from urllib3.exceptions import HTTPError  # late, as oss2 is

    name = _name(reference)
    try:
        yield
    except oss2.exceptions.OssError as error:
        code = shown(str(error.code), credentials.secrets, CODE_MAX)
        request_id = shown(str(error.request_id), credentials.secrets, REQUEST_ID_MAX)
        said = f"{name}: OSS answered HTTP {error.status} with code {code} (request {request_id})."
        if error.status == 404:
            raise Problem(MANIFEST_UNUSABLE, said) from None
        if 400 <= error.status < 500:
            raise Problem(MANIFEST_DENIED, said) from None
        if error.status >= 500:
            raise Problem(MANIFEST_UNAVAILABLE, said) from None
        raise Problem(
            MANIFEST_UNAVAILABLE, f"{name} could not be fetched ({type(error).__name__})."
        ) from None
    except ValueError as error:  # raised by oss2 for a bad date or number
        raise Problem(
            MANIFEST_UNAVAILABLE, f"{name}: the answer cannot be read ({type(error).__name__})."
        ) from None
    except (OSError, HTTPError) as error:  # raised in the middle of the body
        raise Problem(MANIFEST_UNAVAILABLE, f"{name} broke off ({type(error).__name__}).") from None


def _name(reference: ObjectReference) -> str:
    return f"oss://{reference.bucket}/{reference.key[:200]}"
