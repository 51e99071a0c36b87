"""Who may change which group: the rules of ACCESS_POLICY.

CloudMonitor's operations know only the resource `*`, so RAM cannot keep a caller from a group
(facts/contact-group-operations.md §A1). This module is imported only where there is a policy.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from contact_groups.problem_details import field_errors

OPERATIONS = ("put", "get", "delete")
#: Where a policy that is a file lies: the package, as it is deployed.
PACKAGE = Path(__file__).parent.parent
#: A SettingsError names at most this many wrong places of a policy.
ERRORS_MAX = 10
#: Callers whose rules are kept at hand. A caller beyond them costs a look through all rules.
CALLERS_MAX = 1_000


class Globs:
    """Texts and globs. `*` stands for any characters, also for none; everything else stands for
    itself. A glob fits a whole text, character by character: no case is folded, and no Unicode
    form is normalised.

    It uses no regular expression, so no text can make it slow.
    """

    def __init__(self, patterns: list[str]) -> None:
        self._exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
        # The usual glob has one `*`, at its end or at its beginning.
        stars = [pattern.split("*") for pattern in patterns if "*" in pattern]
        ones = [parts for parts in stars if len(parts) == 2]
        self._prefixes = tuple(first for first, last in ones if not last)
        self._suffixes = tuple(last for first, last in ones if last and not first)
        self._others = [parts for parts in stars if len(parts) > 2 or all(parts)]

    @property
    def none(self) -> bool:
        """Whether no text fits."""
        return not (self._exact or self._prefixes or self._suffixes or self._others)

    @property
    def all(self) -> bool:
        """Whether every text fits, as a `*` alone says."""
        return "" in self._prefixes

    def fit(self, text: str) -> bool:
        """Whether one of them fits a text."""
        return (
            text in self._exact
            or text.startswith(self._prefixes)
            or text.endswith(self._suffixes)
            or any(_fits(parts, text) for parts in self._others)
        )


def _fits(parts: list[str], text: str) -> bool:
    """Whether the parts between the `*` of a glob stand in a text, in this order: the first at its
    beginning, the last at its end, and none over another.
    """
    first, *middle, last = parts
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


class Rule(NamedTuple):
    """One rule: these callers may do these operations with the groups of these names."""

    callers: Globs
    groups: tuple[str, ...]
    operations: frozenset[str]


class Policy:
    """All rules. What no rule allows is not allowed. Shared by all threads."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self.groups = lru_cache(CALLERS_MAX)(self._groups)

    def _groups(self, caller: str | None, operation: str) -> Globs:
        """The names of the groups with which a caller may do an operation; None: nobody, who may
        do nothing.
        """
        return Globs(
            [
                pattern
                for rule in self._rules
                if caller is not None and operation in rule.operations and rule.callers.fit(caller)
                for pattern in rule.groups
            ]
        )


_WRONG = "wrong-type: must be an array of strings"


def _list(inner: fields.Field[Any]) -> fields.List[Any]:
    return fields.List(
        inner,
        required=True,
        validate=validate.Length(min=1, error="too-few: must have at least one entry"),
        error_messages={"required": "required: is missing", "null": _WRONG, "invalid": _WRONG},
    )


def _text(*rules: Any) -> fields.String:
    wrong = "wrong-type: must be a string"
    return fields.String(validate=rules, error_messages={"null": wrong, "invalid": wrong})


def _pattern() -> fields.String:
    return _text(validate.Length(min=1, error="blank: must not be empty"))


class RuleSchema(Schema):
    """One rule in JSON."""

    error_messages = {  # noqa: RUF012 - marshmallow declares it on instances
        "type": "wrong-type: must be an object with callers, groups and operations",
        "unknown": "unknown-member: is not a member of a rule",
    }

    class Meta:
        unknown = RAISE

    callers = _list(_pattern())
    groups = _list(_pattern())
    operations = _list(
        _text(validate.OneOf(OPERATIONS, error=f"unknown: must be one of {', '.join(OPERATIONS)}"))
    )


def read_policy(text: str, package: Path = PACKAGE) -> Policy:
    """Reads ACCESS_POLICY.

    Args:
        text: a JSON array of rules, or the name of a file of the package that contains one.
        package: the folder of the package.

    Raises:
        ValueError: it cannot be read. The text says where and what it must be, with a JSON pointer
            (RFC 6901) for each wrong place.
    """
    source = "must be JSON"
    if not text.startswith(("[", "{")):
        text, source = _file(package, text), "must name a file that is JSON"
    try:
        value = json.loads(text, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source}: {error}") from None
    if not isinstance(value, list):
        raise ValueError("must be an array of rules")  # noqa: TRY004 - as all settings
    try:
        rules = RuleSchema(many=True).load(value)
    except ValidationError as error:
        raise ValueError(_told(error.messages)) from None
    return Policy(
        tuple(
            Rule(Globs(rule["callers"]), tuple(rule["groups"]), frozenset(rule["operations"]))
            for rule in rules
        )
    )


def _file(package: Path, name: str) -> str:
    try:
        path = (package / name).resolve()
        if not path.is_relative_to(package.resolve()):
            raise ValueError("must name a file inside the package")
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError("must name a file that is UTF-8") from None
    except OSError as error:
        raise ValueError(f"must be JSON, or name a file of the package: {error.strerror}") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _told(messages: Any) -> str:
    errors = list(field_errors(messages, ""))
    told = [f"{error.pointer} {error.message}" for error in errors[:ERRORS_MAX]]
    if len(errors) > ERRORS_MAX:
        told.append(f"and {len(errors) - ERRORS_MAX} more")
    return f"must be an array of rules: {'; '.join(told)}"
