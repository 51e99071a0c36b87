"""`python -m contract.mutate`: breaks each rule of the contact group, one at a time, and shows that a check notices.

The check is the one of the tests: the application accepts a body if and only if the document says that it is valid. It is held
on `PROBES`, bodies on both sides of every rule. Rules are broken on either side, in the application's schema and in the document.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from contact_groups.schemas import CONTACT_NAMES_MAX, DESCRIBE_MAX, NAME_MAX, ContactGroupSchema, Name

OPENAPI = Path(__file__).parent.parent / "function" / "openapi.json"
VALID: dict[str, Any] = {"contactGroupName": "a", "contactNames": ["a"], "describe": "d"}


def _names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


_TEXTS: tuple[Any, ...] = (
    "",
    " ",
    " a",
    "a ",
    "\u3000a",
    "a\nb",
    "a\n",
    "\u0085",
    "a\u007f",
    "值班 😀",
    None,
    1,
    True,
    ["a"],
)
#: Bodies on both sides of each rule; the valid ones are as telling as the others.
PROBES: tuple[Any, ...] = (
    VALID,
    *({name: value for name, value in VALID.items() if name != left_out} for left_out in VALID),
    *({**VALID, "enableSubscribed": value} for value in (True, False, None, "true", 1, 0)),
    {**VALID, "other": 1},
    *({**VALID, "contactGroupName": text} for text in (*_TEXTS, "x" * NAME_MAX, "x" * (NAME_MAX + 1))),
    *({**VALID, "contactNames": [text]} for text in (*_TEXTS, "x" * NAME_MAX, "x" * (NAME_MAX + 1))),
    *({**VALID, "describe": text} for text in (*_TEXTS, "x" * DESCRIBE_MAX, "x" * (DESCRIBE_MAX + 1))),
    *({**VALID, "contactNames": _names(n)} for n in (0, 1, 2, CONTACT_NAMES_MAX, CONTACT_NAMES_MAX + 1)),
    *({**VALID, "contactNames": value} for value in (["a", "b", "a"], None, "a", {"0": "a"})),
    [], None, "a", 1,
)  # fmt: skip


def disagreements(schema: Schema, document: dict[str, Any]) -> list[str]:
    """The probes that one side accepts and the other refuses.

    Args:
        schema: the application's.
        document: the whole OpenAPI document.
    """
    root = {"$ref": "#/components/schemas/ContactGroup", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(root)
    return [json.dumps(probe)[:60] for probe in PROBES if _accepts(schema, probe) != validator.is_valid(probe)]


def _accepts(schema: Schema, body: Any) -> bool:
    try:
        schema.load(body)
    except ValidationError:
        return False
    return True


def schema_mutants() -> Iterator[tuple[str, Schema]]:
    """The application's schema with one rule broken, and which."""
    schema = ContactGroupSchema()
    schema.unknown = EXCLUDE
    yield "unknown members are ignored", schema
    for name in schema.fields:
        for rule, field in _field_mutants(ContactGroupSchema().fields[name]):
            yield f"{name}: {rule}", _with(name, field)
    inner = ContactGroupSchema().fields["contact_names"].inner  # type: ignore[attr-defined]  # it is a List
    for rule, field in _field_mutants(inner):
        if rule not in {"not required", "required"}:
            names = copy.copy(ContactGroupSchema().fields["contact_names"])
            names.inner = field  # type: ignore[attr-defined]  # it is a List
            yield f"contact_names, each: {rule}", _with("contact_names", names)


def _with(name: str, field: fields.Field[Any]) -> Schema:
    schema = ContactGroupSchema()
    schema.fields[name] = field
    schema.load_fields = {**schema.load_fields, name: field}
    return schema


def _field_mutants(field: fields.Field[Any]) -> Iterator[tuple[str, fields.Field[Any]]]:
    def changed(**attributes: Any) -> fields.Field[Any]:
        # The first look of Name repeats its rules, and tests/bench/test_shortcuts.py holds it to them; here the rules are broken.
        mutant = fields.String() if isinstance(field, Name) else copy.copy(field)
        vars(mutant).update({**vars(field), **attributes})
        return mutant

    yield ("not required" if field.required else "required"), changed(required=not field.required)
    yield "null is accepted", changed(allow_none=True)
    if isinstance(field, fields.Boolean):
        lenient = fields.Boolean(data_key=field.data_key)
        lenient.name, lenient.attribute = field.name, field.attribute
        yield "a word is a boolean", lenient
    for index, validator in enumerate(field.validators):
        rest = [other for position, other in enumerate(field.validators) if position != index]
        yield f"without {_validator_name(validator)}", changed(validators=rest)
        for attribute in ("min", "max"):
            bound = getattr(validator, attribute, None)
            for moved in (bound - 1, bound + 1) if isinstance(bound, int) else ():
                length = validate.Length(min=moved) if attribute == "min" else validate.Length(max=moved)
                yield f"{attribute} length {moved}", changed(validators=[*rest, length])


def _validator_name(validator: Any) -> str:
    name: str = getattr(validator, "__name__", type(validator).__name__)
    return (
        f"{name.strip('_')}{'' if not isinstance(validator, validate.Length) else f' {validator.min}..{validator.max}'}"
    )


def document_mutants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one rule of ContactGroup broken, and which."""
    for path, keyword, value in _rules(document["components"]["schemas"]["ContactGroup"], ()):
        for what, changed in _keyword_mutants(keyword, value):
            mutant = copy.deepcopy(document)
            place = mutant["components"]["schemas"]["ContactGroup"]
            for step in path:
                place = place[step]
            if changed is None:
                del place[keyword]
            else:
                place[keyword] = changed
            yield f"{'/'.join((*path, keyword))}: {what}", mutant


_RULES = ("type", "required", "additionalProperties", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems")


def _rules(schema: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    for keyword in _RULES:
        if keyword in schema:
            yield path, keyword, schema[keyword]
    for name, inner in schema.get("properties", {}).items():
        yield from _rules(inner, (*path, "properties", name))
    if "items" in schema:
        yield from _rules(schema["items"], (*path, "items"))


def _keyword_mutants(keyword: str, value: Any) -> Iterator[tuple[str, Any]]:
    if keyword == "required":
        for name in value:
            yield f"without {name}", [other for other in value if other != name]
    else:
        yield "left out", None
    if isinstance(value, int) and not isinstance(value, bool):
        yield f"{value - 1}", value - 1
        yield f"{value + 1}", value + 1


def main() -> int:
    """Prints a line a broken rule; exit code 1 if one goes unnoticed."""
    document = json.loads(OPENAPI.read_text())
    if found := disagreements(ContactGroupSchema(), document):
        print(f"application and document disagree unbroken: {found[0]}", file=sys.stderr)
        return 1
    survived = 0
    for side, mutants in (("application", _checked(document)), ("document", _documents(document))):
        for rule, noticed in mutants:
            survived += not noticed
            print(f"{'noticed' if noticed else 'SURVIVED':9} {side:12} {rule:60.60} {noticed[0] if noticed else ''}")
    print(f"{survived} went unnoticed" if survived else "every broken rule was noticed")
    return 1 if survived else 0


def _checked(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for rule, schema in schema_mutants():
        yield rule, disagreements(schema, document)


def _documents(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for rule, mutant in document_mutants(document):
        yield rule, disagreements(ContactGroupSchema(), mutant)


if __name__ == "__main__":
    sys.exit(main())
