"""`python -m contract.mutate`: breaks each rule of the contract, one at a time, and shows that a
check notices.

The check is the one of the tests: the application accepts a body, or a name in the path, if and
only if the document says that it is valid; and the problem types, statuses and codes that the
document lists are those that the application answers. It is held on contract/probes.py. The rules
of a contact group are broken on either side, in the application's schema and in the document.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from contact_groups.cloudmonitor.problems import CONTACT_GROUP_NOT_FOUND
from contact_groups.problems import Problem
from contact_groups.schema_fields import Name
from contact_groups.schemas import ContactGroupSchema, load_contact_group
from contract.probes import BODIES, PATHS, answers, coarse, is_accepted_path, name_of

OPENAPI = Path(__file__).parent.parent / "function" / "openapi.json"
#: Where in the document rules stand: two bodies, and the name in the path of PUT.
GROUP = ("components", "schemas", "ContactGroup")
GROUP_IN_PATH = ("components", "schemas", "ContactGroupInPath")
NAME_IN_PATH = ("paths", "/v1/contact-groups/{contactGroupName}", "parameters", 0, "schema")
CODES = ("components", "schemas", "FieldError", "properties", "code")
WRITES = (("/v1/contact-groups", "post"), ("/v1/contact-groups/{contactGroupName}", "put"))
Place = tuple[Any, ...]
#: What the application answers to each probe.
Verdicts = list[tuple[Any, bool]]


def verdicts(load: Callable[[Any], Any]) -> Verdicts:
    """Which bodies the application accepts, when it reads them like this."""
    return [(body, _accepts(load, coarse(body))) for body in BODIES]


def load_in_path(body: Any) -> Any:
    """Reads a body as PUT does, under a path of the same name."""
    return load_contact_group(body, name_of(body))


def _accepts(load: Callable[[Any], Any], body: Any) -> bool:
    try:
        load(body)
    except (ValidationError, Problem):
        return False
    return True


def disagreement(document: dict[str, Any], place: Place, said: Verdicts) -> str | None:
    """The first probe that the application accepts and the document refuses, or the reverse; None:
    they agree.
    """
    schema = _at(document, place)
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    return next(
        (ascii(probe)[:60] for probe, accepted in said if accepted != validator.is_valid(probe)),
        None,
    )


def unlike_answers(document: dict[str, Any], given: list[dict[str, Any]]) -> str | None:
    """The first problem type, status or code that is listed and never answered, or the reverse;
    None: they agree.
    """
    for path, method in WRITES:
        for status, response in document["paths"][path][method]["responses"].items():
            if status < "400":
                continue
            if "application/problem+json" not in response["content"]:
                continue  # Function Compute alone answers it
            rules = response["content"]["application/problem+json"]["schema"]["properties"]
            codes = {answer["code"] for answer in given if str(answer["status"]) == status}
            codes.discard(CONTACT_GROUP_NOT_FOUND.slug)  # which no write meets
            if (
                set(rules["code"].get("enum", ())) != codes
                or str(rules["status"].get("const")) != status
            ):
                return f"{method} {status}: {sorted(codes)[0]}"
    codes = {error["code"] for answer in given for error in answer.get("errors", ())}
    wrong = codes ^ set(_at(document, CODES).get("enum", ()))
    return sorted(wrong)[0] if wrong else None


def _at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


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
        # The first look of Name repeats its rules, and tests/bench/test_shortcuts.py holds it to
        # them; here the rules are broken.
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
                length = (
                    validate.Length(min=moved) if attribute == "min" else validate.Length(max=moved)
                )
                yield f"{attribute} length {moved}", changed(validators=[*rest, length])


def _validator_name(validator: Any) -> str:
    if isinstance(validator, validate.Length):
        return f"Length {validator.min}..{validator.max}"
    name: str = validator.__name__
    return name.strip("_")


def document_mutants(
    document: dict[str, Any], place: Place
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one rule of the schema at this place broken, and which."""
    for path, keyword, value in _rules(_at(document, place), ()):
        for what, changed in _keyword_mutants(keyword, value):
            # All that a path holds is text.
            if (*place, keyword) != (*NAME_IN_PATH, "type"):
                yield (
                    f"{'/'.join((*path, keyword))}: {what}",
                    _changed(document, (*place, *path), keyword, changed),
                )


