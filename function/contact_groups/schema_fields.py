"""The field types of the schema of a contact group: names, texts and switches, with their rules.

Every message is `code: text`. Programs read the code; `CODES` in schemas.py lists all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

#: CloudMonitor's own limit: "Valid values of N: 1 to 100" (facts/cloudmonitor.md §1.1).
CONTACT_NAMES_MAX = 100
#: Our own limit, since CloudMonitor documents none. It is long enough for any name that a console
#: accepts, and short enough to bound a request.
NAME_MAX = 255
#: Our own limit, since CloudMonitor documents none.
DESCRIBE_MAX = 2_048

_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_SPACES = r" \xa0"
#: White space beyond Latin-1. Go, Java, JavaScript and Python have no common notation for it, so
#: the published patterns leave it out.
_WIDE_SPACES = r"\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def _name_pattern(spaces: str) -> str:
    return rf"^[^{_CONTROLS}{spaces}]([^{_CONTROLS}]*[^{_CONTROLS}{spaces}])?$"


def _describe_pattern(spaces: str) -> str:
    return rf"[^\x09-\x0d\x1c-\x1f\x85{spaces}]"


#: The one rule for names: not blank, no white space at either end, no control characters. It holds
#: for the whole text: `$` alone also matches before a final line break.
NAME_RULE = _name_pattern(_SPACES + _WIDE_SPACES)
#: The one rule for descriptions: something that is not white space.
DESCRIBE_RULE = _describe_pattern(_SPACES + _WIDE_SPACES)
#: The same rules as the contract publishes them, read alike by the regular expressions of Go,
#: Java, JavaScript and Python. They accept what the rules accept, and a little more.
NAME_PATTERN, DESCRIBE_PATTERN = _name_pattern(_SPACES), _describe_pattern(_SPACES)
_DESCRIBE = re.compile(DESCRIBE_RULE)  # `re` compiles the other one at the first doubtful name


def not_blank(text: str) -> None:
    """Refuses a text without any character except white space."""
    if not _DESCRIBE.search(text):
        raise ValidationError("blank: must not be empty or only white space")


def _name_rules(text: str) -> None:
    if re.fullmatch(NAME_RULE, text):
        return
    not_blank(text)
    if found := re.search(f"[{_CONTROLS}]", text):
        where = f"U+{ord(found[0]):04X} at {found.start()}"
        raise ValidationError(f"control-character: must not contain control characters; {where}")
    raise ValidationError("edge-space: must not begin or end with white space")


def unique(names: list[str]) -> None:
    """Refuses a name that stands twice; the error is at each later one."""
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    errors: dict[str | int, list[str]] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            errors[index] = [f"duplicate: is the same as /contactNames/{first[name]}"]
    raise ValidationError(errors)


def too_long(most: int) -> validate.Length:
    """Refuses a text of more than `most` characters."""
    return validate.Length(max=most, error="too-long: must be at most {max} characters")


def messages(kind: str) -> dict[str, Any]:
    """The messages of a field; `kind` is what its value must be."""
    wrong = f"wrong-type: must be {kind}"
    return {
        "required": "required: is missing; it is required",
        "null": wrong,
        "invalid": wrong,
        "invalid_utf8": wrong,
    }


class Name(fields.String):
    """A name, with a fast path: most names are valid, and a request has up to a hundred.

    marshmallow checks the others, to find the rule that is broken. A printable text contains no
    control character, and no white space except the space.
    """

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Returns a valid name at once; marshmallow checks any other value."""
        if (
            isinstance(value, str)
            and 0 < len(value) <= NAME_MAX
            and value.isprintable()
            and value == value.strip()
        ):
            return value
        return super().deserialize(value, attr, data, **kwargs)


def name_field(**options: Any) -> Name:
    """A field for one name; `options` go to marshmallow."""
    return Name(
        validate=[_name_rules, too_long(NAME_MAX)],
        error_messages=messages("a string"),
        metadata={
            "pattern": NAME_PATTERN,
            "description": "No white space at either end, that of Unicode included; no control"
            " characters.",
        },
        **options,
    )


class StrictBoolean(fields.Boolean):
    """Only true or false: neither 1 nor "true"."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Names(fields.List[str]):
    """An array of names. It refuses an array that is too long before it reads the elements: a body
    has room for 131,000 invalid ones.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str | None]:
        if isinstance(value, list) and len(value) > CONTACT_NAMES_MAX:
            for validator in self.validators:
                if isinstance(validator, validate.Length):
                    validator(value)
        return super()._deserialize(value, attr, data, **kwargs)
