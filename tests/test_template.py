"""template.yml and s.yaml, bound to the code: what they name exists, and what they set is read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from contact_groups.settings import SETTINGS, read_settings
from deploy.errors import UsageError
from deploy.fc20 import template
from deploy.fc30 import serverless
from deploy.package import TARGETS
from deploy.resources import Account, Deployment, Function
from deploy.role import of_function

ROOT = Path(__file__).parent.parent
ACCOUNT = Account("cn-hangzhou", "1")
ROLE = "acs:ram::1:role/r"
ALL = {"MnsTopic": "topic", "ManifestBucket": "bucket", "TriggerRole": ROLE, "TimerPayload": "{}"}
#: The same for s.yaml, and what it has besides.
ALL_3 = {
    "MNS_TOPIC": "topic",
    "MANIFEST_BUCKET": "bucket",
    "TRIGGER_ROLE_ARN": ROLE,
    "TIMER_PAYLOAD": "{}",
    "EVENT_PATTERN": "{}",
    "SERVICE_ROLE_ARN": ROLE,
}
#: The whole of what the service's role may do beside the calls to CloudMonitor: its log, manifests,
#: the failure destination.
ACTIONS = {"log:PostLogStoreLogs", "oss:GetObject", "mns:SendMessage"}
#: What the switches grant beside cms:PutContactGroup.
READ, DELETE = "cms:DescribeContactGroupList", "cms:DeleteContactGroup"
#: Of s.yaml: for Python, not for the function.
INTERPRETER = {"PATH", "PYTHONPATH"}


def _deployment(**parameters: str) -> Deployment:
    return template.load(ROOT / "template.yml", {**ALL, **parameters}, ACCOUNT)


def _deployment_3(**parameters: str) -> Deployment:
    return serverless.load(ROOT / "s.yaml", {**ALL_3, **parameters}, ACCOUNT)


HTTP, EVENTS = _deployment().functions
[WEB] = _deployment_3().functions
FUNCTIONS = [HTTP, EVENTS, WEB]
NAMED = pytest.mark.parametrize("function", FUNCTIONS, ids=[one.name for one in FUNCTIONS])


@pytest.mark.parametrize("function", [HTTP, EVENTS], ids=[HTTP.name, EVENTS.name])
def test_handlers_exist(function: Function) -> None:
    """Each handler and initializer is a callable of function/index.py."""
    import index

    for entry in (function.config["handler"], function.config["initializer"]):
        module, _, attribute = entry.partition(".")
        assert module == "index"
        assert callable(getattr(index, attribute))


def test_the_web_function_is_started_by_a_module_that_exists() -> None:
    """The command is a module of the package, run by the Python that the package is for."""
    python, option, module = WEB.config["customRuntimeConfig"]["command"]
    first, *_ = WEB.config["environmentVariables"]["PATH"].split(":")

    assert (python, option) == ("python3", "-m")
    assert importlib.util.find_spec(module)
    assert f"python{TARGETS['3.0'].version}" in first


def test_s_deploys_the_package_that_is_written() -> None:
    """`s deploy` takes the file that `./bin/deploy package` writes, by a component of a certain
    version.
    """
    [resource] = yaml.safe_load((ROOT / "s.yaml").read_text())["resources"].values()

    assert Path(resource["props"]["code"]) == TARGETS["3.0"].output
    assert re.fullmatch(r"fc3@\d+\.\d+\.\d+", resource["component"])


@NAMED
def test_variables_are_settings(function: Function) -> None:
    """Each variable of a function is a setting that it reads, and every value is accepted."""
    event_only, web_only = ("EVENT_", "OSS_"), ("PLATFORM_",)
    left_out = {HTTP.name: event_only + web_only, EVENTS.name: web_only, WEB.name: ()}
    readable = {
        setting.name for setting in SETTINGS if not setting.name.startswith(left_out[function.name])
    }
    variables = function.config["environmentVariables"]

    assert variables.keys() - INTERPRETER <= readable
    read_settings(variables)


def test_defaults_stand_in_the_code_alone() -> None:
    """Neither file sets a variable to its default; a parameter that a variable refers to begins
    with it, unless it is a share of the account's quota.
    """
    defaults = {setting.name: setting.default for setting in SETTINGS}
    document = yaml.safe_load((ROOT / "template.yml").read_text())
    declared = document["Resources"]["contact-groups"]
    [web] = yaml.safe_load((ROOT / "s.yaml").read_text())["resources"].values()
    pairs = [
        *declared["http-function"]["Properties"]["EnvironmentVariables"].items(),
        *declared["event-function"]["Properties"]["EnvironmentVariables"].items(),
        *web["props"]["environmentVariables"].items(),
    ]
    assert len(pairs) > 20
    for name, value in pairs:
        if name in INTERPRETER | {"CLOUDMONITOR_CALLS_PER_SECOND"}:
            continue
        parameter = re.fullmatch(r"\$\{env\('(\w+)', '(.*)'\)\}", str(value))
        if parameter:
            assert parameter.groups() == (name, defaults[name])
        elif isinstance(value, dict):
            assert document["Parameters"][value["Ref"]]["Default"] == defaults[name]
        else:
            assert value != defaults[name], f"{name} is its default: leave it out"


@NAMED
def test_timeouts_leave_the_function_time_to_answer(function: Function) -> None:
    """The platform ends a function only after the function's own deadline, with seconds to
    spare.
    """
    settings, config = read_settings(function.config["environmentVariables"]), function.config
    hook = config.get("instanceLifecycleConfig", {}).get("initializer", {})

    deadline = settings.time_limit if function is HTTP else settings.event_time_limit
    assert config["timeout"] >= deadline + 5
    assert config.get("initializationTimeout", hook.get("timeout")) > settings.connect_timeout
    assert config["runtime"] == ("custom.debian11" if function is WEB else "python3.10")


@pytest.mark.parametrize(
    ("reads", "deletes", "granted"),
    [
        ("true", "false", {READ}),
        ("false", "false", set()),
        ("true", "true", {READ, DELETE}),
        ("false", "true", {DELETE}),
    ],
)
def test_the_role_may_do_what_is_needed_and_nothing_else(
    reads: str, deletes: str, granted: set[str]
) -> None:
    """Of CloudMonitor the role may put contact groups, and read and delete them where that is
    enabled, which is what the function is told too; of the rest, what log, manifests and failed
    events need. It is the same role on both platforms.
    """
    deployment = _deployment(ReadsEnabled=reads, DeletesEnabled=deletes)
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
    web = _deployment_3(READS_ENABLED=reads, DELETES_ENABLED=deletes)
    assert of_function(web).policy == deployment.policy
    [three] = (one.config["environmentVariables"] for one in web.functions)
    assert (three["READS_ENABLED"], three["DELETES_ENABLED"]) == (reads, deletes)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("[ReadsOn, ", "[ReadsOff, ", "ReadsOff, which is none of its conditions"),
        ("Condition: MnsTopicIsSet", "Condition: TopicIsSet", "TopicIsSet, which is none"),
        ("ReadsOn: {'Fn::Equals'", "ReadsOn: {'Fn::Or'", "condition ReadsOn is no Fn::Equals or"),
        (
            "[contact-groupsevent-function, FunctionName]",
            "[event-function, FunctionName]",
            "FunctionName of event-function, which it does not have",
        ),
        ("Type: 'ALIYUN::FC::Trigger'", "Type: 'ALIYUN::FC::Alias'", "daily-trigger: apply can"),
        (
            "TriggerType: timer",
            "TriggerType: timer\n      Qualifier: x",
            "daily-trigger.*Qualifier",
        ),
        ("          Type: HTTP", "          Type: Timer", "http-function/http: apply deploys HTTP"),
    ],
)
def test_what_cannot_be_read_is_refused(was: str, becomes: str, says: str, tmp_path: Path) -> None:
    """A condition, function or resource of template.yml that `apply` would take for something else
    than ROS is named, and nothing is deployed.
    """
    changed = tmp_path / "template.yml"
    text = (ROOT / "template.yml").read_text()
    assert was in text
    changed.write_text(text.replace(was, becomes, 1))

    with pytest.raises(UsageError, match=says):
        template.load(changed, ALL, ACCOUNT)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("${vars.triggerRole}", "${vars.role}", r"\$\{vars.role\} names nothing in vars"),
        ("${vars.triggerRole}", "${config('AccountID')}", "neither env.* nor vars"),
        ("    component: fc3", "    props: {}\n  other:\n    component: fc3", "one function"),
        ("      triggerType: timer", "      triggerType: timer\n      qualifier: x", "qualifier"),
        ("functionName", "functionname", "has no functionName"),
        ("'SERVICE_ROLE_ARN'", "'NO_SUCH_VARIABLE'", "NO_SUCH_VARIABLE is not set"),
    ],
)
def test_what_cannot_be_read_of_s_yaml_is_refused(
    was: str, becomes: str, says: str, tmp_path: Path
) -> None:
    """An expression or member of s.yaml that `apply` would take for something else than `s` is
    named, and nothing is deployed.
    """
    changed = tmp_path / "s.yaml"
    text = (ROOT / "s.yaml").read_text()
    assert was in text
    changed.write_text(text.replace(was, becomes, 1))
    given = {name: value for name, value in ALL_3.items() if f"'{name}'" in changed.read_text()}

    with pytest.raises(UsageError, match=says):
        serverless.load(changed, given, ACCOUNT)


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
    assert WEB.limit
    instances = WEB.limit["reservedConcurrency"] / WEB.config["instanceConcurrency"]
    assert instances == 1
    assert float(WEB.config["environmentVariables"]["CLOUDMONITOR_CALLS_PER_SECOND"]) <= 20


def test_triggers_are_those_that_the_code_serves() -> None:
    """The HTTP trigger is signed, with the methods that both files can express; the event function
    has the others, and the web function all of them.
    """
    assert [(trigger.type, trigger.config["authType"]) for trigger in HTTP.triggers] == [
        ("http", "function")
    ]
    assert set(HTTP.triggers[0].config["methods"]) == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    assert [trigger.type for trigger in EVENTS.triggers] == ["timer", "mns_topic", "oss"]
    assert EVENTS.async_config
    assert EVENTS.async_config["destinationConfig"]["onFailure"]["destination"].startswith(
        "acs:mns:cn-hangzhou:1:/queues/"
    )
    assert [trigger.type for trigger in WEB.triggers] == [
        *("http", "timer", "mns_topic", "oss", "eventbridge")
    ]


def test_triggers_without_a_source_are_left_out() -> None:
    """What has nothing to be triggered by is not created, and said."""
    _, event = template.load(ROOT / "template.yml", {}, ACCOUNT).functions
    [web] = serverless.load(ROOT / "s.yaml", {"SERVICE_ROLE_ARN": ROLE}, ACCOUNT).functions

    assert event.triggers == ()
    assert event.skipped.keys() == {"daily", "topic", "manifests"}
    assert [trigger.name for trigger in web.triggers] == ["http"]
    assert web.skipped.keys() == {*event.skipped, "eventbridge"}


def test_s_creates_only_the_http_trigger_until_it_is_told_more(tmp_path: Path) -> None:
    """`s` takes the list of triggers as it stands, so none in it has an empty source; one that is
    added there for `s` is deployed once.
    """
    text = (ROOT / "s.yaml").read_text()
    [resource] = yaml.safe_load(text)["resources"].values()
    assert [trigger["triggerName"] for trigger in resource["props"]["triggers"]] == ["http"]
    changed = tmp_path / "s.yaml"
    changed.write_text(f"{text}        - ${{vars.optionalTriggers.MNS_TOPIC}}\n")

    [web] = serverless.load(changed, ALL_3, ACCOUNT).functions

    assert sorted(web.triggers, key=str) == sorted(WEB.triggers, key=str)


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
        template.load(changed, ALL, ACCOUNT)


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


def test_both_files_describe_the_same_function() -> None:
    """What the two platforms share is the same in both files: settings beside the pace, triggers,
    what becomes of failed events.
    """
    two, three = (
        read_settings(one.config["environmentVariables"])._replace(calls_per_second=0.0)
        for one in (EVENTS, WEB)
    )
    assert two._replace(platform_headers_trusted=True) == three
    assert WEB.async_config == EVENTS.async_config
    assert WEB.config["memorySize"] == EVENTS.config["memorySize"] == HTTP.config["memorySize"]
    assert WEB.config["timeout"] == EVENTS.config["timeout"]
    assert WEB.config["instanceConcurrency"] == HTTP.config["instanceConcurrency"]
    triggers = {trigger.name: trigger for trigger in WEB.triggers}
    for trigger in EVENTS.triggers:
        assert triggers[trigger.name] == trigger
    assert triggers["http"].config["methods"] == HTTP.triggers[0].config["methods"]
