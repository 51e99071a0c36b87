"""The management API 2023-03-30, through the unmodified alibabacloud_fc20230330."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import fc2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from local.function_compute import FunctionCompute
from tests.local_function_compute.support import client_of as client_of_2
from tests.local_function_compute.support import send
from tests.local_function_compute.support_3 import FUNCTION, SERVER, Deployer3, client_of, pack

GET = models.GetFunctionRequest()
DESTINATION = "acs:mns:cn-hangzhou:1234567890123456:/queues/failed/messages"


def refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, code and message of the error that a call ends with."""
    with pytest.raises(ClientException) as caught:
        call()
    assert caught.value.data["RequestId"]
    return caught.value.status_code, caught.value.code, caught.value.data["Message"]


def test_functions(deploy_3: Deployer3) -> None:
    """A function is created, read, changed, listed and deleted; what an update leaves out stays."""
    deploy_3.web()
    deploy_3.update(timeout=60)

    client = deploy_3.client
    function = client.get_function(FUNCTION, GET).body
    listed = client.list_functions(models.ListFunctionsRequest(prefix="f")).body.functions
    assert (function.timeout, function.instance_concurrency) == (60, 100)
    assert function.custom_runtime_config.command == ["python3", "server.py"]
    assert function.function_arn == "acs:fc:cn-hangzhou:1234567890123456:functions/fn"
    assert [one.function_name for one in listed] == [FUNCTION]
    client.delete_function(FUNCTION)
    assert refused(lambda: client.get_function(FUNCTION, GET)) == (
        404,
        "FunctionNotFound",
        "function 'fn' does not exist",
    )


def test_a_name_is_taken_once(deploy_3: Deployer3) -> None:
    """A second function of a name is refused, and changes nothing."""
    deploy_3.web()

    assert refused(deploy_3.web)[:2] == (409, "FunctionAlreadyExists")
    assert deploy_3.shown()["method"] == "POST"


def test_2_0_sees_nothing_of_it(deploy_3: Deployer3) -> None:
    """A client of 2.0 neither lists nor reaches a function of 3.0, nor the other way round."""
    deploy_3.web()
    client = client_of_2(deploy_3.platform)
    client.create_service(FUNCTION)

    assert [one["serviceName"] for one in client.list_services().data["services"]] == [FUNCTION]
    with pytest.raises(fc2.FcError, match="ServiceNotFound"):
        client.get_service("$fn")
    assert len(deploy_3.client.list_functions(models.ListFunctionsRequest()).body.functions) == 1


def test_versions_and_aliases(deploy_3: Deployer3) -> None:
    """A version keeps the code and configuration of its time; an alias points at one, and moves."""
    deploy_3.web(environment_variables={"RELEASE": "1"})
    deploy_3.alias("1")
    deploy_3.update(environment_variables={"RELEASE": "2"})
    client = deploy_3.client
    client.publish_function_version(
        FUNCTION, models.PublishFunctionVersionRequest(body=models.PublishVersionInput())
    )

    def release(qualifier: str) -> str:
        request = models.GetFunctionRequest(qualifier=qualifier)
        found: str = client.get_function(FUNCTION, request).body.environment_variables["RELEASE"]
        return found

    assert (release("live"), release("1"), release("2"), release("LATEST")) == ("1", "1", "2", "2")
    body = models.UpdateAliasInput(version_id="2")
    client.update_alias(FUNCTION, "live", models.UpdateAliasRequest(body=body))
    assert release("live") == "2"
    versions = client.list_function_versions(FUNCTION, models.ListFunctionVersionsRequest()).body
    assert [one.version_id for one in versions.versions] == ["2", "1"]
    assert client.get_alias(FUNCTION, "live").body.version_id == "2"
    assert refused(lambda: client.delete_function_version(FUNCTION, "2"))[:2] == (
        400,
        "InvalidArgument",
    )
    client.delete_function_version(FUNCTION, "1")
    client.delete_alias(FUNCTION, "live")
    assert refused(lambda: client.get_alias(FUNCTION, "live"))[1:] == (
        "AliasNotFound",
        "alias 'live' does not exist in function 'fn'",
    )


