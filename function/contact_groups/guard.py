"""The one place where a request or an event's item is let through: who calls, whether the policy
allows it, and what the log says of it.

The log says who did what to which group. Names and contacts are business data, so the log has
digests and counts of them, unless AUDIT_FULL is true (docs/operating.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from contact_groups import logs
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.problems import NOT_ALLOWED, Problem

if TYPE_CHECKING:
    from contact_groups.access import Globs, Policy

#: The key of an environ that says how a request came if it came as an event: the shape of the
#: event, or `invocation` where anybody who may invoke the function can have written it.
CAME_AS = "contact_groups.came_as"
#: Everybody who calls over HTTP, where CALLER_IDENTITY is `none`.
EVERYBODY = "*"
#: What the log has instead of the state of a group that is not there.
ABSENT = "absent"
#: Hexadecimal digits, 64 bits: two groups of one account do not share a digest by chance.
DIGEST_LENGTH = 16
#: Characters of a group in a log line, which has two of them at most (facts/function-compute.md
#: §1.8: 32 KB per line). Few groups are larger.
_FULL_MAX = logs.TEXT_MAX // 2


class Admission(NamedTuple):
    """What one caller may do with the group of one name."""

    policy: Policy | None
    caller: str | None
    name: str

    def may(self, operation: str) -> bool:
        """Whether the policy allows `put`, `get` or `delete`."""
        policy = self.policy
        return policy is None or policy.groups(self.caller, operation).fit(self.name)

    def require(self, operation: str) -> None:
        """Raises Problem where the policy does not allow it; it tells nothing about the group."""
        if not self.may(operation):
            raise _refusal(self.caller, operation, "this contact group")

    def shown(self, error: Exception) -> Exception:
        """What ended a write, without what was read where the caller may not read the group."""
        if not isinstance(error, Problem) or error.observed is None or self.may("get"):
            return error
        return replace(error, observed=None)


class Guard:
    """Lets requests and items through, or refuses them. Shared by all threads."""

    def __init__(
        self,
        policy: Policy | None = None,
        identify: Callable[[Mapping[str, Any]], str | None] | None = None,
        *,
        full: bool = False,
    ) -> None:
        """Args: policy: None: everybody may do everything; identify: reads who calls from an
        environ, None: everybody is `*`; full: whether the log has names and states.
        """
        self._policy = policy
        self._identify = identify
        self._full = full

    def admit(
        self,
        environ: Mapping[str, Any],
        operation: str,
        name: str,
        group: ContactGroup | None = None,
        *,
        dry_run: bool = False,
    ) -> Admission:
        """Lets an HTTP request through that is about one group, and notes it in its line.

        Args:
            environ: of the request.
            operation: `put`, `get` or `delete`.
            name: of the group.
            group: what is to be put.
            dry_run: whether nothing is to be written.

        Raises:
            Problem: not-allowed.
        """
        caller = self._caller(environ)
        noted = self.noted(caller, "get" if dry_run else operation, name, group)
        logs.note(**noted, dryRun=dry_run or None)
        admission = Admission(self._policy, caller, name)
        admission.require(operation)
        return admission

    def admission(self, caller: str, name: str) -> Admission:
        """What the caller of an event may do."""
        return Admission(self._policy, caller, name)

    def readable(self, environ: Mapping[str, Any]) -> Globs | None:
        """The names of the groups that an HTTP request may list; None: all.

        Raises:
            Problem: not-allowed, where there can be none.
        """
        caller = self._caller(environ)
        logs.note(callerId=caller or "")
        if self._policy is None:
            return None
        names = self._policy.groups(caller, "get")
        if names.none:
            raise _refusal(caller, "get", "any contact group")
        return None if names.all else names

    def _caller(self, environ: Mapping[str, Any]) -> str | None:
        return self._identify(environ) if self._identify else EVERYBODY

    def noted(
        self, caller: str | None, operation: str, name: str, group: ContactGroup | None
    ) -> dict[str, Any]:
        """The members of a log line about one group. A line with `write` is one of the audit
        trail.
        """
        noted: dict[str, Any] = {"callerId": caller or "", "group": digest(name)}
        if self._full:
            noted["contactGroupName"] = name
        if operation != "get":
            noted["write"] = operation
            noted["after"] = ABSENT if group is None else state_digest(group)
        if group is not None:
            noted["contacts"] = len(group.contact_names)
            noted["enableSubscribed"] = group.enable_subscribed
            if self._full:
                noted["contactGroup"] = _whole(group)
        return noted

    def note_before(self, group: StoredGroup | None) -> None:
        """Notes what a write found, where it was read first."""
        logs.note(before=ABSENT if group is None else state_digest(group))
        if self._full and group is not None:
            logs.note(contactGroupBefore=_whole(group))


#: Without a policy: everybody may do everything.
OPEN = Guard()


def digest(text: str) -> str:
    """What stands for a name in the log: the first digits of the SHA-256 of its UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def state_digest(group: ContactGroup | StoredGroup) -> str:
    """What stands for a state in the log: the digest of the JSON of its description and of its
    contacts in the order of their code points.

    `enableSubscribed` is not in it. A write may leave it out, and then nobody knows what it is.
    """
    return digest(json.dumps([group.describe, sorted(group.contact_names)]))


def _whole(group: ContactGroup | StoredGroup) -> dict[str, Any] | str:
    state = {name: value for name, value in group._asdict().items() if value is not None}
    size = len(json.dumps(state))
    return state if size <= _FULL_MAX else f"too large for a log line: {size:,} characters"


def _refusal(caller: str | None, operation: str, what: str) -> Problem:
    if caller is None:
        why = "The request does not say who calls in the way that CALLER_IDENTITY wants"
    else:
        who = "everybody" if caller == EVERYBODY else ascii(caller)[1:-1]
        why = f"No rule of ACCESS_POLICY lets {who} {operation} {what}"
    return Problem(NOT_ALLOWED, f"{why}.", outcome=None if operation == "get" else "not-applied")
