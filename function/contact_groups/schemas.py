"""What a contact group is: the one schema that reads it, writes it and documents it.

Every message is `code: text`; the code is what programs read, and `CODES` is the closed list of
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from contact_groups.cloudmonitor.signature import encoded_size
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.problems import INVALID_CONTACT_GROUP, FieldError, Problem

#: Upstream's own limit: "Valid values of N: 1 to 100" (facts/cloudmonitor.md §1.1).
CONTACT_NAMES_MAX = 100
#: Ours, since upstream documents none: long enough for any name a console accepts, short enough to
#: bound a request.
NAME_MAX = 255
#: Ours, since upstream documents none.
DESCRIBE_MAX = 2_048
#: Upstream takes 128 KB of headers and query together (facts/cloudmonitor.md §1.5); 8 KB of it are
#: left to the headers, of which the security token is the largest, and to the common parameters.
QUERY_MAX = (128 - 8) * 1024
#: The name of a parameter with its two separators takes at most 20 bytes; a character of ASCII at
#: most one byte of three, any other at most four.
MEMBER_SIZE = 20
ASCII_SIZE, CHARACTER_SIZE = 3, 12
#: A request with a thousand faults is told the first fifty.
ERRORS_MAX = 50

CODES = frozenset(
    "required unknown-member wrong-type blank edge-space control-character too-long too-few"
    " too-many"
    " duplicate mismatch too-large slash".split()
)

_REQUIRED = "required: this member must be there"
#: Character classes, written so that Python and the regular expressions of OpenAPI (ECMA-262) read
#: them alike.
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_SPACES = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
#: The one rule for names: not blank, no white space at either end, no control characters. The end
#: is `$(?!\n)` because `$` alone also matches before a last line break in Python, and so in clients
#: that are written in it.
NAME_PATTERN = rf"^[^{_CONTROLS}{_SPACES}](?:[^{_CONTROLS}]*[^{_CONTROLS}{_SPACES}])?$(?!\n)"
#: The one rule for descriptions: something that is not white space.
DESCRIBE_PATTERN = rf"[^\u0009-\u000d\u001c-\u001f\u0085{_SPACES}]"
_DESCRIBE = re.compile(
    DESCRIBE_PATTERN
)  # the other two are compiled when a name first needs a second look


def _not_blank(text: str) -> None:
    if not _DESCRIBE.search(text):
        raise ValidationError("blank: must not be empty or only white space")


def _name_rules(text: str) -> None:
    if re.fullmatch(NAME_PATTERN, text):
        return
    _not_blank(text)
    if found := re.search(f"[{_CONTROLS}]", text):
        where = f"U+{ord(found[0]):04X} at {found.start()}"
        raise ValidationError(f"control-character: must not hold control characters; {where}")
    raise ValidationError("edge-space: must not begin or end with white space")


def _unique(names: list[str]) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    errors: dict[str | int, list[str]] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            errors[index] = [f"duplicate: is the same as /contactNames/{first[name]}"]
    raise ValidationError(errors)


def _too_long(most: int) -> validate.Length:
    return validate.Length(max=most, error="too-long: must be at most {max} characters")


def _messages(kind: str) -> dict[str, Any]:
    wrong = f"wrong-type: must be {kind}"
    return {"required": _REQUIRED, "null": wrong, "invalid": wrong, "invalid_utf8": wrong}


class Name(fields.String):
    """A name. Nearly every one is seen at first sight to keep all rules, a hundred of them a
    request; the others are read by marshmallow, which finds out which rule is broken.

    What is printable holds no control character, and of white space only the space.
    """

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """A shortcut for valid names, which are most: marshmallow checks the others."""
        if (
            isinstance(value, str)
            and 0 < len(value) <= NAME_MAX
            and value.isprintable()
            and value == value.strip()
        ):
            return value
        return super().deserialize(value, attr, data, **kwargs)


def _name_field(**options: Any) -> Name:
    return Name(
        validate=[_name_rules, _too_long(NAME_MAX)],
        error_messages=_messages("a string"),
        metadata={
            "pattern": NAME_PATTERN,
            "description": "no white space at either end, no control characters",
        },
        **options,
    )


class StrictBoolean(fields.Boolean):
    """true or false; not 1, not "true"."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Names(fields.List[str]):
    """An array of names. One that is too long is refused before its elements are read: a body has
    room for 131,000 wrong ones.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str | None]:
        if isinstance(value, list) and len(value) > CONTACT_NAMES_MAX:
            for validator in self.validators:
                if isinstance(validator, validate.Length):
                    validator(value)
        return super()._deserialize(value, attr, data, **kwargs)


class ContactGroupSchema(Schema):
    """A contact group in JSON."""

    error_messages = {  # noqa: RUF012 - marshmallow declares it on instances
        "type": "wrong-type: must be one object",
    }

    class Meta:
        unknown = RAISE

    contact_group_name = _name_field(data_key="contactGroupName", required=True)
    contact_names = Names(
        _name_field(),
        data_key="contactNames",
        required=True,
        validate=[
            validate.Length(min=1, error="too-few: must hold at least one contact"),
            validate.Length(
                max=CONTACT_NAMES_MAX, error="too-many: must hold at most {max} contacts"
            ),
            _unique,
        ],
        error_messages=_messages("an array of strings"),
        metadata={
            "uniqueItems": True,
            "description": "names of existing alert contacts of CloudMonitor",
        },
    )
    describe = fields.String(
        required=True,
        validate=[_not_blank, _too_long(DESCRIBE_MAX)],
        error_messages=_messages("a string"),
        metadata={"pattern": DESCRIBE_PATTERN, "description": "not only white space"},
    )
    enable_subscribed = StrictBoolean(
        data_key="enableSubscribed",
        error_messages=_messages("true or false"),
        metadata={"description": "left out, it is left as it is upstream"},
    )


_VERIFIED = {"description": "true: no answer said that it was applied, and then it was read so"}


class AppliedSchema(ContactGroupSchema):
    """The answer to a request that succeeded: the group as accepted, and the upstream's
    RequestId.
    """

    verified = fields.Boolean(metadata=_VERIFIED)
    request_id = fields.String(data_key="requestId", required=True, allow_none=True)


class StoredGroupSchema(Schema):
    """A contact group as CloudMonitor holds it, which may break the rules for what is written: it
    can be without contacts.
    """

    contact_group_name = fields.String(data_key="contactGroupName", required=True)
    contact_names = fields.List(fields.String(), data_key="contactNames", required=True)
    describe = fields.String(required=True)
    enable_subscribed = fields.Boolean(data_key="enableSubscribed")
    create_time = fields.String(data_key="createTime", metadata={"format": "date-time"})
    update_time = fields.String(data_key="updateTime", metadata={"format": "date-time"})


class WrittenSchema(StoredGroupSchema):
    """The answer to a write with `Prefer: return=representation`: the group as CloudMonitor holds
    it afterwards.
    """

    verified = fields.Boolean(metadata=_VERIFIED)
    request_id = fields.String(data_key="requestId", required=True, allow_none=True)


class GroupListSchema(Schema):
    """Some of the groups, and how many there are."""

    contact_groups = fields.List(
        fields.Nested(StoredGroupSchema), data_key="contactGroups", required=True
    )
    total = fields.Integer(required=True, metadata={"description": "of all pages"})
    page = fields.Integer(required=True)
    page_size = fields.Integer(data_key="pageSize", required=True)


_SCHEMA = ContactGroupSchema()
_MEMBERS = frozenset(field.data_key or name for name, field in _SCHEMA.fields.items())
_UNKNOWN = ("unknown-member", "is not a member of a contact group")
_APPLIED = AppliedSchema()
_NAME = _SCHEMA.fields["contact_group_name"]


def load_contact_group(payload: Any, name: str | None = None) -> ContactGroup:
    """Validates one contact group.

    Args:
        payload: the parsed JSON value.
        name: the name in the path, if there is one; the payload's own is then optional and must be
            equal.

    Raises:
        Problem: invalid-contact-group, with an error for each member that is wrong.
    """
    errors: list[FieldError] = []
    unknown: list[str] = []
    if isinstance(payload, dict):
        unknown = [member for member in payload if member not in _MEMBERS]
        if name is not None:
            given = payload.get("contactGroupName", name)
            errors = _mismatch(given, name)
            payload = {**payload, "contactGroupName": given}
    try:
        # Not by marshmallow: it would name every unknown member, in an order that changes.
        members = _SCHEMA.load(payload, unknown=EXCLUDE)
    except ValidationError as error:
        errors += _field_errors(error.messages, "")
    if errors or unknown:
        total = len(errors) + len(unknown)
        errors += (FieldError(_step(member), *_UNKNOWN) for member in unknown[:ERRORS_MAX])
        raise _refused(errors, total)
    group = ContactGroup(**{**members, "contact_names": tuple(members["contact_names"])})
    if errors := _too_large(group):
        raise _refused(errors, 1)
    return group


def _mismatch(given: Any, name: str) -> list[FieldError]:
    if not isinstance(given, str) or given == name:
        return []
    message = f"must equal the name in the path, {json.dumps(name[:80])}"
    return [FieldError("/contactGroupName", "mismatch", message)]


def dump_contact_group(group: ContactGroup) -> dict[str, Any]:
    """The JSON of a contact group: what `load_contact_group` accepted."""
    document: dict[str, Any] = _SCHEMA.dump(_present(group))
    return document


def dump_applied(
    group: ContactGroup, request_id: str | None, *, verified: bool = False
) -> dict[str, Any]:
    """The JSON of the answer to a request that succeeded."""
    members = {**_present(group), "request_id": request_id}
    if verified:
        members["verified"] = True
    document: dict[str, Any] = _APPLIED.dump(members)
    return document


def dump_stored_group(group: StoredGroup) -> dict[str, Any]:
    """The JSON of a group that was read; what CloudMonitor does not say is left out.

    Not by marshmallow: a page has a hundred of them, and nothing in them needs checking.
    """
    members = {
        "contactGroupName": group.contact_group_name,
        "contactNames": list(group.contact_names),
        "describe": group.describe,
        "enableSubscribed": group.enable_subscribed,
        "createTime": _rfc3339(group.create_time),
        "updateTime": _rfc3339(group.update_time),
    }
    return {name: value for name, value in members.items() if value is not None}


def _rfc3339(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def check_name(name: str) -> str | None:
    """The rule that a name breaks, as `code: text`; None if it keeps them all."""
    try:
        _NAME.deserialize(name)
    except ValidationError as error:
        return str(error.messages[0])
    return None


def _present(group: ContactGroup) -> dict[str, Any]:
    return {name: value for name, value in group._asdict().items() if value is not None}


def _too_large(group: ContactGroup) -> list[FieldError]:
    texts = [group.contact_group_name, *group.contact_names, group.describe]
    text = "".join(texts)
    most = len(texts) * MEMBER_SIZE + len(text) * (ASCII_SIZE if text.isascii() else CHARACTER_SIZE)
    if most <= QUERY_MAX:
        return []  # fits whatever its characters are, as nearly every group does
    sizes = {
        "contactGroupName": _encoded_size([group.contact_group_name]),
        "contactNames": _encoded_size(group.contact_names),
        "describe": _encoded_size([group.describe]),
    }
    if sum(sizes.values()) <= QUERY_MAX:
        return []
    member = max(sizes, key=sizes.__getitem__)
    message = f"takes {sizes[member]:,} bytes once encoded; the whole group may take {QUERY_MAX:,}"
    return [FieldError(f"/{member}", "too-large", message)]


def _encoded_size(texts: Sequence[str]) -> int:
    return sum(encoded_size(text) + MEMBER_SIZE for text in texts)


def _refused(errors: list[FieldError], total: int) -> Problem:
    count = f"{total} members break" if total > 1 else "1 member breaks"
    more = f" Only the first {ERRORS_MAX} are listed." if total > ERRORS_MAX else ""
    first = f"{errors[0].pointer or 'the body'} {errors[0].message}"
    return Problem(
        INVALID_CONTACT_GROUP, f"{count} a rule; {first}.{more}", errors=tuple(errors[:ERRORS_MAX])
    )


def _step(member: str) -> str:
    return "/" + member[:NAME_MAX].replace("~", "~0").replace("/", "~1")


def _field_errors(messages: Any, pointer: str) -> Iterator[FieldError]:
    """marshmallow's tree of messages, flat: dicts are steps, lists hold messages and, from list
    validators, dicts again.
    """
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = "" if key == "_schema" else _step(str(key))
            yield from _field_errors(inner, pointer + step)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _field_errors(inner, pointer)
    else:
        code, _, text = messages.partition(": ")
        yield FieldError(pointer, code, text)
