"""Reads the body of an object of OSS, whole or not at all: half a manifest may be valid YAML."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

from contact_groups.events.problems import MANIFEST_UNAVAILABLE, MANIFEST_UNUSABLE
from contact_groups.problems import Problem

#: Our own limit, in bytes: 3,000 groups (EVENT_ITEMS_MAX) of 350 bytes, or the 1,092 that one
#: invocation has time for at 960 bytes each.
MANIFEST_MAX = 1024 * 1024
_CHUNK = 64 * 1024
_PLAIN, _GZIP = {"", "identity"}, {"gzip", "x-gzip"}


def read_whole(found: Any, name: str) -> bytes:
    """The content of an object.

    The bytes are read as they are sent, and unpacked here. urllib3 1.26, in Function Compute's
    Python 3.10, reads a broken connection as the end of the body, and both its versions read half
    of a gzip as the end of it.

    Args:
        found: what oss2 returned for the object.
        name: the object, for errors.

    Raises:
        Problem: manifest-unavailable where this is not certainly the whole object;
            manifest-unusable where it is too large, or packed in another way or wrongly.
        OSError, urllib3.exceptions.HTTPError: the connection broke.
    """
    if found.status != 200:
        detail = f"{name}: OSS answered HTTP {found.status}, and not 200 with the whole object."
        raise Problem(MANIFEST_UNAVAILABLE, detail)
    length, raw = found.content_length, found.resp.response.raw
    if length is None and "chunked" not in found.headers.get("Transfer-Encoding", "").lower():
        detail = f"{name} came without a length, so whether it is whole is not known."
        raise Problem(MANIFEST_UNAVAILABLE, detail)
    data = bytearray()
    while chunk := raw.read(_CHUNK, decode_content=False):
        data += chunk
        _check_size(len(data))
    if length not in {None, len(data)}:
        raise Problem(MANIFEST_UNAVAILABLE, f"{name} broke off after {len(data):,} bytes.")
    encoding = found.headers.get("Content-Encoding", "").strip().lower()
    if encoding in _PLAIN:
        return bytes(data)
    if encoding in _GZIP:
        return _unpacked(data, name)
    detail = f"{name} has the Content-Encoding {encoding[:40]!r}: upload it plain, or as gzip."
    raise Problem(MANIFEST_UNUSABLE, detail)


def _unpacked(data: bytearray, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            content = packed.read(MANIFEST_MAX + 1)
    except (EOFError, OSError, zlib.error):
        detail = f"{name} is no whole gzip, as its Content-Encoding says: upload it again."
        raise Problem(MANIFEST_UNUSABLE, detail) from None
    _check_size(len(content))
    return content


def _check_size(size: int) -> None:
    if size > MANIFEST_MAX:
        raise Problem(MANIFEST_UNUSABLE, f"The manifest is larger than {MANIFEST_MAX:,} bytes.")