def list_mutants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one problem type, status or code left out, added or changed, and which."""
    for path, method in WRITES:
        for status in (
            status for status in document["paths"][path][method]["responses"] if status >= "400"
        ):
            schema = (
                "responses",
                status,
                "content",
                "application/problem+json",
                "schema",
                "properties",
            )
            place = ("paths", path, method, *schema)
            for member, keyword in (("code", "enum"), ("status", "const")):
                for what, changed in _keyword_mutants(
                    keyword, _at(document, (*place, member, keyword))
                ):
                    yield (
                        f"{method} {status} {member}: {what}",
                        _changed(document, (*place, member), keyword, changed),
                    )
    for what, changed in _keyword_mutants("enum", _at(document, CODES)["enum"]):
        yield f"FieldError code: {what}", _changed(document, CODES, "enum", changed)


def _changed(node: Any, place: Place, keyword: str, value: Any) -> Any:
    """A copy of what leads to the keyword; the rest is shared, since nothing changes a mutant."""
    mutant = copy.copy(node)
    if place:
        mutant[place[0]] = _changed(node[place[0]], place[1:], keyword, value)
    elif value is None:
        del mutant[keyword]
    else:
        mutant[keyword] = value
    return mutant


_RULES = (
    "type",
    "required",
    "additionalProperties",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
)
#: What a pattern is made of that can be left out: a character or a range of a class.
_PARTS = re.compile(r"\\x[0-9a-f]{2}(?:-\\x[0-9a-f]{2})?| |/")


def _rules(
    schema: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    for keyword in _RULES:
        if keyword in schema:
            yield path, keyword, schema[keyword]
    for name, inner in schema.get("properties", {}).items():
        yield from _rules(inner, (*path, "properties", name))
    if "items" in schema:
        yield from _rules(schema["items"], (*path, "items"))


def _keyword_mutants(keyword: str, value: Any) -> Iterator[tuple[str, Any]]:
    """None: the keyword is left out."""
    if isinstance(value, list):
        for name in value:
            yield f"without {name}", [other for other in value if other != name]
        yield "one more", [*value, "other"]
    else:
        yield "left out", None
    if isinstance(value, int) and not isinstance(value, bool):
        yield f"{value - 1}", value - 1
        yield f"{value + 1}", value + 1
    if keyword == "pattern":
        for part in _PARTS.finditer(value):
            yield (
                f"without {part[0]} at {part.start()}",
                value[: part.start()] + value[part.end() :],
            )


def mutants() -> Iterator[tuple[str, str, str | None]]:
    """For each rule: the side that it was broken on, what was broken, and what showed it; None: it
    went unnoticed.
    """
    document = json.loads(OPENAPI.read_text())
    for rule, schema in [("nothing", ContactGroupSchema()), *schema_mutants()]:
        yield "application", rule, disagreement(document, GROUP, verdicts(schema.load))
    places: list[tuple[str, Place, Verdicts]] = [
        ("body of POST", GROUP, verdicts(ContactGroupSchema().load)),
        ("body of PUT", GROUP_IN_PATH, verdicts(load_in_path)),
        ("path of PUT", NAME_IN_PATH, [(name, is_accepted_path(coarse(name))) for name in PATHS]),
    ]
    for side, place, said in places:
        for rule, mutant in [("nothing", document), *document_mutants(document, place)]:
            yield side, rule, disagreement(mutant, place, said)
    given = answers()
    for rule, mutant in [("nothing", document), *list_mutants(document)]:
        yield "answers", rule, unlike_answers(mutant, given)


def main() -> int:
    """Prints one line for each broken rule; exit code 1 if one goes unnoticed, or if the unbroken
    document is said to be wrong.
    """
    wrong = 0
    for side, rule, shown in mutants():
        good, bad = ("agrees", "DISAGREES") if rule == "nothing" else ("noticed", "SURVIVED")
        verdict = good if (shown is None) == (rule == "nothing") else bad
        wrong += verdict is bad
        print(f"{verdict:9} {side:12} {rule:70.70} {shown or ''}")
    print(f"{wrong} wrong" if wrong else "every broken rule was noticed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
