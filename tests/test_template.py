"""template.yml and s.yaml, bound to the code: what they name exists, and what they set is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contact_groups.settings import SETTINGS, read_settings
from deploy.errors import UsageError
from deploy.fc20.template import load
from deploy.resources import Account, Deployment

ROOT = Path(__file__).parent.parent
ALL = {
    "MnsTopic": "topic",
    "ManifestBucket": "bucket",
    "TriggerRole": "acs:ram::1:role/r",
    "TimerPayload": "{}",
}
#: The whole of what the service's role may do beside the calls to CloudMonitor: its log, manifests,
#: the failure destination.
ACTIONS = {"log:PostLogStoreLogs", "oss:GetObject", "mns:SendMessage"}
#: What the switches grant beside cms:PutContactGroup.
READ, DELETE = "cms:DescribeContactGroupList", "cms:DeleteContactGroup"
#: s.yaml as it is where the environment sets none of what it asks for.
FC3 = yaml.safe_load(
    re.sub(r"\$\{env\('\w+', '(\w+)'\)\}", r"'\1'", (ROOT / "s.yaml").read_text())
)["resources"]
#: What both files take from outside, and so name although it begins with the default.
SWITCHES = {"READS_ENABLED", "DELETES_ENABLED"}


def _deployment(**parameters: str) -> Deployment:
    return load(ROOT / "template.yml", {**ALL, **parameters}, Account("cn-hangzhou", "1"))


def _functions() -> list[tuple[str, dict[str, Any]]]:
    """Name and configuration of each function of both files, in the terms of the API."""
    found = [
        (f"template.yml/{function.name}", function.config) for function in _deployment().functions
    ]
    for name, resource in FC3.items():
        props = resource["props"]
        initializer = props["instanceLifecycleConfig"]["initializer"]
        config = {
            **props,
            "initializer": initializer["handler"],
            "initializationTimeout": initializer["timeout"],
        }
        found.append((f"s.yaml/{name}", config))
    return found


FUNCTIONS = _functions()


@pytest.mark.parametrize(("name", "config"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_handlers_exist(name: str, config: dict[str, Any]) -> None:
    """Each handler and initializer is a callable of function/index.py."""
    import index

    for entry in (config["handler"], config["initializer"]):
        module, _, attribute = entry.partition(".")
        assert module == "index"
        assert callable(getattr(index, attribute))


@pytest.mark.parametrize(("name", "config"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_variables_are_settings(name: str, config: dict[str, Any]) -> None:
    """Each variable of a function is a setting that it reads, and every value is accepted."""
    event_only = ("EVENT_", "OSS_")
    readable = {
        setting.name
        for setting in SETTINGS
        if "event" in name or not setting.name.startswith(event_only)
    }

    assert config["environmentVariables"].keys() <= readable
    read_settings(config["environmentVariables"])


def test_defaults_stand_in_the_code_alone() -> None:
    """Neither file sets a variable to its default; a parameter that a variable refers to begins
    with it, or is named here.
    """
    defaults = {setting.name: setting.default for setting in SETTINGS}
    template = yaml.safe_load((ROOT / "template.yml").read_text())
    other = {"HttpCallsPerSecond", "EventCallsPerSecond"}  # shares of the account's quota
    resources = template["Resources"]["contact-groups"].values()
    variables = [
        *(one["props"]["environmentVariables"] for one in FC3.values()),
        *(
            one["Properties"]["EnvironmentVariables"]
            for one in resources
            if isinstance(one, dict) and one.get("Type") == "Aliyun::Serverless::Function"
        ),
    ]
    assert len(variables) == 4
    for name, value in [pair for found in variables for pair in found.items()]:
        if name in SWITCHES and not isinstance(value, dict):
            assert value == defaults[name]
        elif not isinstance(value, dict):
            assert value != defaults[name], f"{name} is its default: leave it out"
        elif value["Ref"] not in other:
            assert template["Parameters"][value["Ref"]]["Default"] == defaults[name]


@pytest.mark.parametrize(("name", "config"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_timeouts_leave_the_function_time_to_answer(name: str, config: dict[str, Any]) -> None:
    """The platform ends a function only after the function's own deadline, with seconds to
    spare.
    """
    settings = read_settings(config["environmentVariables"])

    deadline = settings.event_time_limit if "event" in name else settings.time_limit
    assert config["timeout"] >= deadline + 5
    assert config["initializationTimeout"] > settings.connect_timeout
    assert config["runtime"] == "python3.10"


@pytest.mark.parametrize(
    ("parameters", "granted"),
    [
        ({}, {READ}),
        ({"ReadsEnabled": "false"}, set()),
        ({"DeletesEnabled": "true"}, {READ, DELETE}),
        ({"ReadsEnabled": "false", "DeletesEnabled": "true"}, {DELETE}),
    ],
)
def test_the_role_may_do_what_is_needed_and_nothing_else(
    parameters: dict[str, str], granted: set[str]
) -> None:
    """Of CloudMonitor the role may put contact groups, and read and delete them where that is
    enabled, which is what the function is told too; of the rest, what log, manifests and failed
    events need.
    """
    deployment = _deployment(**parameters)
    first, *others = deployment.policy["Statement"]
    http, event = (one.config["environmentVariables"] for one in deployment.functions)

    assert first["Action"][0] == "cms:PutContactGroup"
    assert set(first["Action"][1:]) == granted
    assert {action for statement in others for action in statement["Action"]} == ACTIONS
    assert all(
        statement["Effect"] == "Allow" and isinstance(statement["Resource"], str)
        for statement in (first, *others)
    )
    assert [statement["Resource"] for statement in others if statement["Resource"] == "*"] == []
    assert (http["READS_ENABLED"] == "true") == (READ in granted)
    assert (http["DELETES_ENABLED"] == "true") == (DELETE in granted)
    assert event["READS_ENABLED"] == http["READS_ENABLED"]
    assert "DELETES_ENABLED" not in event


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("[ReadsOn, ", "[ReadsOff, ", "ReadsOff, which is none of its conditions"),
        ("ReadsOn: {'Fn::Equals'", "ReadsOn: {'Fn::Not'", "condition ReadsOn is no Fn::Equals"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused(
    was: str, becomes: str, says: str, tmp_path: Path
) -> None:
    """A condition that is not there, or of another kind, is named, and grants nothing."""
    changed = tmp_path / "template.yml"
    changed.write_text((ROOT / "template.yml").read_text().replace(was, becomes, 1))

    with pytest.raises(UsageError, match=says):
        load(changed, ALL, Account("cn-hangzhou", "1"))


def test_all_instances_together_stay_within_the_accounts_quota() -> None:
    """The paces of all instances that either file allows add up to at most the account's 20 calls a
    second.
    """
    parameters = _deployment().parameters
    assert (
        parameters["HttpCallsPerSecond"] * parameters["HttpMaxInstances"]
        + parameters["EventCallsPerSecond"] * parameters["EventMaxInstances"]
        <= 20
    )
    assert (
        sum(
            float(resource["props"]["environmentVariables"]["CLOUDMONITOR_CALLS_PER_SECOND"])
            * resource["props"]["concurrencyConfig"]["reservedConcurrency"]
            for resource in FC3.values()
        )
        <= 20
    )


def test_triggers_are_those_that_the_code_serves() -> None:
    """The HTTP trigger is signed, with the methods that the template can express; the event
    function has the others.
    """
    http, event = _deployment().functions

    assert [(trigger.type, trigger.config["authType"]) for trigger in http.triggers] == [
        ("http", "function")
    ]
    assert set(http.triggers[0].config["methods"]) == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    assert [trigger.type for trigger in event.triggers] == ["timer", "mns_topic", "oss"]
    assert event.async_config
    assert event.async_config["destinationConfig"]["onFailure"]["destination"].startswith(
        "acs:mns:cn-hangzhou:1:/queues/"
    )


def test_triggers_without_a_source_are_left_out() -> None:
    """What has nothing to be triggered by is not created, and said."""
    _, event = load(ROOT / "template.yml", {}, Account("cn-hangzhou", "1")).functions

    assert event.triggers == ()
    assert len(event.skipped) == 3


@pytest.mark.parametrize(
    ("beside", "name"),
    [("      LogConfig:", "contact-groups"), ("        InstanceConcurrency: 100", "http-function")],
)
def test_properties_that_cannot_be_deployed_are_refused(
    beside: str, name: str, tmp_path: Path
) -> None:
    """A property that apply would leave out in silence ends it, with the resource's and the
    property's name.
    """
    text = (ROOT / "template.yml").read_text()
    indent = beside[: -len(beside.lstrip())]
    changed = tmp_path / "template.yml"
    changed.write_text(text.replace(beside, f"{indent}VpcConfig: Auto\n{beside}", 1))

    with pytest.raises(UsageError, match=f"{name}: .*VpcConfig"):
        load(changed, ALL, Account("cn-hangzhou", "1"))


def test_the_template_is_one_of_the_transform() -> None:
    """The file keeps the transform's own names, so that ROS reads it too (facts/function-compute.md
    §6).
    """
    document = yaml.safe_load((ROOT / "template.yml").read_text())

    assert document["ROSTemplateFormatVersion"] == "2015-09-01"
    assert document["Transform"] == "Aliyun::Serverless-2018-04-03"
    assert document.keys() <= {
        "ROSTemplateFormatVersion",
        "Transform",
        "Description",
        "Parameters",
        "Conditions",
        "Resources",
        "Outputs",
    }
    text = (ROOT / "template.yml").read_text()
    referred = {
        first or second for first, second in re.findall(r"Ref['\"]?: (\w+)|\$\{(\w+)\}", text)
    }
    assert referred <= document["Parameters"].keys()


def test_both_files_describe_the_same_functions() -> None:
    """What the two platforms share is the same in both files."""
    shared = ("runtime", "handler", "initializer", "timeout", "memorySize", "initializationTimeout")
    configs = dict(FUNCTIONS)
    for name in ("http-function", "event-function"):
        two, three = configs[f"template.yml/{name}"], configs[f"s.yaml/{name}"]
        assert {key: two[key] for key in shared} == {key: three[key] for key in shared}
        settings = [
            read_settings(one["environmentVariables"])._replace(calls_per_second=0.0)
            for one in (two, three)
        ]
        assert settings[0] == settings[1]
