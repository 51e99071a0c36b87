"""The rules of an OpenAPI document that its schema does not hold: tests/contract/test_lint.py.

They are the rules of Spectral's `spectral:oas` that a document of this kind can break.
openapi-spec-validator holds the document to the specification; this holds it to itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with a document, each with its place; empty if nothing is."""
    if broken := list(_of_references(document)):
        return broken  # what leads nowhere cannot be looked into
    return [
        *_of_the_whole(document),
        *(fault for place, node in _walk(document) for fault in _of_node(document, place, node)),
        *(fault for place, node in _walk(document) for fault in _of_values(document, place, node)),
        *(fault for place, node in _walk(document) for fault in _of_members(document, place, node)),
        *(fault for path in document["paths"] for fault in _of_path(document, path)),
    ]


def _walk(node: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield place, node
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        is_example = key in {"value", "example", "default"} or (
            key == "examples" and isinstance(child, list)
        )
        if isinstance(child, dict | list) and not is_example:
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from _walk(child, f"{place}/{step}")


def _of_the_whole(document: dict[str, Any]) -> Iterator[str]:
    if not document["info"].get("contact"):
        yield "#/info: no contact"
    if not document.get("servers"):
        yield "#/servers: there are none"
    for number, server in enumerate(document.get("servers", ())):
        if set(re.findall(r"{(\w+)}", server["url"])) != server.get("variables", {}).keys():
            yield f"#/servers/{number}: variables are not those of the URL"


def _of_references(document: dict[str, Any]) -> Iterator[str]:
    components = document["components"]
    there = {
        f"#/components/{kind}/{name}"
        for kind in components
        if kind != "securitySchemes"
        for name in components[kind]
    }
    used = {node["$ref"] for _, node in _walk(document) if "$ref" in node}
    yield from (f"{target}: does not exist" for target in used - there)
    yield from (f"{target}: nothing uses it" for target in there - used)


def _of_node(document: dict[str, Any], place: str, node: dict[str, Any]) -> Iterator[str]:
    for name in ("description", "summary", "title"):
        if "<script" in str(node.get(name, "")).lower():
            yield f"{place}/{name}: a script"
    for requirement in node["security"] if isinstance(node.get("security"), list) else ():
        if requirement.keys() - document["components"]["securitySchemes"].keys():
            yield f"{place}/security: no such scheme"


def _of_members(document: dict[str, Any], place: str, node: dict[str, Any]) -> Iterator[str]:
    """Each member of a named schema says what it is, and shows an example that is valid."""
    if not re.fullmatch("#/components/schemas/[^/]+", place):
        return
    if not node.get("description"):
        yield f"{place}: no description"
    for name, member in node.get("properties", {}).items():
        if not member.get("description"):
            yield f"{place}/properties/{name}: no description"
        if not member.get("examples"):
            yield f"{place}/properties/{name}: no example"
        for value in member.get("examples", ()):
            yield from _invalid(document, f"{place}/properties/{name}", member, value)


def _of_values(document: dict[str, Any], place: str, node: dict[str, Any]) -> Iterator[str]:
    if isinstance(node.get("enum"), list):
        kind = {"type": node["type"]} if "type" in node else {}
        if len(set(map(repr, node["enum"]))) != len(node["enum"]):
            yield f"{place}/enum: a value twice"
        for value in node["enum"]:
            yield from _invalid(document, place, kind, value)
    schema = node.get("schema", node if "type" in node else {})
    if isinstance(schema, dict):
        for name in ("example", "default"):
            if name in node:
                yield from _invalid(document, f"{place}/{name}", schema, node[name])
        examples = node.get("examples")
        for name, example in examples.items() if isinstance(examples, dict) else ():
            yield from _invalid(document, f"{place}/examples/{name}", schema, example["value"])


def _invalid(
    document: dict[str, Any], place: str, schema: dict[str, Any], value: Any
) -> Iterator[str]:
    whole = {**schema, "components": document["components"]}
    if not jsonschema.Draft202012Validator(whole).is_valid(value):
        yield f"{place}: not of its schema"


def _of_path(document: dict[str, Any], path: str) -> Iterator[str]:
    if "?" in path or (path.endswith("/") and path != "/"):
        yield f"{path}: a query, or a slash at the end"
    tags = {tag["name"] for tag in document["tags"]}
    for method in document["paths"][path].keys() & METHODS:
        operation = document["paths"][path][method]
        place = f"{method.upper()} {path}"
        if not (operation.get("description") and operation.get("summary")):
            yield f"{place}: no description or summary"
        if not operation.get("tags") or not set(operation["tags"]) <= tags:
            yield f"{place}: tags are missing or not declared"
        if not re.fullmatch(r"[\w.~-]+", operation.get("operationId", "")):
            yield f"{place}: an operationId that does not fit a URL"
        if not any(status.startswith(("2", "3")) for status in operation["responses"]):
            yield f"{place}: no success"
