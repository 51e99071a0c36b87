"""Entity tags and the conditions on them (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import NamedTuple

from contact_groups.compute.wsgi import Environ
from contact_groups.contact_group import StoredGroup
from contact_groups.problems import MALFORMED_REQUEST, PRECONDITION_FAILED, Problem

#: One tag with what separates it from the next. The header is at most a few KB, and each character
#: is looked at once.
_TAG = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')


def etag_of(group: StoredGroup) -> str:
    """The strong ETag of a group: another one as soon as its state or UpdateTime is another. The
    order of the contacts is none of its state.
    """
    state = [
        group.contact_group_name,
        group.describe,
        sorted(group.contact_names),
        group.enable_subscribed,
        group.update_time,
    ]
    return f'"{hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]}"'


class Conditions(NamedTuple):
    """What a request demands of the current state: tags, `("*",)` for any; None: nothing.

    Attributes:
        if_match: one of these must be the current one; a weak tag never is.
        if_none_match: none of these may be it, weak or not.
    """

    if_match: tuple[str, ...] | None
    if_none_match: tuple[str, ...] | None

    @property
    def only_new(self) -> bool:
        """Whether there must not be a group yet."""
        return self.if_none_match == ("*",)

    def require(self, group: StoredGroup | None) -> None:
        """Holds a write to the conditions.

        Raises:
            Problem: precondition-failed, with the current ETag.
        """
        etag = None if group is None else etag_of(group)
        self.require_match(etag)
        if self.matches_none(etag):
            return
        which = "exists already" if self.only_new else "is one of those in If-None-Match"
        raise Problem(PRECONDITION_FAILED, f"The contact group {which}.", etag=etag)

    def met_by(self, group: StoredGroup | None) -> bool:
        """Whether they hold for what is stored."""
        try:
            self.require(group)
        except Problem:
            return False
        return True

    def require_match(self, etag: str | None) -> None:
        """Holds a request to If-Match; raises as `require`."""
        if self.if_match is None or (self.if_match == ("*",) and etag):
            return
        if etag is None:
            raise Problem(PRECONDITION_FAILED, "If-Match wants a contact group that exists.")
        if etag not in self.if_match:
            detail = f"The contact group has the ETag {etag} now, which If-Match does not name."
            raise Problem(PRECONDITION_FAILED, detail, etag=etag)

    def matches_none(self, etag: str | None) -> bool:
        """Whether If-None-Match holds."""
        if self.if_none_match is None or etag is None:
            return True
        tags = {tag.removeprefix("W/") for tag in self.if_none_match}
        return not tags & {etag, "*"}


def read_conditions(environ: Environ) -> Conditions | None:
    """The conditions of a request; None where it has none.

    Raises:
        Problem: malformed-request, naming the header.
    """
    if "HTTP_IF_MATCH" not in environ and "HTTP_IF_NONE_MATCH" not in environ:
        return None
    return Conditions(_tags(environ, "If-Match"), _tags(environ, "If-None-Match"))


def _tags(environ: Environ, header: str) -> tuple[str, ...] | None:
    text = environ.get(f"HTTP_{header.upper().replace('-', '_')}")
    if text is None:
        return None
    text = text.strip(" \t")
    if text == "*":
        return ("*",)
    tags, end = [], 0
    while found := _TAG.match(text, end):
        tags.append(found[1])
        end = found.end()
    if not tags or text[end:].strip(" \t,"):
        raise Problem(
            MALFORMED_REQUEST,
            f'{header} must be * or a list of entity tags in double quotes, such as "abc"; what is'
            f" wrong begins at character {end}.",
        )
    return tuple(tags)
