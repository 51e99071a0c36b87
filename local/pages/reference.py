"""An OpenAPI document as what its page shows: operations, their members with rules, their answers
with problem types.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

PROBLEM = "application/problem+json"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PROBLEMS = "/docs/problems#"


@dataclass(frozen=True)
class Rule:
    """One rule of a value: words, and what is quoted behind them."""

    text: str
    quoted: str = ""


@dataclass(frozen=True)
class Value:
    """A parameter, a header or a member of a body. `description` is Markdown; `example` is JSON or
    empty.
    """

    name: str
    kind: str
    required: bool
    rules: tuple[Rule, ...]
    description: str
    place: str = ""
    example: Any = None


@dataclass(frozen=True)
class Body:
    """One form of a body: its media type, its schema's name, its members, and whether it may have
    others.
    """

    media_type: str
    name: str
    description: str
    members: tuple[Value, ...]
    closed: bool
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """One answer; `problems` are the slugs and titles of the problem types that its
    examples show.
    """

    status: str
    description: str
    headers: tuple[Value, ...]
    bodies: tuple[Body, ...]
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path. Descriptions are Markdown."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Value, ...]
    bodies: tuple[Body, ...]
    answers: tuple[Answer, ...]


class Reference:
    """What a page shows of an OpenAPI 3.1 document.

    Args:
        document: The document; references lead to places inside it.
    """

    def __init__(self, document: Document) -> None:
        self._document = document

    def operations(self) -> Iterator[Operation]:
        """Every operation, in the order of the document."""
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                if operation := item.get(method):
                    yield self._operation(path, method, operation, item.get("parameters", []))

    def problem(self) -> Body | None:
        """The document of every failure, if the components have one named Problem."""
        schemas = self._document.get("components", {}).get("schemas", {})
        return self._body(PROBLEM, schemas["Problem"], ()) if "Problem" in schemas else None

    def _operation(
        self, path: str, method: str, operation: Document, shared: list[Document]
    ) -> Operation:
        parameters = [self._resolve(one) for one in (*shared, *operation.get("parameters", []))]
        return Operation(
            operation.get("operationId") or f"{method}-{path}",
            method.upper(),
            path,
            operation.get("summary", ""),
            operation.get("description", ""),
            tuple(self._value(one["name"], one.get("schema", {}), one) for one in parameters),
            tuple(self._bodies(self._resolve(operation.get("requestBody", {})))),
            tuple(
                self._answer(status, self._resolve(one))
                for status, one in operation.get("responses", {}).items()
            ),
        )

    def _answer(self, status: str, answer: Document) -> Answer:
        bodies = tuple(self._bodies(answer))
        problems = {}
        for media in answer.get("content", {}).values():
            for example in self._examples(media).values():
                if isinstance(example, dict) and str(example.get("type", "")).startswith(_PROBLEMS):
                    problems[example["type"].removeprefix(_PROBLEMS)] = str(
                        example.get("title", "")
                    )
        headers = {
            name: self._resolve(header) for name, header in answer.get("headers", {}).items()
        }
        return Answer(
            status,
            answer.get("description", ""),
            tuple(
                self._value(name, header.get("schema", {}), header)
                for name, header in headers.items()
            ),
            bodies,
            tuple(problems.items()),
        )

    def _bodies(self, holder: Document) -> Iterator[Body]:
        for media_type, media in holder.get("content", {}).items():
            examples = tuple(
                (name, json.dumps(example, indent=2, ensure_ascii=False))
                for name, example in self._examples(media).items()
            )
            schema = media.get("schema", {})
            forms = schema.get("oneOf") or schema.get("anyOf") or [schema]
            for form in forms:
                yield self._body(media_type, form, examples if form is forms[-1] else ())

    def _body(
        self, media_type: str, schema: Document, examples: tuple[tuple[str, str], ...]
    ) -> Body:
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self._resolve(schema)
        closed = schema.get("additionalProperties", schema.get("unevaluatedProperties")) is False
        return Body(
            media_type,
            name,
            schema.get("description", ""),
            tuple(self._members(schema)),
            closed,
            examples,
        )

    def _members(self, schema: Document) -> Iterator[Value]:
        required = set(schema.get("required", ()))
        for name, member in schema.get("properties", {}).items():
            yield self._value(name, member, {"required": name in required})

    def _value(self, name: str, schema: Document, holder: Document) -> Value:
        schema = self._resolve(schema)
        shown = self._examples({**schema, **holder})
        return Value(
            name,
            self._kind(schema),
            bool(holder.get("required")),
            tuple(self._rules(schema)),
            holder.get("description") or schema.get("description", ""),
            holder.get("in", ""),
            next(iter(shown.values()), None),
        )

    def _examples(self, holder: Document) -> dict[str, Any]:
        """Examples by their names; those of a media type, a parameter or a schema."""
        examples = holder.get("examples", {})
        if isinstance(examples, list):
            examples = {str(number): {"value": value} for number, value in enumerate(examples)}
        named = {name: self._resolve(example) for name, example in examples.items()}
        found = {
            example.get("summary") or name: example.get("value") for name, example in named.items()
        }
        return found or ({"": holder["example"]} if "example" in holder else {})

    def _resolve(self, schema: Document) -> Document:
        """The schema with its references followed and what `allOf` joins joined."""
        if reference := schema.get("$ref"):
            found: Any = self._document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
            return self._resolve(schema)
        parts = [self._resolve(part) for part in schema.get("allOf", ())]
        if not parts:
            return schema
        parts.append({name: value for name, value in schema.items() if name != "allOf"})
        joined = {name: value for part in parts for name, value in part.items()}
        if any("properties" in part for part in parts):
            joined["properties"] = {
                name: value for part in parts for name, value in part.get("properties", {}).items()
            }
            joined["required"] = [name for part in parts for name in part.get("required", ())]
        return joined

    def _kind(self, schema: Document) -> str:
        kind = schema.get("type", "any")
        if isinstance(kind, list):
            return " or ".join(kind)
        if kind == "array":
            return f"array of {self._kind(self._resolve(schema.get('items', {})))}"
        return str(kind)

    def _rules(self, schema: Document) -> Iterator[Rule]:
        yield from _range(schema, "minLength", "maxLength", "character")
        yield from _range(schema, "minItems", "maxItems", "item")
        yield from _range(schema, "minProperties", "maxProperties", "member")
        yield from _range(schema, "minimum", "maximum", "")
        if schema.get("uniqueItems"):
            yield Rule("no duplicates")
        if "enum" in schema:
            yield Rule("one of", ", ".join(json.dumps(value) for value in schema["enum"]))
        for keyword, text in (("const", "always"), ("default", "left out, it is")):
            if keyword in schema:
                yield Rule(text, json.dumps(schema[keyword]))
        for keyword in ("pattern", "format"):
            if keyword in schema:
                yield Rule(keyword, schema[keyword])
        if "properties" in schema:
            yield Rule("members", ", ".join(schema["properties"]))
        if "items" in schema:
            for rule in self._rules(self._resolve(schema["items"])):
                yield Rule(f"each: {rule.text}", rule.quoted)


def _range(schema: Document, least: str, most: str, what: str) -> Iterator[Rule]:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return
    if low is not None and high is not None:
        text = f"{low:,} to {high:,}" if low != high else f"exactly {low:,}"
    else:
        text = f"at least {low:,}" if high is None else f"at most {high:,}"
    last = high if high is not None else low
    yield Rule(f"{text} {what}{'s' if what and last != 1 else ''}".strip())