def test_nothing_new_is_not_published(deploy_3: Deployer3) -> None:
    """A version without a change since the last one is refused, as tools expect."""
    deploy_3.web()
    deploy_3.alias("1")

    again = refused(lambda: deploy_3.alias("2", "next"))
    assert again[1] == "VersionPublishError"
    assert "No changes were made since last publish" in again[2]


@pytest.mark.parametrize(
    ("kind", "config", "options"),
    [
        ("timer", {"cronExpression": "@every 5m", "enable": True, "payload": "p"}, {}),
        (
            "mns_topic",
            {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"},
            {"source_arn": "acs:mns:cn-hangzhou:1:/topics/t"},
        ),
        (
            "oss",
            {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "a", "suffix": ""}}},
            {"source_arn": "acs:oss:cn-hangzhou:1:bucket"},
        ),
        ("eventbridge", {"eventSourceConfig": {"eventSourceType": "MNS"}}, {}),
    ],
)
def test_event_triggers(deploy_3: Deployer3, kind: str, config: Any, options: Any) -> None:
    """Triggers of every kind are kept beside an HTTP trigger, changed and deleted."""
    deploy_3.web()
    deploy_3.trigger()
    assert deploy_3.trigger("event", kind, config, invocation_role="", **options) == ""

    client = deploy_3.client
    found = client.get_trigger(FUNCTION, "event").body
    assert (found.trigger_type, json.loads(found.trigger_config)) == (kind, config)
    body = models.UpdateTriggerInput(description="changed", qualifier="LATEST")
    client.update_trigger(FUNCTION, "event", models.UpdateTriggerRequest(body=body))
    listed = client.list_triggers(FUNCTION, models.ListTriggersRequest()).body.triggers
    assert {one.trigger_name: one.description for one in listed} == {"event": "changed", "http": ""}
    client.delete_trigger(FUNCTION, "event")
    assert refused(lambda: client.get_trigger(FUNCTION, "event"))[1:] == (
        "TriggerNotFound",
        "trigger 'event' does not exist in function 'fn'",
    )


def test_a_function_with_triggers_stays(deploy_3: Deployer3) -> None:
    """A function is not deleted as long as it has triggers."""
    deploy_3.web()
    deploy_3.trigger()

    assert refused(lambda: deploy_3.client.delete_function(FUNCTION))[:2] == (
        409,
        "FunctionNotEmpty",
    )


def test_configurations(deploy_3: Deployer3) -> None:
    """What is put about asynchronous calls and capacity is got again, listed, and deleted."""
    deploy_3.web()
    deploy_3.async_config(2, DESTINATION)
    client = deploy_3.client
    concurrency = models.PutConcurrencyInput(reserved_concurrency=100)
    client.put_concurrency_config(FUNCTION, models.PutConcurrencyConfigRequest(body=concurrency))
    provision = models.PutProvisionConfigInput(default_target=1)
    client.put_provision_config(
        FUNCTION, models.PutProvisionConfigRequest(body=provision, qualifier="LATEST")
    )
    scaling = models.PutScalingConfigInput(min_instances=1)
    client.put_scaling_config(
        FUNCTION, models.PutScalingConfigRequest(body=scaling, qualifier="LATEST")
    )

    wanted = models.GetAsyncInvokeConfigRequest(qualifier="LATEST")
    config = client.get_async_invoke_config(FUNCTION, wanted).body
    assert config.max_async_retry_attempts == 2
    assert config.destination_config.on_failure.destination == DESTINATION
    listed = client.list_async_invoke_configs(
        models.ListAsyncInvokeConfigsRequest(function_name=FUNCTION)
    ).body.configs
    assert [one.max_async_retry_attempts for one in listed] == [2]
    assert client.get_concurrency_config(FUNCTION).body.reserved_concurrency == 100
    configs = client.list_concurrency_configs(models.ListConcurrencyConfigsRequest()).body.configs
    assert [one.reserved_concurrency for one in configs] == [100]
    latest = models.GetProvisionConfigRequest(qualifier="LATEST")
    assert client.get_provision_config(FUNCTION, latest).body.default_target == 1
    client.delete_concurrency_config(FUNCTION)
    assert refused(lambda: client.get_concurrency_config(FUNCTION))[0] == 404
    client.delete_async_invoke_config(
        FUNCTION, models.DeleteAsyncInvokeConfigRequest(qualifier="LATEST")
    )
    assert refused(lambda: client.get_async_invoke_config(FUNCTION, wanted))[0] == 404


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layers": ["acs:fc:cn-hangzhou:1:layers/l/versions/1"]}, "layers is not modelled"),
        ({"runtime": "nodejs20"}, "runtime 'nodejs20' is not modelled"),
        ({"runtime": "python3.12"}, "runtime 'python3.12' is not modelled"),
        ({"disable_inject_credentials": "Env"}, "disableInjectCredentials is not modelled"),
        (
            {
                "custom_runtime_config": models.CustomRuntimeConfig(
                    health_check_config=models.CustomHealthCheckConfig(http_get_url="/h")
                )
            },
            "customRuntimeConfig.healthCheckConfig is not modelled",
        ),
        (
            {
                "instance_lifecycle_config": models.InstanceLifecycleConfig(
                    initializer=models.LifecycleHook(command=["x"], timeout=3)
                )
            },
            "instanceLifecycleConfig.initializer.command is not modelled",
        ),
        ({"memory_size": 100}, "memorySize must be 128 to"),
        ({"instance_concurrency": 201}, "instanceConcurrency must be 1 to 200"),
        ({"role": "x"}, "role 'x' is no ARN"),
        ({"environment_variables": {"FC_X": "1"}}, "environmentVariables.FC_X is reserved"),
        (
            {"runtime": "python3.10", "custom_runtime_config": None},
            "instanceConcurrency must be 1 for the runtime python3.10",
        ),
    ],
)
def test_what_is_refused(deploy_3: Deployer3, options: Any, text: str) -> None:
    """What the platform refuses, and what is not modelled here, is refused by its name."""
    status, code, message = refused(lambda: deploy_3.web(**options))

    assert (status, code) == (400, "InvalidArgument")
    assert text in message


