"""The management API, as a deployment drives it through the unmodified client."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import fc2
import pytest

from local.function_compute import FunctionCompute
from local.function_compute.packages import crc64
from tests.local_function_compute.support import ECHO, FUNCTION, ROLE, SERVICE, Deployer, send, sign

_HTTP = {"authType": "function", "methods": ["GET", "PUT"]}
_TIMER = {"cronExpression": "@every 1h", "payload": "{}", "enable": True}


def _refused(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[int, str]:
    """Status and code of a call that is refused."""
    with pytest.raises(fc2.FcError) as raised:
        call(*arguments, **options)
    assert raised.value.request_id
    return raised.value.status_code, raised.value.err_code


def test_service_from_birth_to_death(client: fc2.Client) -> None:
    """A service is created, read, changed member by member, listed and deleted."""
    log = {"project": "p", "logstore": "l"}
    created = client.create_service(
        SERVICE, description="one", role=ROLE, logConfig=log, internetAccess=True
    )
    assert created.data["serviceName"] == SERVICE
    assert created.data["serviceId"]
    assert created.data["createdTime"].endswith("Z")
    changed = client.update_service(SERVICE, description="two")
    assert changed.headers["etag"] != created.headers["etag"]
    assert client.get_service(SERVICE).data == changed.data
    assert (changed.data["description"], changed.data["role"], changed.data["logConfig"]) == (
        "two",
        ROLE,
        log,
    )
    assert client.list_services().data == {"services": [changed.data]}
    client.delete_service(SERVICE)
    assert client.list_services().data == {"services": []}


def test_function_from_birth_to_death(client: fc2.Client, deploy: Deployer) -> None:
    """A function is created, read with its code, changed member by member, listed and deleted."""
    deploy.function(
        ECHO,
        timeout=30,
        environmentVariables={"A": "1"},
        initializer="index.init",
        instanceConcurrency=5,
    )
    created = client.get_function(SERVICE, FUNCTION)
    expected = {
        "functionName": FUNCTION,
        "runtime": "python3.10",
        "handler": "index.handler",
        "timeout": 30,
    }
    assert expected.items() <= created.data.items()
    assert created.data["environmentVariables"] == {"A": "1"}
    assert not [name for name in created.data if name.startswith("_")]
    code = client.get_function_code(SERVICE, FUNCTION).data
    archive = Path(url2pathname(urlparse(code["url"]).path)).read_bytes()
    assert (code["checksum"], created.data["codeSize"]) == (str(crc64(archive)), len(archive))
    changed = client.update_function(
        SERVICE, FUNCTION, memorySize=512, codeDir=deploy.pack({"index.py": "x = 1"})
    )
    assert changed.data["codeChecksum"] != created.data["codeChecksum"]
    assert (changed.data["memorySize"], changed.data["timeout"]) == (512, 30)
    assert client.list_functions(SERVICE).data == {"functions": [changed.data]}
    client.delete_function(SERVICE, FUNCTION)
    assert client.list_functions(SERVICE).data == {"functions": []}


def test_trigger_from_birth_to_death(client: fc2.Client, deploy: Deployer) -> None:
    """A trigger is created, read, changed, listed and deleted."""
    deploy.function(ECHO)
    created = client.create_trigger(SERVICE, FUNCTION, "http", "http", _HTTP, None, None)
    assert (created.data["triggerConfig"], created.data["triggerType"]) == (_HTTP, "http")
    changed = client.update_trigger(SERVICE, FUNCTION, "http", {**_HTTP, "methods": ["GET"]})
    assert client.get_trigger(SERVICE, FUNCTION, "http").data == changed.data
    assert changed.data["triggerConfig"]["methods"] == ["GET"]
    assert client.list_triggers(SERVICE, FUNCTION).data == {"triggers": [changed.data]}
    client.delete_trigger(SERVICE, FUNCTION, "http")
    assert client.list_triggers(SERVICE, FUNCTION).data == {"triggers": []}


def test_events_have_triggers_of_many_types(client: fc2.Client, deploy: Deployer) -> None:
    """Timers and topics are kept as they were given."""
    deploy.function(ECHO)
    topic = {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"}
    arn = "acs:mns:cn-hangzhou:1234567890123456:/topics/t"
    client.create_trigger(SERVICE, FUNCTION, "timer", "timer", _TIMER, None, None)
    client.create_trigger(SERVICE, FUNCTION, "topic", "mns_topic", topic, arn, ROLE)
    triggers = client.list_triggers(SERVICE, FUNCTION).data["triggers"]
    assert [(trigger["triggerType"], trigger["triggerConfig"]) for trigger in triggers] == [
        ("timer", _TIMER),
        ("mns_topic", topic),
    ]


def test_http_triggers_share_a_function_with_no_other(client: fc2.Client, deploy: Deployer) -> None:
    """A function has HTTP triggers, one a qualifier, or triggers of other types, never both."""
    deploy.function(ECHO)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    client.create_trigger(SERVICE, FUNCTION, "http", "http", _HTTP, None, None)
    client.create_trigger(SERVICE, FUNCTION, "prod", "http", _HTTP, None, None, qualifier="prod")
    refused = [
        _refused(
            client.create_trigger,
            SERVICE,
            FUNCTION,
            "again",
            "http",
            _HTTP,
            None,
            None,
            qualifier="prod",
        ),
        _refused(client.create_trigger, SERVICE, FUNCTION, "timer", "timer", _TIMER, None, None),
        _refused(client.update_trigger, SERVICE, FUNCTION, "prod", qualifier="LATEST"),
    ]
    assert refused == [(400, "InvalidArgument")] * 3


def test_async_config_from_birth_to_death(client: fc2.Client, deploy: Deployer) -> None:
    """The asynchronous configuration of a qualifier is put, read, replaced, listed and deleted."""
    deploy.function(ECHO)
    place = (SERVICE, "LATEST", FUNCTION)
    destination = {"onFailure": {"destination": "acs:mns:cn-hangzhou:1:/queues/dead/messages"}}
    assert _refused(client.get_function_async_invoke_config, *place) == (
        404,
        "AsyncConfigNotExists",
    )
    client.put_function_async_invoke_config(*place, {"maxAsyncRetryAttempts": 2})
    config = client.put_function_async_invoke_config(
        *place, {"destinationConfig": destination, "maxAsyncEventAgeInSeconds": 60}
    ).data
    assert (config["service"], config["function"], config["qualifier"]) == (
        SERVICE,
        FUNCTION,
        "LATEST",
    )
    assert config["destinationConfig"] == destination
    assert "maxAsyncRetryAttempts" not in config
    assert client.get_function_async_invoke_config(*place).data == config
    assert client.list_function_async_invoke_configs(SERVICE, FUNCTION).data == {
        "configs": [config]
    }
    client.delete_function_async_invoke_config(*place)
    assert client.list_function_async_invoke_configs(SERVICE, FUNCTION).data == {"configs": []}


def test_on_demand_config(client: fc2.Client, deploy: Deployer) -> None:
    """How many instances there may be is kept for each alias, and goes with the function."""
    deploy.function(ECHO)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    place = (SERVICE, "prod", FUNCTION)
    assert _refused(client.get_on_demand_config, *place)[0] == 404
    put = client.put_on_demand_config(*place, 5).data
    assert put == {
        "resource": f"services/{SERVICE}.prod/functions/{FUNCTION}",
        "maximumInstanceCount": 5,
    }
    assert client.get_on_demand_config(*place).data == put
    assert _refused(client.put_on_demand_config, *place, 0) == (400, "InvalidArgument")
    client.delete_function(SERVICE, FUNCTION)
    deploy.function(ECHO)
    assert _refused(client.get_on_demand_config, *place)[0] == 404


def test_versions_and_aliases(client: fc2.Client, deploy: Deployer) -> None:
    """Versions are numbered, listed from the newest, deleted when no alias needs them; aliases
    move.
    """
    deploy.function(ECHO)
    assert client.publish_version(SERVICE, "first").data["versionId"] == "1"
    deploy.update("x = 2")
    assert client.publish_version(SERVICE, "second").data["versionId"] == "2"
    listed = client.list_versions(SERVICE).data["versions"]
    assert [(version["versionId"], version["description"]) for version in listed] == [
        ("2", "second"),
        ("1", "first"),
    ]
    assert client.list_versions(SERVICE, direction="FORWARD", limit=1).data["nextToken"] == "2"
    alias = client.create_alias(SERVICE, "prod", "1", "serving").data
    assert (alias["aliasName"], alias["versionId"], alias["description"]) == (
        "prod",
        "1",
        "serving",
    )
    assert _refused(client.delete_version, SERVICE, "1") == (400, "InvalidArgument")
    assert client.update_alias(SERVICE, "prod", "2").data["versionId"] == "2"
    client.delete_version(SERVICE, "1")
    assert client.get_alias(SERVICE, "prod").data["versionId"] == "2"
    assert len(client.list_aliases(SERVICE).data["aliases"]) == 1
    client.delete_alias(SERVICE, "prod")
    assert client.list_aliases(SERVICE).data == {"aliases": []}


def test_an_alias_points_at_a_version(client: fc2.Client, deploy: Deployer) -> None:
    """An alias points neither at another alias nor at the latest."""
    deploy.function(ECHO)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    for version in ("prod", "LATEST"):
        assert _refused(client.create_alias, SERVICE, "second", version) == (404, "VersionNotFound")


def test_ten_triggers_are_enough(client: fc2.Client, deploy: Deployer) -> None:
    """A function has ten triggers at most."""
    deploy.function(ECHO)
    for number in range(10):
        client.create_trigger(SERVICE, FUNCTION, f"t{number}", "timer", _TIMER, None, None)
    assert _refused(client.create_trigger, SERVICE, FUNCTION, "t", "timer", _TIMER, None, None) == (
        400,
        "LimitExceededError",
    )
    assert len(client.list_triggers(SERVICE, FUNCTION).data["triggers"]) == 10


def test_nothing_new_is_no_version(client: fc2.Client, deploy: Deployer) -> None:
    """A version without a change since the last is refused, with the text that tools look for."""
    deploy.function(ECHO)
    client.publish_version(SERVICE)
    with pytest.raises(fc2.FcError, match="No changes were made since last publish") as raised:
        client.publish_version(SERVICE)
    assert raised.value.err_code == "VersionPublishError"
    client.update_service(SERVICE, description="changed")
    assert client.publish_version(SERVICE).data["versionId"] == "2"


def test_a_version_is_read_as_it_was_published(client: fc2.Client, deploy: Deployer) -> None:
    """Service and functions read by version or alias are those of the day of publication."""
    deploy.service(description="old")
    deploy.function(ECHO, timeout=10)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    client.update_service(SERVICE, description="new")
    client.update_function(SERVICE, FUNCTION, timeout=20)
    for qualifier in ("1", "prod"):
        assert client.get_service(SERVICE, qualifier=qualifier).data["description"] == "old"
        assert client.get_function(SERVICE, FUNCTION, qualifier=qualifier).data["timeout"] == 10
        assert (
            client.list_functions(SERVICE, qualifier=qualifier).data["functions"][0]["timeout"]
            == 10
        )
    assert client.get_function(SERVICE, FUNCTION, qualifier="LATEST").data["timeout"] == 20


def test_what_exists_is_not_created_again(client: fc2.Client, deploy: Deployer) -> None:
    """Each kind of resource refuses a second of its name with 409 and a code of its own."""
    deploy.http(ECHO)
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    refused = [
        _refused(client.create_service, SERVICE),
        _refused(
            client.create_function,
            SERVICE,
            FUNCTION,
            "python3",
            "a.b",
            codeDir=deploy.pack({"a.py": ""}),
        ),
        _refused(client.create_alias, SERVICE, "prod", "1"),
    ]
    assert refused == [
        (409, "ServiceAlreadyExists"),
        (409, "FunctionAlreadyExists"),
        (409, "AliasAlreadyExists"),
    ]
    client.delete_trigger(SERVICE, FUNCTION, "http")
    client.create_trigger(SERVICE, FUNCTION, "timer", "timer", _TIMER, None, None)
    assert _refused(
        client.create_trigger, SERVICE, FUNCTION, "timer", "timer", _TIMER, None, None
    ) == (
        409,
        "TriggerAlreadyExists",
    )


def test_what_is_missing_is_named(client: fc2.Client, deploy: Deployer) -> None:
    """Each kind of resource that is not there is a 404 with a code of its own."""
    for call in (
        client.get_service,
        client.delete_service,
        client.update_service,
        client.list_functions,
    ):
        assert _refused(call, "none") == (404, "ServiceNotFound")
    assert _refused(client.publish_version, "none") == (404, "ServiceNotFound")
    assert _refused(client.list_aliases, "none") == (404, "ServiceNotFound")
    deploy.function(ECHO)
    for call in (
        client.get_function,
        client.delete_function,
        client.update_function,
        client.list_triggers,
    ):
        assert _refused(call, SERVICE, "none") == (404, "FunctionNotFound")
    assert _refused(client.invoke_function, SERVICE, "none") == (404, "FunctionNotFound")
    for call in (client.get_trigger, client.delete_trigger, client.update_trigger):
        assert _refused(call, SERVICE, FUNCTION, "none") == (404, "TriggerNotFound")
    assert _refused(client.get_alias, SERVICE, "none") == (404, "AliasNotFound")
    assert _refused(client.update_alias, SERVICE, "none", "1") == (404, "VersionNotFound")
    assert _refused(client.create_alias, SERVICE, "prod", "7") == (404, "VersionNotFound")
    assert _refused(client.delete_version, SERVICE, "7") == (404, "VersionNotFound")
    assert _refused(client.get_function, SERVICE, FUNCTION, qualifier="none") == (
        404,
        "AliasNotFound",
    )
    assert _refused(client.get_function, SERVICE, FUNCTION, qualifier="7") == (
        404,
        "VersionNotFound",
    )
    assert _refused(client.delete_function_async_invoke_config, SERVICE, "LATEST", FUNCTION) == (
        404,
        "AsyncConfigNotExists",
    )


def test_what_is_not_empty_stays(client: fc2.Client, deploy: Deployer) -> None:
    """A service with functions and a function with triggers cannot be deleted."""
    deploy.http(ECHO)
    assert _refused(client.delete_service, SERVICE) == (409, "ServiceNotEmpty")
    assert _refused(client.delete_function, SERVICE, FUNCTION) == (409, "FunctionNotEmpty")


def test_if_match(client: fc2.Client, deploy: Deployer) -> None:
    """A change or a deletion with an ETag of yesterday is refused with 412; with today's
    it passes.
    """
    deploy.function(ECHO)
    old = client.get_function(SERVICE, FUNCTION).headers["etag"]
    new = client.update_function(SERVICE, FUNCTION, timeout=9, headers={"if-match": old}).headers[
        "etag"
    ]
    assert _refused(
        client.update_function, SERVICE, FUNCTION, timeout=8, headers={"if-match": old}
    ) == (
        412,
        "PreconditionFailed",
    )
    assert _refused(client.delete_function, SERVICE, FUNCTION, headers={"if-match": old})[0] == 412
    client.delete_function(SERVICE, FUNCTION, headers={"if-match": new})
    etag = client.get_service(SERVICE).headers["etag"]
    assert _refused(client.publish_version, SERVICE, headers={"if-match": "other"})[0] == 412
    assert client.publish_version(SERVICE, headers={"if-match": etag}).data["versionId"] == "1"


def test_lists_come_in_pages(client: fc2.Client) -> None:
    """`limit`, `nextToken`, `prefix` and `startKey` walk through a list."""
    for name in ("a1", "a2", "a3", "b1"):
        client.create_service(name)
    first = client.list_services(limit=2, prefix="a").data
    assert [service["serviceName"] for service in first["services"]] == ["a1", "a2"]
    rest = client.list_services(prefix="a", nextToken=first["nextToken"]).data
    assert [service["serviceName"] for service in rest["services"]] == ["a3"]
    assert "nextToken" not in rest
    started = client.list_services(startKey="a25").data["services"]
    assert [service["serviceName"] for service in started] == ["a3", "b1"]
    assert _refused(client.list_services, limit="many") == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 90_000},
        {"memorySize": 100},
        {"memorySize": 129},
        {"initializationTimeout": 301},
        {"instanceConcurrency": 101},
        {"runtime": "nodejs8"},
        {"environmentVariables": {"FC_X": "1"}},
        {"environmentVariables": {"1X": "1"}},
        {"environmentVariables": {"X": 1}},
        {"environmentVariables": {"X": "1" * 4096}},
        {"environmentVariables": "X=1"},
        {"name": "no/name"},
    ],
)
def test_invalid_function(deploy: Deployer, options: dict[str, Any]) -> None:
    """A configuration that the platform would not take is refused with 400."""
    assert _refused(deploy.function, ECHO, **options) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "trigger",
    [
        ("http", {"authType": "basic", "methods": ["GET"]}),
        ("http", {"authType": "function", "methods": ["TRACE"]}),
        ("http", {"authType": "function", "methods": []}),
        ("timer", {"payload": "x"}),
        ("mns_topic", {}),
        ("fax", {}),
    ],
)
def test_invalid_trigger(client: fc2.Client, deploy: Deployer, trigger: tuple[str, Any]) -> None:
    """A trigger that the platform would not take is refused with 400."""
    deploy.function(ECHO)
    assert _refused(client.create_trigger, SERVICE, FUNCTION, "t", *trigger, None, None) == (
        400,
        "InvalidArgument",
    )


@pytest.mark.parametrize(
    "config",
    [
        {"maxAsyncRetryAttempts": 9},
        {"maxAsyncRetryAttempts": True},
        {"maxAsyncEventAgeInSeconds": 0},
        {"destinationConfig": {"onFailure": {"destination": "queue"}}},
        {"destinationConfig": {"onFailure": "acs:mns:::q"}},
        {"destinationConfig": {"always": {"destination": "acs:mns:::q"}}},
    ],
)
def test_invalid_async_config(client: fc2.Client, deploy: Deployer, config: dict[str, Any]) -> None:
    """An asynchronous configuration that the platform would not take is refused with 400."""
    deploy.function(ECHO)
    refused = _refused(client.put_function_async_invoke_config, SERVICE, "LATEST", FUNCTION, config)
    assert refused == (400, "InvalidArgument")


def test_invalid_service(client: fc2.Client) -> None:
    """A role that is no ARN, an alias that shares traffic, and a reserved alias are refused with
    400.
    """
    assert _refused(client.create_service, SERVICE, role="admin") == (400, "InvalidArgument")
    assert _refused(client.create_service, "") == (400, "InvalidArgument")
    client.create_service(SERVICE)
    client.publish_version(SERVICE)
    assert _refused(client.create_alias, SERVICE, "LATEST", "1") == (400, "InvalidArgument")
    assert (
        _refused(client.create_alias, SERVICE, "prod", "1", additionalVersionWeight={"1": 0.1})[0]
        == 400
    )


def _zip(*entries: tuple[zipfile.ZipInfo | str, str]) -> str:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for entry in entries:
            archive.writestr(*entry)
    return base64.b64encode(data.getvalue()).decode()


def _link(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target


@pytest.mark.parametrize(
    "code",
    [
        {"zipFile": "no base64!"},
        {"zipFile": base64.b64encode(b"no zip").decode()},
        {"zipFile": _zip(_link("out", "/etc/passwd"))},
        {"zipFile": _zip(_link("out", "../../x"))},
        {"ossBucketName": "b", "ossObjectName": "o"},
        "zip",
    ],
    ids=["no-base64", "no-zip", "absolute-link", "outer-link", "object", "text"],
)
def test_invalid_code(platform: FunctionCompute, client: fc2.Client, code: Any) -> None:
    """Code that is no zip file, or leads out of its folder, is refused with 400."""
    client.create_service(SERVICE)
    path = f"/2016-08-15/services/{SERVICE}/functions"
    body = json.dumps(
        {"functionName": "f", "runtime": "python3", "handler": "a.b", "code": code}
    ).encode()
    reply = send(platform, "POST", path, body, sign("POST", path))
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert client.list_functions(SERVICE).data == {"functions": []}


def test_links_in_a_package(platform: FunctionCompute, client: fc2.Client) -> None:
    """A link within the package is a link after unpacking, as aliyun-fc2 packs them."""
    client.create_service(SERVICE)
    path = f"/2016-08-15/services/{SERVICE}/functions"
    source = "def handler(event, context): return open('data').read()"
    code = {"zipFile": _zip(("index.py", source), ("real", "content"), _link("data", "real"))}
    document = {"functionName": "f", "runtime": "python3", "handler": "index.handler", "code": code}
    assert (
        send(platform, "POST", path, json.dumps(document).encode(), sign("POST", path)).status
        == 200
    )
    assert client.invoke_function(SERVICE, "f").data == b"content"


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/2016-08-15/services", b"{", (400, "MalformedPOSTRequest")),
        ("POST", "/2016-08-15/services", b"[]", (400, "MalformedPOSTRequest")),
        ("PATCH", "/2016-08-15/services", b"", (400, "PathNotSupported")),
        ("GET", "/2016-08-15/nothing", b"", (400, "PathNotSupported")),
        ("GET", "/2099-01-01/functions", b"", (400, "PathNotSupported")),
        ("GET", "/2016-08-15/services/s/functions/f/invocations", b"", (400, "PathNotSupported")),
    ],
)
def test_what_is_no_call(
    platform: FunctionCompute, method: str, path: str, body: bytes, expected: tuple[int, str]
) -> None:
    """Bodies that are no JSON objects and paths that are no calls are refused with 400 and a
    request id.
    """
    reply = send(platform, method, path, body, sign(method, path))
    assert (reply.status, reply.code) == expected
    assert reply.headers["X-Fc-Request-Id"]


def test_crc64() -> None:
    """The checksum is CRC-64/XZ: its published check value comes out."""
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA
