"""Settings: what each accepts and refuses, and what a refusal says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contact_groups.function import Function
from contact_groups.settings import SETTINGS, SettingsError, read_settings
from tests.support import (
    CANARY_SECRET,
    ENVIRONMENT,
    GROUP,
    call,
    context,
)

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://metrics.cn-hangzhou.aliyuncs.com"),
        ({"FC_REGION": "cn-beijing"}, "https://metrics.cn-beijing.aliyuncs.com"),
        (
            {"FC_REGION": "cn-beijing", "CLOUDMONITOR_REGION": "eu-west-1"},
            "https://metrics.eu-west-1.aliyuncs.com",
        ),
        ({"CLOUDMONITOR_NETWORK": "vpc"}, "https://metrics-vpc.cn-hangzhou.aliyuncs.com"),
        ({"CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:8001/"}, "http://127.0.0.1:8001"),
        ({"CLOUDMONITOR_ENDPOINT": "http://[::1]:8001"}, "http://[::1]:8001"),
        ({"CLOUDMONITOR_ENDPOINT": "http://localhost"}, "http://localhost"),
        (
            {
                "CLOUDMONITOR_ENDPOINT": " https://proxy.internal:8443 ",
                "CLOUDMONITOR_REGION": "moon",
            },
            "https://proxy.internal:8443",
        ),
    ],
)
def test_where_cloudmonitor_is_called(environment: dict[str, str], url: str) -> None:
    """The named endpoint wins, then the named region, then the function's own, then cn-hangzhou."""
    assert read_settings(environment).endpoint.url == url


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CLOUDMONITOR_ENDPOINT", "http://metrics.cn-hangzhou.aliyuncs.com", "https"),
        ("CLOUDMONITOR_ENDPOINT", "http://127.0.0.1.evil.example", "https"),
        ("CLOUDMONITOR_ENDPOINT", "http://127.0.0.999", "host"),
        ("CLOUDMONITOR_ENDPOINT", "metrics.cn-hangzhou.aliyuncs.com", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://host:port", "URL"),
        ("OSS_ENDPOINT", "oss-cn-hangzhou.aliyuncs.com", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://höst", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://host/path", "only"),
        ("CLOUDMONITOR_ENDPOINT", "https://user:secret@host", "only"),
        ("CLOUDMONITOR_REGION", "mars-1", "region"),
        ("CLOUDMONITOR_NETWORK", "private", "public, vpc"),
        ("CLOUDMONITOR_SIGNATURE", "md5", "ACS3-HMAC-SHA256"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "0", "from 1 to 300"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "nan", "from 1 to 300"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "soon", "from 1 to 300"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "1.5", "from 1 to 5"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0", "from 0.1"),
        ("LOG_LEVEL", "info", "INFO"),
        ("EVENT_REJECTED_RAISES", "yes", "true, false"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(name: str, value: str, says: str) -> None:
    """A wrong setting stops the function from calling anything, and says which one it is and what
    it must be.
    """
    with pytest.raises(SettingsError) as raised:
        read_settings({name: value})

    (fault,) = raised.value.faults
    assert fault.startswith(f"{name} must ")
    assert says in fault


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_a_wrong_value_is_shown_to_nobody(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A value may be a URL with a password in it, or a secret in the wrong place: neither the
    caller nor the log gets it.
    """
    value = f"https://{CANARY_SECRET}:{CANARY_SECRET}@host/"
    function = Function({**ENVIRONMENT, name: value})
    function.initializer(context())

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.problem) == (500, "misconfigured")
    assert reply.json["detail"].startswith(f"{name} must ")
    assert CANARY_SECRET not in reply.body.decode() + capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CLOUDMONITOR_NETWORK", "public vpc"),
        ("CLOUDMONITOR_SIGNATURE", "ACS3-HMAC-SHA256 HMAC-SHA1"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "1 1.5 300"),
        ("CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS", "0.05 60"),
        ("CLOUDMONITOR_READ_TIMEOUT_SECONDS", "0.05 60"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "1 2 3 4 5"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0.1 10000"),
        ("LOG_LEVEL", "DEBUG INFO WARNING ERROR"),
        ("EVENT_DEADLINE_SECONDS", "1 3600"),
        ("EVENT_REJECTED_RAISES", "true false"),
    ],
)
def test_every_documented_value_is_accepted(name: str, values: str) -> None:
    """All values of a list and both ends of a range are taken, and are what is documented."""
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    least_and_most = (values.split(maxsplit=1)[0], values.rsplit(maxsplit=1)[-1])
    for value in values.split():
        read = getattr(read_settings({name: value}), setting.field, None)
        assert name == "CLOUDMONITOR_NETWORK" or str(read).lower() in {
            value.lower(),
            f"{value}.0",
        }
        assert value in setting.accepts or value not in least_and_most


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CLOUDMONITOR_NETWORK", "Public vpc,public"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "0.99 300.01 inf -1 ١٠٠٠"),
        ("CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS", "0.049 60.01 -inf"),
        ("CLOUDMONITOR_READ_TIMEOUT_SECONDS", "0.049 60.01"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "0 6 2.0 ٣ +2"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0.09 10000.1"),
        ("LOG_LEVEL", "NOTSET CRITICAL"),
        ("EVENT_DEADLINE_SECONDS", "0.9 3600.1"),
        ("EVENT_REJECTED_RAISES", "True 1"),
    ],
)
def test_values_just_beyond_the_documented_ones_are_refused(name: str, values: str) -> None:
    """A range ends where it says, and words are those of the list."""
    for value in values.split():
        with pytest.raises(SettingsError, match=name):
            read_settings({name: value})


def test_all_wrong_settings_are_told_at_once() -> None:
    """An operator fixes them in one go."""
    with pytest.raises(SettingsError) as raised:
        read_settings({"LOG_LEVEL": "x", "CLOUDMONITOR_NETWORK": "x"})

    assert len(raised.value.faults) == 2


def test_a_region_without_a_vpc_endpoint_says_so() -> None:
    """vpc is refused where the vendor documents no such endpoint, instead of calling a host that
    may be anybody's.
    """
    with pytest.raises(
        SettingsError, match=r"^CLOUDMONITOR_NETWORK must be public in cn-zhongwei, "
    ):
        read_settings({"CLOUDMONITOR_NETWORK": "vpc", "CLOUDMONITOR_REGION": "cn-zhongwei"})


def test_every_default_is_within_its_own_range() -> None:
    """What the table documents as default is accepted by the same table."""
    for setting in SETTINGS:
        setting.parse(setting.default)
        assert setting.accepts
        assert setting.meaning
