"""The account and the region of a deployment. They are parts of ARNs that nobody may invent, so
they come from what the deployer gave: options, the endpoint and the role's ARN, which must agree.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from deploy.errors import UsageError
from deploy.resources import Account

#: Where nothing names a region.
REGION = "cn-hangzhou"
_ROLE = re.compile(r"acs:ram::(?P<account>\d+):role/[A-Za-z0-9._-]+", re.ASCII)
_HOSTS = (
    re.compile(r"(?P<account>\d+)\.(?P<region>[a-z0-9-]+?)(-internal)?\.fc\.aliyuncs\.com"),
    re.compile(r"fcv3(-vpc)?\.(?P<region>[a-z0-9-]+)\.aliyuncs\.com"),
)


def find(
    account_id: str | None, region: str | None, endpoint: str | None, role: str | None
) -> Account:
    """The account; its `account_id` is empty where nothing tells it.

    Args:
        account_id, region, endpoint, role: as given; role is an ARN.

    Raises:
        UsageError: one of them is malformed, or two name different accounts or regions.
    """
    if account_id and not (account_id.isascii() and account_id.isdigit()):
        raise UsageError(f"the account {account_id!r} is no number (--account-id, ACCOUNT_ID)")
    host = urlsplit(endpoint or "").hostname or ""
    found = next((match for one in _HOSTS if (match := one.fullmatch(host))), None)
    told = found.groupdict() if found else {}
    accounts = {
        "--account-id (ACCOUNT_ID)": account_id,
        "the endpoint": told.get("account"),
        "--role-arn (SERVICE_ROLE_ARN)": of_role(role, "--role-arn (SERVICE_ROLE_ARN)"),
    }
    regions = {"--region (REGION)": region, "the endpoint": told.get("region")}
    return Account(_agreed("region", regions) or REGION, _agreed("account", accounts))


def of_role(arn: str | None, where: str) -> str:
    """The account of a role; empty where there is none.

    Args:
        arn: of the role.
        where: what it was given by, for the error.

    Raises:
        UsageError: it is no ARN of a role.
    """
    if not arn:
        return ""
    found = _ROLE.fullmatch(arn)
    if not found:
        raise UsageError(f"{where}: {arn!r} is no ARN of a role, acs:ram::ACCOUNT:role/NAME")
    return found["account"]


def _agreed(what: str, given: dict[str, str | None]) -> str:
    told = [(where, value) for where, value in given.items() if value]
    for where, value in told[1:]:
        if value != told[0][1]:
            raise UsageError(
                f"{told[0][0]} is of {what} {told[0][1]}, {where} of {what} {value}: they must"
                " agree"
            )
    return told[0][1] if told else ""