def test_compiled_code_for_another_python(deploy_3: Deployer3) -> None:
    """A package whose compiled modules its Python cannot load is refused, with the module named."""
    files = {"server.py": SERVER, "lib/fast.cpython-38-x86_64-linux-gnu.so": ""}
    config = models.CustomRuntimeConfig(command=["python3", "server.py"])
    variables = {"PATH": "/var/fc/lang/python3.10/bin"}

    message = refused(
        lambda: deploy_3.create(
            files,
            runtime="custom.debian11",
            custom_runtime_config=config,
            environment_variables=variables,
        )
    )[2]
    assert "lib/fast.cpython-38-x86_64-linux-gnu.so is for Python 3.8" in message


def test_signatures(deploy_3: Deployer3) -> None:
    """A wrong secret, an unknown key and no signature are refused in the form of 3.0."""
    wrong = client_of(deploy_3.platform, "testid:wrong")
    unsigned = send(deploy_3.platform, "GET", "/2023-03-30/functions")

    assert refused(lambda: wrong.get_function(FUNCTION, GET))[:2] == (403, "SignatureNotMatch")
    assert (unsigned.status, unsigned.json["Code"]) == (400, "MissingRequiredHeader")
    assert unsigned.json["RequestId"] == unsigned.headers["X-Fc-Request-Id"]


def test_what_is_no_call(deploy_3: Deployer3) -> None:
    """A call that is not modelled is refused by its path."""
    call = refused(lambda: deploy_3.client.list_layers(models.ListLayersRequest()))

    assert call[:2] == (400, "PathNotSupported")
    assert "/2023-03-30/layers" in call[2]


def test_a_new_start_finds_everything(
    start: Callable[..., FunctionCompute], deploy_3: Deployer3
) -> None:
    """Functions, aliases and the URLs of triggers outlive the process."""
    deploy_3.web()
    deploy_3.alias("1")
    url = deploy_3.trigger(qualifier="live")
    deploy_3.platform.__exit__(None, None, None)

    again = Deployer3(start())
    found = again.client.get_trigger(FUNCTION, "http").body.http_trigger.url_internet
    assert found == url
    assert send(url, "GET", "/again").json["path"] == "/again"
    again.client.update_function(
        FUNCTION,
        models.UpdateFunctionRequest(body=models.UpdateFunctionInput(code=pack({"server.py": ""}))),
    )
    assert send(url, "GET", "/still-live").status == 200
