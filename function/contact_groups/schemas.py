"""What a contact group is: the one schema that reads it, writes it and documents it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from contact_groups.cloudmonitor.signature import encoded_size
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.problem_details import field_errors, pointer_step
from contact_groups.problems import INVALID_CONTACT_GROUP, FieldError, Problem
from contact_groups.schema_fields import (
    CONTACT_NAMES_MAX,
    DESCRIBE_MAX,
    DESCRIBE_PATTERN,
    Names,
    StrictBoolean,
    messages,
    name_field,
    not_blank,
    too_long,
    unique,
)

#: CloudMonitor accepts 128 KB of headers and query together (facts/cloudmonitor.md §1.5). 8 KB of
#: them are for the common parameters and the headers; the largest header is the security token.
QUERY_MAX = (128 - 8) * 1024
#: The name of a parameter with its two separators takes at most 20 bytes.
MEMBER_SIZE = 20
#: An encoded ASCII character takes at most 3 bytes. Any other takes at most 12: four times 3.
ASCII_SIZE, CHARACTER_SIZE = 3, 12
#: A problem lists at most this many errors; a body has room for thousands.
ERRORS_MAX = 50

#: The code of every error that a problem can list.
CODES = frozenset(
    "required unknown-member wrong-type blank edge-space control-character too-long too-few"
    " too-many duplicate mismatch too-large slash".split()
)


class ContactGroupSchema(Schema):
    """A contact group in JSON."""

    error_messages = {  # noqa: RUF012 - marshmallow declares it on instances
        "type": "wrong-type: must be one object",
    }

    class Meta:
        unknown = RAISE

    contact_group_name = name_field(data_key="contactGroupName", required=True)
    contact_names = Names(
        name_field(),
        data_key="contactNames",
        required=True,
        validate=[
            validate.Length(min=1, error="too-few: must contain at least one contact"),
            validate.Length(
                max=CONTACT_NAMES_MAX, error="too-many: must contain at most {max} contacts"
            ),
            unique,
        ],
        error_messages=messages("an array of strings"),
        metadata={
            "uniqueItems": True,
            "description": "Names of existing alert contacts of CloudMonitor.",
        },
    )
    describe = fields.String(
        required=True,
        validate=[not_blank, too_long(DESCRIBE_MAX)],
        error_messages=messages("a string"),
        metadata={
            "pattern": DESCRIBE_PATTERN,
            "description": "Not only white space, that of Unicode included.",
        },
    )
    enable_subscribed = StrictBoolean(
        data_key="enableSubscribed",
        error_messages=messages("true or false"),
        metadata={"description": "If it is left out, CloudMonitor keeps its value."},
    )


_VERIFIED = {"description": "true: no answer said that it was applied, and then it was read so"}


class AppliedSchema(ContactGroupSchema):
    """The response to a write that succeeded: the group as accepted, and CloudMonitor's
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
        name: the name in the path, if there is one. The payload's own name is then optional and
            must be equal.

    Raises:
        Problem: invalid-contact-group, with an error for each wrong member.
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
        # EXCLUDE, since marshmallow would name every unknown member, in an order that changes.
        members = _SCHEMA.load(payload, unknown=EXCLUDE)
    except ValidationError as error:
        errors += field_errors(error.messages, "")
    if errors or unknown:
        total = len(errors) + len(unknown)
        errors += (FieldError(pointer_step(member), *_UNKNOWN) for member in unknown[:ERRORS_MAX])
        raise _refused(errors, total)
    group = ContactGroup(**{**members, "contact_names": tuple(members["contact_names"])})
    if errors := _too_large(group):
        raise _refused(errors, 1)
    return group


def _mismatch(given: Any, name: str) -> list[FieldError]:
    if not isinstance(given, str) or given == name:
        return []
    # Without the name: the detail of a problem gets into the log.
    return [FieldError("/contactGroupName", "mismatch", "must equal the name in the path")]


def dump_contact_group(group: ContactGroup) -> dict[str, Any]:
    """The JSON of a contact group, as `load_contact_group` accepts it."""
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
        return []  # the fast path: nearly every group fits even in the worst encoding
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
