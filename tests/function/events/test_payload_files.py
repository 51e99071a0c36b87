"""The payload of each documented shape, and what must come of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape
from contact_groups.events.dispatcher import SOURCES, Batch, Rejected, claim, read
from contact_groups.events.history import History
from contact_groups.events.messages import Source
from contract.sources_table import payload_files, records
from local.cloudmonitor import CloudMonitor

EVENTS = Path(__file__).parents[3] / "events"
PAYLOADS = payload_files()
SHAPES: tuple[Source | HttpShape, ...] = (*HTTP_SHAPES, *SOURCES)
UNCLAIMED = {"ambiguous", "unclaimed", "mns-topic-stream-text"}


def expected(path: Path) -> Any:
    """What must come of a payload file."""
    return json.loads(path.with_name(f"{path.stem}.expected.json").read_text())


def claims(event: bytes) -> list[list[str]]:
    """The names of what claims each record of an event."""
    return [[shape.name for shape in SHAPES if shape.claims(record)] for record in records(event)]


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_each_payload_becomes_what_stands_beside_it(
    path: Path, invoke: Callable[..., dict[str, Any]], cloud: CloudMonitor
) -> None:
    """Each payload file ends in exactly the verdicts of its .expected.json, and only what is
    applied reaches CloudMonitor.
    """
    result = invoke(path.read_bytes())
    want = expected(path)
    if "statusCode" in want:
        assert result["statusCode"] == want["statusCode"]
        assert len(cloud.groups()) == 1
        return
    for item in result["items"]:
        request_id = item.pop("requestId", None)
        assert bool(request_id) == (item["verdict"] == "applied")
        if "problem" in item:
            item["problem"] = item["problem"]["type"].removeprefix("/docs/problems#")
    assert result == want
    applied = {item["contactGroupName"] for item in want["items"] if item["verdict"] == "applied"}
    assert {group.name for group in cloud.groups()} == applied
    assert len(cloud.calls()) == want["counts"]["applied"]


@pytest.mark.parametrize(
    "path", [path for path in PAYLOADS if path.stem not in UNCLAIMED], ids=lambda path: path.stem
)
def test_each_record_is_claimed_by_exactly_one_adapter(path: Path) -> None:
    """No record of a payload file is claimed by two adapters, and none by nobody."""
    assert all(len(names) == 1 for names in claims(path.read_bytes()))


@pytest.mark.parametrize("stem", sorted(UNCLAIMED))
def test_what_no_single_adapter_claims_gets_a_named_error(stem: str) -> None:
    """The three files that stand for unclaimed events are not given to anybody."""
    path = next(path for path in PAYLOADS if path.stem == stem)
    source = claim(read(path.read_bytes()))
    assert isinstance(source, Rejected)
    assert source.name == expected(path)["source"]


def test_each_adapter_claims_a_file() -> None:
    """Every adapter and every HTTP shape has at least one payload file."""
    claimed = {name for path in PAYLOADS for names in claims(path.read_bytes()) for name in names}
    assert claimed >= {shape.name for shape in SHAPES}


def test_each_file_has_its_partner() -> None:
    """No payload is without its .expected.json, and no .expected.json is left over."""
    stems = {path.stem for path in PAYLOADS}
    assert stems == {
        path.name.removesuffix(".expected.json") for path in EVENTS.glob("*.expected.json")
    }
    assert len(stems) == len(PAYLOADS)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_payloads_supersede_each_other_in_no_order(
    invoke: Callable[..., dict[str, Any]], seed: int | None
) -> None:
    """Each payload file comes to the same on an instance that has handled the others, backwards or
    in any order: none holds a group of another, but for the manifests.
    """
    history = History()
    shuffled = sorted(PAYLOADS, reverse=True)
    if seed is not None:
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, no secret
    for path in shuffled:
        result = invoke(path.read_bytes(), history=history)
        assert result.get("counts") == expected(path).get("counts"), path.name


def test_a_group_applied_through_an_event_is_the_group_that_was_sent(
    invoke: Callable[..., dict[str, Any]], cloud: CloudMonitor
) -> None:
    """Names, contacts in their order, description and subscription arrive as they were written."""
    invoke((EVENTS / "oss.json").read_bytes())
    stored = {group.name: group for group in cloud.groups()}
    assert tuple(stored["On call, payments"].contact_names) == ("Ada", "Grace")
    assert stored["On call, payments"].enable_subscribed is True
    assert stored["值班 数据库"].describe == "数据库告警"


def test_an_array_of_several_sources_is_a_batch_of_them() -> None:
    """Records of different sources in one array are each read by their own adapter."""
    source = claim(read((EVENTS / "batch.json").read_bytes()))
    assert isinstance(source, Batch)
    assert source.name == "eventbridge+kafka+mns-queue+payload"
