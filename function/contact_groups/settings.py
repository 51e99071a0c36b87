"""Every setting of the function, in one table. Tests compare template.yml and s.yaml with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from contact_groups.cloudmonitor.endpoints import (
    REGIONS,
    Endpoint,
    parse_endpoint,
    regional_endpoint,
)

if TYPE_CHECKING:
    from contact_groups.access import Policy
    from contact_groups.callers import Identify


class SettingsError(Exception):
    """One or more settings are wrong.

    Attributes:
        faults: one sentence for each wrong setting, beginning with its name.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Setting(NamedTuple):
    """One environment variable.

    Attributes:
        name: the environment variable.
        field: the attribute of `Settings` that it fills.
        default: its text when the variable is unset or empty.
        accepts: the accepted values, in the words of docs/settings.md.
        meaning: what it does, in the words of docs/settings.md.
        parse: turns the text into the value; raises ValueError, saying what the text must be.
    """

    name: str
    field: str
    default: str
    accepts: str
    meaning: str
    parse: Callable[[str], Any]


class Settings(NamedTuple):
    """The settings of one process, parsed. Times are in seconds."""

    endpoint: Endpoint
    signature: str
    time_limit: float
    connect_timeout: float
    read_timeout: float
    max_attempts: int
    calls_per_second: float
    reads: bool
    deletes: bool
    read_pages_max: int
    log_level: str
    event_time_limit: float
    event_rejected_raises: bool
    event_items_max: int
    event_superseded_by_reading: bool
    oss_endpoint: Endpoint
    access_policy: Policy | None
    identify: Identify | None
    audit_full: bool
    platform_headers_trusted: bool
    docs_url: str

    @property
    def problems_page(self) -> str:
        """The URL of the page that problems lead to; empty: the function's own page."""
        return f"{self.docs_url}/problems.md" if self.docs_url else ""


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:  # false for NaN too
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return value

    return parse


def _attempts(text: str) -> int:
    if text not in {"1", "2", "3", "4", "5"}:
        raise ValueError("must be a whole number from 1 to 5")
    return int(text)


