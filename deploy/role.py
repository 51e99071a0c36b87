"""The roles of the function and of its triggers: neither SDK can create them, so their policies and
the commands that do are printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.fc20 import template
from deploy.resources import Account, Deployment

ROLE, TRIGGER_ROLE = "contact-groups-function", "contact-groups-triggers"
Document = dict[str, Any]
#: Where the policy stands, for both platforms.
TEMPLATE = Path(__file__).parent.parent / "template.yml"
#: Its parameters, by those of s.yaml.
_PARAMETERS = {
    "LOG_PROJECT": "LogProject",
    "LOG_STORE": "LogStore",
    "READS_ENABLED": "ReadsEnabled",
    "DELETES_ENABLED": "DeletesEnabled",
    "MANIFEST_BUCKET": "ManifestBucket",
    "MANIFEST_PREFIX": "ManifestPrefix",
    "FAILURE_QUEUE": "FailureQueue",
}


def of_function(deployment: Deployment) -> Deployment:
    """The deployment of template.yml whose policy is that of a deployment of s.yaml: the function
    does the same on both platforms.

    Raises:
        UsageError: a value is none that the parameter of template.yml takes.
    """
    values = deployment.parameters
    given = {_PARAMETERS[name]: values[name] for name in _PARAMETERS.keys() & values.keys()}
    return template.load(TEMPLATE, given, Account(deployment.region, "*"))


def documents(deployment: Deployment, platform: str, function: Deployment) -> dict[str, Document]:
    """The documents of both roles by the names that `./bin/deploy role` knows.

    Args:
        deployment: what is deployed.
        platform: 2.0 or 3.0.
        function: the deployment whose policy is that of the function's role: itself on 2.0, else
            see `of_function`.
    """
    statements = [one for one in function.policy["Statement"] if _is_used(one, function)]
    return {
        "trust": _trust("fc.aliyuncs.com"),
        "policy": {"Version": function.policy["Version"], "Statement": statements},
        "trigger-trust": _trust("mns.aliyuncs.com", "oss.aliyuncs.com"),
        "trigger-policy": _invocation(deployment, platform),
    }


def _trust(*services: str) -> Document:
    """Who may act as a role."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": list(services)},
    }
    return {"Version": "1", "Statement": [statement]}


def _invocation(deployment: Deployment, platform: str) -> Document:
    """What triggers may: invoke the functions that have them, whatever the version."""
    where = f"acs:fc:{deployment.region}:{deployment.account_id or '*'}"
    resources = [
        f"{where}:services/{deployment.service}.*/functions/{function.name}"
        if platform == "2.0"
        else f"{where}:functions/{function.name}*"
        for function in deployment.functions
        if platform == "3.0" or function.async_config
    ]
    statement = {"Effect": "Allow", "Action": ["fc:InvokeFunction"], "Resource": resources}
    return {"Version": "1", "Statement": [statement]}


def script(found: Mapping[str, Document], deployment: Deployment) -> str:
    """A shell script that makes both roles with the aliyun CLI, from `documents`; to read, or to
    pipe into `sh`.
    """
    account = deployment.account_id.strip("*") or "ACCOUNT_ID"
    return f"""\
# With the aliyun CLI, as somebody who may administer RAM; `./bin/deploy role | sh` runs it.
# Each document by itself, as JSON: `./bin/deploy role {"|".join(found)}`.

# The role of the function, with what it needs with these parameters: reads are
# {_state(deployment, "ReadsEnabled")}, deletes {_state(deployment, "DeletesEnabled")}.
{_commands(ROLE, found["trust"], found["policy"])}
# Its ARN, for `./bin/deploy apply --role-arn` (SERVICE_ROLE_ARN): acs:ram::{account}:role/{ROLE}

# The role by which MNS and OSS invoke the function; needed for those triggers alone.
{_commands(TRIGGER_ROLE, found["trigger-trust"], found["trigger-policy"])}
# Its ARN, for TriggerRole (on 3.0 TRIGGER_ROLE_ARN): acs:ram::{account}:role/{TRIGGER_ROLE}
"""


def _commands(role: str, trust: Document, policy: Document) -> str:
    return f"""\
aliyun ram CreateRole --RoleName {role} --AssumeRolePolicyDocument '{json.dumps(trust)}'
aliyun ram CreatePolicy --PolicyName {role} --PolicyDocument '{json.dumps(policy)}'
aliyun ram AttachPolicyToRole --PolicyType Custom --PolicyName {role} --RoleName {role}"""


def _state(deployment: Deployment, parameter: str) -> str:
    return "on" if deployment.parameters.get(parameter) == "true" else "off"


def _is_used(statement: dict[str, object], deployment: Deployment) -> bool:
    return statement["Action"] != ["oss:GetObject"] or bool(
        deployment.parameters.get("ManifestBucket")
    )
