"""Manifests in OSS: fetched with the function's credentials, read strictly, bounded in size and
time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.events.manifest import Manifests
from contact_groups.events.messages import ObjectReference
from contact_groups.events.object_body import MANIFEST_MAX
from contact_groups.events.report import EventFailed
from contact_groups.problems import Problem
from contact_groups.settings import read_settings
from local.objects import Objects
from tests.support import ScriptedTransport, Time

Handle = Callable[..., dict[str, Any]]
GROUP_YAML = "contactGroupName: On call\ncontactNames: [Ada]\ndescribe: Woken\n"


@pytest.fixture
def objects(tmp_path: Path) -> Any:
    """An OSS whose only bucket is empty."""
    (tmp_path / "manifests").mkdir()
    with Objects(tmp_path) as running:
        yield running


def event(key: str = "rota.yaml", **changes: Any) -> bytes:
    """An event of OSS about one object; changes replace members of the event."""
    about = {"bucket": {"name": "manifests"}, "object": {"key": key, "eTag": "OLD"}}
    record = {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "region": "cn-hangzhou",
        "oss": about,
    }
    return json.dumps({"events": [{**record, **changes}]}).encode()


def put(objects: Objects, content: bytes | str, key: str = "rota.yaml") -> None:
    """Puts an object into the bucket."""
    data = content.encode() if isinstance(content, str) else content
    (objects.folder / "manifests" / key).write_bytes(data)


def item(result: dict[str, Any]) -> tuple[str, str]:
    """Slug and detail of the problem of the only item of a result."""
    [only] = result["items"]
    assert only["verdict"] == "rejected"
    return only["problem"]["type"].removeprefix("/docs/problems#"), only["problem"]["detail"]


@pytest.mark.parametrize("key", ["rota.yaml", "rota.yml", "值 班+%41.yaml"])
def test_a_yaml_object_is_applied(invoke: Handle, objects: Objects, key: str) -> None:
    """A created object ending in .yaml or .yml is fetched, by a key that is taken as it stands."""
    put(objects, "\ufeff" + GROUP_YAML, key)
    assert invoke(event(key))["counts"]["applied"] == 1
    assert objects.requested == [f"/manifests/{key}"]


@pytest.mark.parametrize("versioned", [False, True])
def test_an_item_names_the_version_that_was_read(
    invoke: Handle, tmp_path: Path, versioned: bool
) -> None:
    """The id has the version id where the bucket has versions, else the ETag; of what was fetched,
    not of the event.
    """
    (tmp_path / "manifests").mkdir(exist_ok=True)
    with Objects(tmp_path, versioned=versioned) as objects:
        put(objects, json.dumps([]), "rota.json")
        [only] = invoke(event("rota.json"), OSS_ENDPOINT=objects.url)["items"]
    version = "VD751713988987E93" if versioned else "D751713988987E9331980363E24189CE"
    assert only["id"] == f"manifests/rota.json@{version}"
    assert only["problem"]["type"] == "/docs/problems#event-without-payload"


def test_a_runtime_with_an_older_oss2_signs_with_v1(
    invoke: Handle, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oss2 2.16.0, which Function Compute's Python 3.10 has, knows no V4: the fetch is signed with
    V1.
    """
    import oss2

    monkeypatch.delattr(oss2, "AuthV4")
    put(objects, GROUP_YAML)
    assert invoke(event())["counts"]["applied"] == 1


