"""The client against the deployed function, signed, on both local platforms."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_groups_client import (
    AccessKey,
    Client,
    ContactGroup,
    ContactGroupNotFound,
    InvalidContactGroup,
    InvalidQuery,
    PlatformError,
    PreconditionFailed,
)
from local.cloud import LocalCloud
from local.cloudmonitor import Fault


@pytest.mark.parametrize("name", ["plain", "告警 值班*~+组", "a/b", "..", "x?y#z&w=%"])
def test_a_life(client: Client, name: str) -> None:
    """A group of any name is created, read, listed and deleted, and is then absent."""
    group = ContactGroup(name, ["a", "b"], "d", enable_subscribed=True)

    done = client.put(group)
    assert done.contact_names == ("a", "b")
    assert done.request_id
    read = client.get(name)
    assert read is not None
    assert (read.contact_group_name, read.describe) == (name, "d")
    assert read.enable_subscribed is True
    assert read.update_time is not None
    assert read.update_time.utcoffset() == timedelta(0)
    assert name in {listed.contact_group_name for listed in client.list(page_size=1)}
    client.delete(name)
    assert client.get(name) is None
    with pytest.raises(ContactGroupNotFound) as caught:
        client.delete(name)
    assert caught.value.outcome == "not-applied"


def test_conditions(client: Client) -> None:
    """A group is replaced under the ETag that was read, and not under an old one; it is created
    only once where that is asked for.
    """
    group = ContactGroup("conditions", ["a"], "d")
    client.put(group, only_new=True)
    with pytest.raises(PreconditionFailed):
        client.put(group, only_new=True)
    read = client.get("conditions")
    assert read is not None
    assert read.etag is not None

    client.put(replace(read, contact_names=("b",)), if_match=read.etag)

    for refused in (lambda tag: client.put(group, if_match=tag), _deletes(client, "conditions")):
        with pytest.raises(PreconditionFailed) as caught:
            refused(read.etag)
        assert caught.value.outcome == "not-applied"
    changed = client.get("conditions")
    assert changed is not None
    assert changed.contact_names == ("b",)


def _deletes(client: Client, name: str) -> Callable[[str], None]:
    return lambda etag: client.delete(name, if_match=etag)


def test_a_dry_run_writes_nothing(client: Client) -> None:
    """A dry run answers the group and the call."""
    group = ContactGroup("dry", ["a"], "d")

    shown = client.dry_run(group)

    assert shown.contact_group == group
    assert "PutContactGroup" in str(shown.call)
    assert client.get("dry") is None


def test_problems_are_typed(client: Client) -> None:
    """What the function refuses is an error of its own class, with every member."""
    with pytest.raises(InvalidContactGroup) as caught:
        client.put(ContactGroup("g", ["a", "a"], " "))

    assert [error.pointer for error in caught.value.errors] == ["/contactNames/1", "/describe"]
    assert caught.value.outcome == "not-applied"
    assert caught.value.request_id
    assert caught.value.request_id in str(caught.value)
    with pytest.raises(InvalidQuery):
        list(client.list(page_size=1000))


def test_the_function_knows_the_timeout(cloud: LocalCloud, client: Client) -> None:
    """CloudMonitor's first answer would come after the caller's timeout, which the function knows:
    it does not wait for it, and the caller gets a success in time.
    """
    client.put(ContactGroup("late", ["a"], "d"))
    cloud.cloudmonitor.faults.add(Fault("delay", seconds=5.0, times=1, action="PutContactGroup"))

    done = client.put(ContactGroup("late", ["b"], "d"), timeout=4.0)

    assert done.contact_names == ("b",)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (AccessKey("testid", "wrong"), "SignatureNotMatch"),
        (AccessKey("nobody", "testsecret"), "InvalidAccessKeyID"),
    ],
)
def test_a_wrong_access_key(
    connect: Callable[[AccessKey], Client], key: AccessKey, code: str
) -> None:
    """What Function Compute refuses is its own error, with its code, and certainly not written."""
    with connect(key) as client, pytest.raises(PlatformError) as caught:
        client.put(ContactGroup("g", ["a"], "d"))

    assert (caught.value.status, caught.value.code) == (403, code)
    assert caught.value.outcome == "not-applied"
    assert key.secret not in str(caught.value) + repr(key)


def test_a_temporary_access_key(connect: Callable[[AccessKey], Client]) -> None:
    """The token of a temporary AccessKey is sent and signed."""
    with connect(AccessKey("testid", "testsecret", "token")) as client:
        assert client.get("nobody") is None


def test_the_plain_port(cloud: LocalCloud) -> None:
    """Where nothing is signed, no signer is needed."""
    with Client(cloud.facade.url) as client:
        assert client.get("nobody") is None


def test_threads_share_a_client(client: Client) -> None:
    """Threads share a client, and each gets its own answer."""
    groups = [ContactGroup(f"thread-{number}", [f"a{number}"], "d") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(client.put, groups))

    assert [one.contact_names for one in done] == [one.contact_names for one in groups]
