"""The role of the function or service: neither SDK can create it, so its policies and the commands
that do are printed.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.fc20 import template
from deploy.resources import Account, Deployment

ROLE = "contact-groups-function"
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
_TRUST = {
    "Version": "1",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": ["fc.aliyuncs.com"]},
        }
    ],
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


def text(deployment: Deployment) -> str:
    """Both policies, and the commands of the aliyun CLI that make the role from them."""
    statements = [
        statement for statement in deployment.policy["Statement"] if _is_used(statement, deployment)
    ]
    policy = {"Version": deployment.policy["Version"], "Statement": statements}
    return f"""\
# Trust: Function Compute may act as the role.
{json.dumps(_TRUST, indent=2)}

# Permissions: what the function needs with these parameters.
# Reads are {_state(deployment, "ReadsEnabled")}, deletes {_state(deployment, "DeletesEnabled")}
# (--parameters ReadsEnabled=… DeletesEnabled=…; on 3.0 READS_ENABLED=… DELETES_ENABLED=…).
{json.dumps(policy, indent=2)}

# With the aliyun CLI, as somebody who may administer RAM:
aliyun ram CreateRole --RoleName {ROLE} --AssumeRolePolicyDocument '{json.dumps(_TRUST)}'
aliyun ram CreatePolicy --PolicyName {ROLE} --PolicyDocument '{json.dumps(policy)}'
aliyun ram AttachPolicyToRole --PolicyType Custom --PolicyName {ROLE} --RoleName {ROLE}

# The ARN for `./bin/deploy apply --role-arn` (SERVICE_ROLE_ARN): acs:ram::ACCOUNT_ID:role/{ROLE}
"""


def _state(deployment: Deployment, parameter: str) -> str:
    return "on" if deployment.parameters.get(parameter) == "true" else "off"


def _is_used(statement: dict[str, object], deployment: Deployment) -> bool:
    return statement["Action"] != ["oss:GetObject"] or bool(
        deployment.parameters.get("ManifestBucket")
    )