def _whole(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _endpoint(text: str) -> Endpoint | None:
    return parse_endpoint(text) if text else None


def _docs_url(text: str) -> str:
    if text and not re.fullmatch(r"https://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~%/-]*)?", text):
        raise ValueError("must be an https URL without query and fragment")
    return text.rstrip("/")


def _policy(text: str) -> Policy | None:
    if not text:
        return None
    from contact_groups.access import read_policy  # late: slows a cold start

    return read_policy(text)


def _identity(text: str) -> Identify | None:
    if text == "none":
        return None
    from contact_groups.callers import read_identity  # late: slows a cold start

    return read_identity(text)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "CLOUDMONITOR_ENDPOINT",
        "endpoint",
        "",
        "an https URL of host and port; http only for a loopback host",
        "where CloudMonitor is called, instead of the region's own endpoint",
        _endpoint,
    ),
    Setting(
        "CLOUDMONITOR_REGION",
        "region",
        "",
        "a region of CloudMonitor",
        "whose endpoint is called; empty: the function's own region, else cn-hangzhou",
        str,
    ),
    Setting(
        "CLOUDMONITOR_NETWORK",
        "network",
        "public",
        "`public` or `vpc`",
        "which endpoint of the region is called",
        _one_of("public", "vpc"),
    ),
    Setting(
        "CLOUDMONITOR_SIGNATURE",
        "signature",
        "ACS3-HMAC-SHA256",
        "`ACS3-HMAC-SHA256` or `HMAC-SHA1`",
        "how calls are signed: V3, or RPC signature 1.0",
        _one_of("ACS3-HMAC-SHA256", "HMAC-SHA1"),
    ),
    Setting(
        "CLOUDMONITOR_DEADLINE_SECONDS",
        "time_limit",
        "5",
        "1 to 300",
        "how long all attempts of one HTTP request may take together; keep it below the function's"
        " timeout",
        _number(1, 300),
    ),
    Setting(
        "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS",
        "connect_timeout",
        "2",
        "0.05 to 60",
        "how long one connection, TLS included, may take to open",
        _number(0.05, 60),
    ),
    Setting(
        "CLOUDMONITOR_READ_TIMEOUT_SECONDS",
        "read_timeout",
        "3",
        "0.05 to 60",
        "how long one whole answer may take once the call is sent",
        _number(0.05, 60),
    ),
    Setting(
        "CLOUDMONITOR_MAX_ATTEMPTS",
        "max_attempts",
        "3",
        "1 to 5",
        "how many attempts one request may have",
        _attempts,
    ),
    Setting(
        "CLOUDMONITOR_CALLS_PER_SECOND",
        "calls_per_second",
        "19.6",
        "0.1 to 10000",
        "the pace of one instance: its share of the account's 20, less 2 % (docs/scale.md)",
        _number(0.1, 10_000),
    ),
    Setting(
        "READS_ENABLED",
        "reads",
        "true",
        "`true` or `false`",
        "whether groups can be read and listed, preconditions are checked, and an unknown outcome"
        " is settled by reading; needs `cms:DescribeContactGroupList`",
        _switch,
    ),
    Setting(
        "DELETES_ENABLED",
        "deletes",
        "false",
        "`true` or `false`",
        "whether groups can be deleted; needs `cms:DeleteContactGroup`",
        _switch,
    ),
    # 98 pages are what the default pace can read within the default deadline: 10,000 groups.
    Setting(
        "READ_PAGES_MAX",
        "read_pages_max",
        "100",
        "1 to 1000",
        "how many pages of 100 groups one read may take until it has found its group; a group that"
        " is not there takes each page twice",
        _whole(1_000),
    ),
    Setting(
        "LOG_LEVEL",
        "log_level",
        "INFO",
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
        "the lowest level that is logged; each request writes one line at INFO or above",
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Setting(
        "EVENT_DEADLINE_SECONDS",
        "event_time_limit",
        "60",
        "1 to 3600",
        "how long all items of one event may take together; keep it below the event function's"
        " timeout",
        _number(1, 3600),
    ),
    Setting(
        "EVENT_REJECTED_RAISES",
        "event_rejected_raises",
        "false",
        "`true` or `false`",
        "whether a rejected item raises, so that the event reaches the failure destination",
        _switch,
    ),
    # 3,000 is more than an asynchronous event of 128 KB can hold (2,114 of the smallest groups). It
    # is nearly three times what the template's pace and time limit can send. 10,000 are what the
    # JSON of an event may hold (events/bounds.py).
    Setting(
        "EVENT_ITEMS_MAX",
        "event_items_max",
        "3000",
        "1 to 10000",
        "how many contact groups one event may hold; a message with more is rejected",
        _whole(10_000),
    ),
    # Off: it costs a read for each item, and supersedes a newer state whose event is late.
    Setting(
        "EVENT_SUPERSEDED_BY_READING",
        "event_superseded_by_reading",
        "false",
        "`true` or `false`",
        "whether a contact group is read before it is written, and an item that was made before its"
        " last update is superseded; needs READS_ENABLED",
        _switch,
    ),
    Setting(
        "OSS_ENDPOINT",
        "oss_endpoint",
        "",
        "an https URL of host and port; http only for a loopback host",
        "where manifests are fetched; empty: the internal endpoint of OSS in the function's own"
        " region",
        _endpoint,
    ),
    Setting(
        "ACCESS_POLICY",
        "access_policy",
        "",
        "a JSON array of rules, or the name of a file of the package that has one",
        "who may change which group (docs/access.md); empty: everybody who may call may do"
        " everything",
        _policy,
    ),
    Setting(
        "CALLER_IDENTITY",
        "identify",
        "none",
        "`none`, `access-key`, or `header:` and a name of letters and digits",
        "who calls over HTTP; docs/access.md says what must be true on the platform for each",
        _identity,
    ),
    Setting(
        "AUDIT_FULL",
        "audit_full",
        "false",
        "`true` or `false`",
        "whether the log has the names of groups and, of a write, the whole group",
        _switch,
    ),
    # The platform reserves names that begin with FC_.
    Setting(
        "PLATFORM_HEADERS_TRUSTED",
        "platform_headers_trusted",
        "false",
        "`true` or `false`",
        "whether a web function takes credentials, request ids and events from `x-fc-*` headers;"
        " `true` only on Function Compute 3.0, which drops those that callers send",
        _switch,
    ),
    Setting(
        "DOCS_URL",
        "docs_url",
        "",
        "an https URL without query and fragment",
        "the folder docs/ as your code host shows it: `type` of every problem then leads to its"
        " problems.md; empty: to the page of the function itself",
        _docs_url,
    ),
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads every setting.

    Args:
        environment: names to texts, such as os.environ. FC_REGION, which the platform sets, is the
            default region.

    Raises:
        SettingsError: one or more settings are wrong. It names each of them and says what it must
            be. It does not show the value: every caller reads the error, and a value may hold a
            password.
    """
    values: dict[str, Any] = {}
    faults = []
    for setting in SETTINGS:
        text = environment.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.parse(text)
        except ValueError as error:
            faults.append(f"{setting.name} {error}")
    if values.get("event_superseded_by_reading") and values.get("reads") is False:
        faults.append("EVENT_SUPERSEDED_BY_READING must be false where READS_ENABLED is false")
    if faults:
        raise SettingsError(faults)
    region = values.pop("region") or environment.get("FC_REGION") or "cn-hangzhou"
    network = values.pop("network")
    values["endpoint"] = values["endpoint"] or _regional_endpoint(region, network)
    home = environment.get("FC_REGION") or "cn-hangzhou"
    values["oss_endpoint"] = values["oss_endpoint"] or Endpoint(
        "https", f"oss-{home}-internal.aliyuncs.com", 443
    )
    return Settings(**values)


def _regional_endpoint(region: str, network: str) -> Endpoint:
    found = regional_endpoint(region, network)
    if region not in REGIONS:
        must = "must be a region that has CloudMonitor, such as cn-hangzhou"
        raise SettingsError([f"CLOUDMONITOR_REGION {must}"])
    if found is None:
        must = f"must be public in {region}, which has no VPC endpoint"
        raise SettingsError([f"CLOUDMONITOR_NETWORK {must}, or set CLOUDMONITOR_ENDPOINT"])
    return found
