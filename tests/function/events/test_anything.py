"""Arbitrary events: whatever comes in, only verdicts or the named errors come out."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape
from contact_groups.events import dispatcher, handler
from contact_groups.events.bodies import DEPTH_MAX
from contact_groups.events.history import History
from contact_groups.events.items import VERDICTS
from contact_groups.events.problems import MANIFEST_UNUSABLE
from contact_groups.events.report import EventFailed
from contact_groups.events.yaml_manifest import parse_yaml
from contact_groups.groups import Groups
from contact_groups.problems import Problem
from contact_groups.settings import read_settings
from tests.support import CANARY_SECRET, SUCCESS, ScriptedTransport, Time, refusal

EVENTS = Path(__file__).parents[3] / "events"
KEYS = sorted(
    {key for source in dispatcher.SOURCES for key in source.keys}
    | set(
        "attrs body contactGroups contactGroupName enableSubscribed eventName eventSource events"
        " oss product requestContext specversion triggerName type version httpMethod rawPath"
        " headers path".split()
    )
)
WORDS = st.sampled_from(
    "acs:oss cdn mns:Queue:SendMessage dts: cms:ActionTrail:ApiCall x:CloudMonitor:y CloudMonitor"
    " Sync-v1 {} []".split()
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
GROUPS = st.fixed_dictionaries(
    {
        "contactGroupName": st.text(),
        "contactNames": st.lists(st.text(), max_size=3),
        "describe": st.text(),
    }
)
FILES = [path for path in sorted(EVENTS.glob("*.json")) if not path.name.endswith(".expected.json")]


@st.composite
def disturbed_files(draw: st.DrawFn) -> Any:
    """A payload file with one of its members replaced or removed."""
    value: Any = json.loads(draw(st.sampled_from(FILES)).read_text())
    inner = value
    while isinstance(inner, (dict, list)) and inner:
        step = draw(st.sampled_from(list(inner) if isinstance(inner, dict) else range(len(inner))))
        if not isinstance(inner[step], (dict, list)) or draw(st.booleans()):
            inner[step] = draw(JSON)
            return value
        inner = inner[step]
    return value


EVENT_VALUES = JSON | GROUPS | st.lists(GROUPS | JSON, max_size=4) | disturbed_files()
RAW = (
    st.binary()
    | EVENT_VALUES.map(lambda value: json.dumps(value).encode())
    | EVENT_VALUES.map(lambda value: json.dumps(json.dumps(value)).encode())
)
ANSWERS = st.sampled_from(
    [SUCCESS, refusal("InvalidParameterValue"), refusal("InternalError", 500), RuntimeError("bug")]
)


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=RAW, answer=ANSWERS, rejected_raises=st.booleans())
def test_anything_ends_in_verdicts_or_the_named_errors(
    make_client: Callable[..., Any], raw: bytes, answer: Any, rejected_raises: bool
) -> None:
    """Any bytes and any JSON end in a result whose counts add up, or in EventFailed without a
    secret.
    """
    value = dispatcher.read(raw)
    source = dispatcher.claim(value)
    if isinstance(source, HttpShape):
        assert source in HTTP_SHAPES
        return
    clock = Time()
    client = make_client(
        transport=ScriptedTransport([answer]), monotonic=clock.monotonic, sleep=clock.sleep
    )
    keys = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET,
    }
    chosen = read_settings(
        {
            "EVENT_REJECTED_RAISES": str(rejected_raises).lower(),
            "OSS_ENDPOINT": "http://127.0.0.1:9",
        }
    )
    result, text = {}, ""
    try:
        result = handler.handle(
            source,
            value,
            None,
            Groups(client),
            chosen,
            event=raw,
            history=History(),
            environment=keys,
            monotonic=clock.monotonic,
        )
    except EventFailed as failed:
        text = str(failed)
    assert CANARY_SECRET not in text
    assert len(text) < 10_000
    if text:
        return
    json.dumps(result)
    assert set(result["counts"]) == set(VERDICTS)
    assert sum(result["counts"].values()) == len(result["items"])
    assert result["counts"]["failed"] == 0
    assert all(item["verdict"] in VERDICTS for item in result["items"])


def test_nothing_is_claimed_by_order() -> None:
    """An object with the members of two payload files, which more than one adapter claims, is given
    to none of them.
    """
    objects = [value for path in FILES if isinstance(value := json.loads(path.read_text()), dict)]
    shapes: tuple[Any, ...] = (*HTTP_SHAPES, *dispatcher.SOURCES)
    ambiguous = 0
    for first, second in itertools.permutations(objects, 2):
        value = {**first, **second}
        if sum(shape.claims(value) for shape in shapes) > 1:
            source: Any = dispatcher.claim(value)
            assert source.name == "ambiguous"
            ambiguous += 1
    assert ambiguous > 100


YAML = st.text() | st.text(alphabet="{}[]:,-&*!#|>'\"%@` \n\\ua1d80~?") | JSON.map(json.dumps)


def only_json(value: Any, depth: int = 0) -> bool:
    """Whether a value holds only what JSON can say, no deeper than a manifest may be."""
    if isinstance(value, dict):
        inner = list(value.values())
        return all(type(key) is str for key in value) and only_json(inner, depth)
    if isinstance(value, list):
        return depth <= DEPTH_MAX and all(only_json(item, depth + 1) for item in value)
    return value is None or type(value) in {str, bool, int} or math.isfinite(value)


@settings(max_examples=400)
@given(text=YAML)
def test_any_yaml_is_a_json_value_or_a_problem(text: str) -> None:
    """Whatever a manifest holds, it is read as what JSON can say, or refused as a manifest."""
    refused: Problem | None = None
    value = None
    try:
        value = parse_yaml(text)
    except Problem as problem:
        refused = problem
    if refused:
        assert refused.type is MANIFEST_UNUSABLE
        assert refused.detail.startswith("The manifest cannot be read: ")
    assert only_json(value)
    json.dumps(value, ensure_ascii=False).encode()


PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)
PLAIN_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PRINTABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(value=PLAIN_JSON)
def test_json_in_a_yaml_manifest_is_read_as_json(value: Any) -> None:
    """JSON is YAML too, and means the same in it."""
    assert parse_yaml(json.dumps(value, ensure_ascii=False)) == value
