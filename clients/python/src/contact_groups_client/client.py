"""The client."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

from contact_groups_client import groups
from contact_groups_client.errors import UNKNOWN
from contact_groups_client.groups import (
    AppliedContactGroup,
    ContactGroup,
    DryRun,
    Malformed,
    StoredContactGroup,
)
from contact_groups_client.problems import ContactGroupNotFound
from contact_groups_client.sending import Answer, Request, Sender, Time, encode
from contact_groups_client.signing import Signer

_COLLECTION = "/v1/contact-groups"

_Result = TypeVar("_Result")
_Group = TypeVar("_Group", bound=ContactGroup)


class Client:
    """Calls the contact groups function. Threads may share one; it keeps connections open until
    `close()` or the end of its `with` block.

    A call that fails is tried again until its timeout is over, if that is safe: after `Retry-After`
    where there is one, never where the function says that it is of no use, and under a condition
    (`if_match`, `only_new`) never after an answer was lost.
    """

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        *,
        timeout: float = 20.0,
        ssl_context: ssl.SSLContext | None = None,
        time: Time = Time(),  # noqa: B008  # a tuple cannot be changed
    ) -> None:
        """Args:
            url: what stands before `/v1/contact-groups`: on Function Compute 2.0
                `https://{account}.{region}.fc.aliyuncs.com/2016-08-15/proxy/{service}.{alias}/
                {function}` or a custom domain; on 3.0 the address of the HTTP trigger.
            signer: `FunctionCompute2()` or `FunctionCompute3()`; None where nothing is signed.
            timeout: seconds that a call may take with everything it waits for; each call can have
                its own. Cold starts included, the function itself needs at most about 15.
            ssl_context: for an authority of your own.
            time: the clocks.

        Raises:
            ValueError: the URL cannot be used; of each call: its timeout cannot be.
        """
        self._sender = Sender(url, signer, ssl_context, time)
        self._timeout = timeout

    def put(
        self,
        group: ContactGroup,
        *,
        if_match: str = "",
        only_new: bool = False,
        timeout: float | None = None,
    ) -> AppliedContactGroup:
        """Creates or replaces a group.

        Args:
            group: the whole group.
            if_match: the `etag` of a group that was read: go on only if it is still the same.
            only_new: go on only if there is no group of this name.
            timeout: seconds; that of the client if it is not given.

        Raises:
            ContactGroupsError: it was not written, or it may not have been; see `outcome`.
            PreconditionFailed: of these, the condition does not hold.
            TypeError: `if_match` is None, as of a group from a list.
            ValueError: there are two conditions.
        """
        if if_match and only_new:
            raise ValueError("if_match and only_new exclude each other")
        condition = {"If-None-Match": "*"} if only_new else _matching(if_match)

        def read(answer: Answer) -> AppliedContactGroup:
            return _named(group.contact_group_name, groups.applied(answer.json))

        return self._send(_write(group, {}, condition), timeout, read)

    def dry_run(self, group: ContactGroup, *, timeout: float | None = None) -> DryRun:
        """Checks a group and shows the call that `put` would cause; writes nothing.

        Raises:
            ContactGroupsError: as `put`.
        """
        request = _write(group, {"dryRun": "true"}, {})
        return self._send(request, timeout, lambda answer: groups.dry_run(answer.json))

    def get(self, name: str, *, timeout: float | None = None) -> StoredContactGroup | None:
        """A group as CloudMonitor holds it, or None where there is none.

        Raises:
            ContactGroupsError: it could not be read.
        """
        if not _fits_path(name):
            found, _ = self._page({"name": name}, timeout)
            return found[0] if found else None

        def read(answer: Answer) -> StoredContactGroup:
            return _named(name, groups.stored(answer.json, answer.headers.get("etag")))

        try:
            return self._send(Request("GET", _path(name), {}, None, {}, (200,)), timeout, read)
        except ContactGroupNotFound:
            return None

    def list(
        self, *, page_size: int = 100, timeout: float | None = None
    ) -> Iterator[StoredContactGroup]:
        """All groups, page by page; the timeout is that of one page. Pages are not of one moment: a
        group that others move meanwhile can be missing or come twice.

        Raises:
            ContactGroupsError: a page could not be read.
        """
        for page in itertools.count(1):
            query = {"page": str(page), "pageSize": str(page_size)}
            found, total = self._page(query, timeout)
            yield from found
            if page * page_size >= total:
                return

    def delete(self, name: str, *, if_match: str = "", timeout: float | None = None) -> None:
        """Deletes a group.

        Args:
            name: of the group.
            if_match: as of `put`.
            timeout: as of `put`.

        Raises:
            ContactGroupsError: it was not deleted, or it may not have been; see `outcome`.
            ContactGroupNotFound: of these, there was none. After a try whose answer was lost this
                is a success: that try may have deleted it.
            PreconditionFailed, TypeError: as `put`.
        """
        path, query = (_path(name), {}) if _fits_path(name) else (_COLLECTION, {"name": name})
        request = Request("DELETE", path, query, None, _matching(if_match), (204,))
        try:
            self._send(request, timeout, lambda _: None)
        except ContactGroupNotFound as absent:
            if absent.outcome != UNKNOWN:
                raise

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _page(
        self, query: dict[str, str], timeout: float | None
    ) -> tuple[tuple[StoredContactGroup, ...], int]:
        def read(answer: Answer) -> tuple[tuple[StoredContactGroup, ...], int]:
            found = groups.member(answer.json, "contactGroups", list)
            total = groups.member(answer.json, "total", int)
            return tuple(groups.stored(document) for document in found), total

        return self._send(Request("GET", _COLLECTION, query, None, {}, (200,)), timeout, read)

    def _send(
        self, request: Request, timeout: float | None, read: Callable[[Answer], _Result]
    ) -> _Result:
        return self._sender.send(request, self._timeout if timeout is None else timeout, read)


def _write(group: ContactGroup, query: dict[str, str], condition: dict[str, str]) -> Request:
    """POST, which takes every name, and which nothing on the way sends again by itself."""
    body = json.dumps(group.to_json()).encode()
    return Request("POST", _COLLECTION, query, body, condition, (200, 201))


def _matching(etag: str) -> dict[str, str]:
    if not isinstance(etag, str):
        raise TypeError("if_match is no ETag: read the group with get(), lists have none")
    return {"If-Match": etag} if etag else {}


def _fits_path(name: str) -> bool:
    """A slash does not survive a path, and dots mean something else there."""
    return "/" not in name and name not in {"", ".", ".."}


def _path(name: str) -> str:
    return f"{_COLLECTION}/{encode(name)}"


def _named(name: str, group: _Group) -> _Group:
    """The group, if it is the one that was asked for."""
    if group.contact_group_name != name:
        raise Malformed
    return group