def test_a_runtime_without_oss2_says_so(invoke: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no oss2 to import, the event fails with a problem that says what to do."""
    monkeypatch.setitem(sys.modules, "oss2", None)
    with pytest.raises(EventFailed, match="misconfigured"):
        invoke(event())


def test_a_role_s_credentials_fetch_the_manifest(handle: Handle, objects: Objects) -> None:
    """A token goes along with the request, and OSS refusing it fails the event without telling it
    to anybody.
    """
    put(objects, GROUP_YAML)
    with pytest.raises(EventFailed, match=r"manifests/rota\.yaml@OLD failed: manifest-denied"):
        handle(event(), OSS_ENDPOINT=objects.url, EVENT_DEADLINE_SECONDS="60")


@pytest.mark.parametrize(
    ("failure", "slug"),
    [(503, "unavailable"), (400, "denied"), ("break", "unavailable"), (302, "unavailable")],
)
def test_what_may_pass_fails_the_event(
    invoke: Handle, objects: Objects, failure: int | str, slug: str
) -> None:
    """When OSS fails, refuses or breaks off, the event is raised for, so that the platform tries
    again; then it works.
    """
    put(objects, GROUP_YAML)
    objects.failures.append(failure)
    with pytest.raises(EventFailed, match=f"manifests/rota.yaml@OLD failed: manifest-{slug}"):
        invoke(event())
    assert invoke(event())["counts"]["applied"] == 1


def test_an_oss_out_of_reach_fails_the_event(invoke: Handle, tmp_path: Path) -> None:
    """When nothing listens, the event is raised for."""
    with Objects(tmp_path) as gone:
        pass
    with pytest.raises(EventFailed, match="manifest-unavailable"):
        invoke(event(), OSS_ENDPOINT=gone.url)


def test_no_time_for_a_manifest_fails_the_event(
    handle: Handle, objects: Objects, time: Time
) -> None:
    """A manifest is not fetched after the deadline; its item fails."""
    put(objects, GROUP_YAML)
    two = json.loads(event())
    two["events"].append(two["events"][0])

    class Credentials:
        """Reading them takes longer than the deadline."""

        @property
        def access_key_id(self) -> str:
            time.elapsed += 40
            return "testid"

        access_key_secret = "testsecret"
        security_token = ""

    from tests.support import context

    with pytest.raises(EventFailed, match="2 failed"):
        handle(
            json.dumps(two).encode(),
            OSS_ENDPOINT=objects.url,
            context=context(credentials=Credentials()),
        )


@pytest.mark.parametrize("key", ["gone.yaml", "gone.json"])
def test_an_object_that_is_gone_is_rejected(invoke: Handle, objects: Objects, key: str) -> None:
    """An object that is no longer there will not come back by trying again."""
    slug, detail = item(invoke(event(key)))
    assert slug == "manifest-unusable"
    assert "HTTP 404 with code NoSuchKey" in detail


@pytest.mark.parametrize(
    ("changes", "slug", "said"),
    [
        (
            {"eventName": "ObjectRemoved:DeleteObject"},
            "event-refused",
            "only PutObject, PostObject, CopyObject, AppendObject",
        ),
        ({"eventName": 5}, "event-refused", "OSS reports 5"),
        ({"oss": 5}, "event-without-payload", "there is no bucket among a number"),
        (
            {"oss": {"bucket": {"name": "m/../x"}, "object": {"key": "a.json"}}},
            "event-without-payload",
            "no bucket's name",
        ),
        (
            {"oss": {"bucket": {"name": "manifests"}, "object": {"key": 5}}},
            "event-without-payload",
            "a number",
        ),
        (
            {"oss": {"bucket": {"name": "manifests"}, "object": {"key": "a.png"}}},
            "manifest-unusable",
            "'a.png'",
        ),
    ],
)
def test_an_object_that_is_no_manifest_is_not_fetched(
    invoke: Handle, objects: Objects, changes: dict[str, Any], slug: str, said: str
) -> None:
    """Removed objects, other names and events that are not whole are refused without asking OSS."""
    found = item(invoke(event(**changes)))
    assert found[0] == slug
    assert said in found[1]
    assert objects.requested == []


def test_one_event_of_several_that_is_none_is_refused_alone(
    invoke: Handle, objects: Objects
) -> None:
    """Of several events about objects, each has its own verdict."""
    put(objects, GROUP_YAML)
    whole = json.loads(event())
    whole["events"].append("no event")
    result = invoke(json.dumps(whole).encode())
    assert [(found["id"], found["verdict"]) for found in result["items"]][1] == (
        "#/events/1",
        "rejected",
    )
    assert result["counts"]["applied"] == 1


def test_a_manifest_that_is_too_large_is_rejected(invoke: Handle, objects: Objects) -> None:
    """No more than 1 MiB is read."""
    put(objects, b" " * (MANIFEST_MAX + 1))
    assert item(invoke(event())) == (
        "manifest-unusable",
        "The manifest is larger than 1,048,576 bytes.",
    )


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("rota.json", b'{"a": 1, "a": 1}', "stands more than once"),
        ("rota.json", b"", "empty"),
        ("rota.yaml", b"\xff", "not UTF-8 (byte 0)"),
        ("rota.yaml", b"", "must be one object"),
        ("rota.yaml", b"5", "must be one object"),
        (
            "rota.yaml",
            b"a: &x {}\nb: *x\n",
            "the alias *x is not taken; write the value out (line 2, column 4)",
        ),
        (
            "rota.yaml",
            b"a: !!python/name:os.system x\n",
            "the tag tag:yaml.org,2002:python/name:os.system is not taken",
        ),
        ("rota.yaml", b"!x [a]\n", "the tag !x"),
        ("rota.yaml", b"a: 1\na: 2\n", 'the key "a" stands twice (line 2, column 1)'),
        ("rota.yaml", b"{[a]: 1}", "a key must be text"),
        ("rota.yaml", b"a: 1\n---\nb: 1\n", "it holds a second document (line 3, column 1)"),
        ("rota.yaml", b"--- a\n--- b\n", "it holds a second document"),
        ("rota.yaml", b"[" * 100_000, "nested more than 32 deep"),
        ("rota.yaml", b"a: [1\n", "it is not YAML: did not find expected"),
        ("rota.yaml", b"a: \x00\n", "it is not YAML:"),
        ("rota.yaml", b"a: " + b"9" * 5_000, "a number has too many digits"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_rejected(
    invoke: Handle,
    objects: Objects,
    key: str,
    content: bytes,
    said: str,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Doubtful JSON and YAML are refused, saying what and where; the line logged holds the event
    that fetches it again.
    """
    put(objects, content, key)
    assert said in item(invoke(event(key)))[1]
    [line] = [line for line in log_lines() if line["message"] == "rejected"]
    assert json.loads(line["payload"]) == json.loads(event(key))


def test_a_thousand_groups_in_a_manifest(
    handle: Handle, objects: Objects, time: Time, transport: ScriptedTransport
) -> None:
    """A manifest of a thousand groups is applied at the pace of 20 calls a second."""
    from types import SimpleNamespace

    from tests.support import context

    groups = [
        f"- contactGroupName: Group {number}\n  contactNames: [Ada]\n  describe: d\n"
        for number in range(1000)
    ]
    put(objects, "".join(groups))
    held = SimpleNamespace(
        access_key_id="testid", access_key_secret="testsecret", security_token=""
    )
    result = handle(
        event(), context=context(credentials=held), OSS_ENDPOINT=objects.url, calls_per_second=20
    )
    assert result["counts"]["applied"] == len(transport.sent) == 1000
    assert time.elapsed == pytest.approx(999 / 20)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://oss-cn-hangzhou-internal.aliyuncs.com"),
        ({"FC_REGION": "eu-central-1"}, "https://oss-eu-central-1-internal.aliyuncs.com"),
        (
            {"FC_REGION": "cn-beijing", "CLOUDMONITOR_REGION": "cn-shanghai"},
            "https://oss-cn-beijing-internal.aliyuncs.com",
        ),
        ({"OSS_ENDPOINT": "http://127.0.0.1:8003"}, "http://127.0.0.1:8003"),
    ],
)
def test_the_endpoint_is_the_region_s_own(environment: dict[str, str], url: str) -> None:
    """Manifests are fetched inside the function's own region, unless the setting names another
    endpoint.
    """
    assert read_settings(environment).oss_endpoint.url == url


def test_a_manifest_is_not_fetched_at_the_deadline() -> None:
    """Where no time is left, nothing is fetched, and the problem says why."""
    manifests = Manifests(Endpoint("http", "127.0.0.1", 1), 5.0, lambda: 5.0)
    with pytest.raises(Problem, match="The deadline came before the manifest's turn") as raised:
        manifests.fetch(ObjectReference("b", "k.json", "cn-hangzhou"), Credentials("i", "s"))
    assert raised.value.type.slug == "manifest-unavailable"
