"""Reads the part of YAML that JSON has too, which is all that a manifest needs, and refuses what
could be read in two ways.

It builds the value from the parser's events with its own stack, so that neither depth nor aliases
can use up memory. It reads plain scalars as JSON does, so that `no`, `on` or a date stay text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from contact_groups.events.bodies import DEPTH_MAX
from contact_groups.events.problems import MANIFEST_UNUSABLE
from contact_groups.problems import Problem

_JSON_SCALAR = re.compile(r"true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NO_KEY = object()


def parse_yaml(text: str) -> Any:
    """Reads one YAML document.

    Raises:
        Problem: manifest-unusable. It says what was found and where: a syntax error, a second
            document, an alias, a tag, a repeated key, a key that is not text, a number that is too
            long, nesting that is too deep.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        raise _refused(f"it is not YAML: {error.problem}", error.problem_mark) from None
    except yaml.YAMLError as error:
        raise _refused(f"it is not YAML: {str(error).splitlines()[0]}", None) from None


def _build(events: Iterable[Any]) -> Any:
    top: list[Any] = []
    stack: list[tuple[Any, Any]] = [(top, _NO_KEY)]
    for event in events:
        kind = type(event).__name__
        if kind in {"SequenceStartEvent", "MappingStartEvent"}:
            container: Any = [] if kind == "SequenceStartEvent" else {}
            _check(event, stack)
            _add(stack, container, event)
            stack.append((container, _NO_KEY))
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            stack.pop()
        elif kind == "ScalarEvent":
            _check(event, stack)
            _add(stack, _scalar(event, stack), event)
        elif kind == "AliasEvent":
            raise _refused(
                f"the alias *{event.anchor} is not taken; write the value out", event.start_mark
            )
    return top[0] if top else None


def _check(event: Any, stack: list[tuple[Any, Any]]) -> None:
    if event.tag:
        raise _refused(f"the tag {event.tag} is not taken", event.start_mark)
    if len(stack) > DEPTH_MAX:
        raise _refused(f"it is nested more than {DEPTH_MAX} deep", event.start_mark)
    if len(stack) == 1 and stack[0][0]:
        raise _refused("it holds a second document", event.start_mark)


def _add(stack: list[tuple[Any, Any]], value: Any, event: Any) -> None:
    container, key = stack[-1]
    if isinstance(container, list):
        container.append(value)
    elif key is _NO_KEY:
        if not isinstance(value, str):
            raise _refused("a key must be text", event.start_mark)
        if value in container:
            raise _refused(f"the key {json.dumps(value[:80])} stands twice", event.start_mark)
        stack[-1] = (container, value)
    else:
        container[key] = value
        stack[-1] = (container, _NO_KEY)


def _scalar(event: Any, stack: list[tuple[Any, Any]]) -> Any:
    if any("\ud800" <= character <= "\udfff" for character in event.value):
        # libyaml refuses it by itself; the parser in Python does not.
        raise _refused("a lone surrogate is no character", event.start_mark)
    if event.style or not (event.value == "" or _JSON_SCALAR.fullmatch(event.value)):
        return event.value
    container, key = stack[-1]
    if isinstance(container, dict) and key is _NO_KEY:
        return event.value  # a key is always text
    try:
        return json.loads(event.value or "null")
    except ValueError:
        raise _refused("a number has too many digits", event.start_mark) from None


def _refused(what: str, mark: Any) -> Problem:
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return Problem(MANIFEST_UNUSABLE, f"The manifest cannot be read: {what}{where}.")
