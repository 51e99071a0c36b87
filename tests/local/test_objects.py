"""The local OSS beside the local Function Compute: an event about an object works end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import ALIAS, EVENT_FUNCTION, ROOT, SERVICE, LocalCloud
from local.runtime_packages import offer


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The local cloud, as `make run` starts it."""
    with LocalCloud(tmp_path_factory.mktemp("state")) as running:
        yield running


def invoke(cloud: LocalCloud, stem: str) -> dict[str, Any]:
    """Invokes the deployed event function with a payload file."""
    event = (ROOT / "events" / f"{stem}.json").read_bytes()
    answer = cloud.client.invoke_function(SERVICE, EVENT_FUNCTION, event, qualifier=ALIAS)
    result: dict[str, Any] = json.loads(answer.data)
    return result


def test_an_event_of_oss_is_applied(cloud: LocalCloud) -> None:
    """The deployed function finds oss2 in its runtime, and the manifest in the local OSS."""
    result = invoke(cloud, "oss")
    assert result["counts"]["applied"] == 2, result
    assert {group.name for group in cloud.cloudmonitor.groups()} >= {"On call, payments"}


def test_an_object_that_is_put_there_is_found(cloud: LocalCloud) -> None:
    """A manifest that somebody puts into the folder of a bucket replaces what was there."""
    path = cloud.objects.folder / "on-call-manifests" / "rota" / "payments.json"
    path.write_text('{"contactGroupName": "new", "contactNames": ["Ada"], "describe": "d"}')
    assert [item["contactGroupName"] for item in invoke(cloud, "oss-json")["items"]] == ["new"]


def test_why_a_manifest_was_not_fetched_is_in_the_result(cloud: LocalCloud) -> None:
    """An object that is gone is named, with the code of the local OSS."""
    path = cloud.objects.folder / "on-call-manifests" / "rota" / "monday.yaml"
    manifest = path.read_bytes()
    path.unlink()
    try:
        [item] = invoke(cloud, "oss")["items"]
    finally:
        path.write_bytes(manifest)  # other tests read it
    assert "HTTP 404 with code NoSuchKey" in item["problem"]["detail"]


def test_a_runtime_offers_oss2_and_no_more_than_it_needs(tmp_path: Path) -> None:
    """The folder holds oss2 and its dependencies, nothing that the function must bring itself, and
    is filled anew each time.
    """
    (tmp_path / "left-over").symlink_to(tmp_path / "nowhere")
    offer(tmp_path)
    offer(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"oss2", "requests", "urllib3", "certifi", "Crypto"}
    assert not names & {"flask", "marshmallow", "yaml", "pytest", "bin", "left-over"}
    assert all(path.exists() for path in tmp_path.iterdir())
