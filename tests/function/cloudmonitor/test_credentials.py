"""Where credentials come from, and that no request shows or mixes them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from contact_groups.api import create_app
from contact_groups.cloudmonitor.credentials import Credentials, read_credentials
from contact_groups.compute.wsgi import Wsgi
from contact_groups.function import Function
from contact_groups.groups import Groups
from contact_groups.problems import Problem
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    ENVIRONMENT,
    GROUP,
    ScriptedTransport,
    call,
    context,
)


def _context(*credentials: str | None) -> Any:
    names = ("access_key_id", "access_key_secret", "security_token")
    return context(credentials=SimpleNamespace(**dict(zip(names, credentials, strict=True))))


def test_the_requests_own_credentials_win() -> None:
    """Those in the environment are as old as the instance."""
    read = read_credentials(_context("STS.id", "s", "t"), ENVIRONMENT)

    assert read == Credentials("STS.id", "s", "t")


@pytest.mark.parametrize(
    "held",
    [
        None,
        context(),
        _context(None, None, None),
        _context("", "", ""),
        _context("id", "", "t"),
        _context("", "secret", "t"),
    ],
)
def test_the_environment_is_the_fallback(held: Any) -> None:
    """python3.12 and a plain machine have no credentials in the context."""
    assert read_credentials(
        held, {**ENVIRONMENT, "ALIBABA_CLOUD_SECURITY_TOKEN": "t"}
    ) == Credentials("testid", "testsecret", "t")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"},
        {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": " ", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
    ],
)
def test_no_credentials_say_which_setting_gives_them(environment: dict[str, str]) -> None:
    """A service without a role gets a clear misconfigured that says what to change."""
    function = Function({**environment, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP, **{"fc.context": context()})

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        500,
        "misconfigured",
        "not-applied",
    )
    assert "--role-arn" in reply.json["detail"]
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" in reply.json["detail"]


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a b", "é"])
def test_credentials_cannot_inject(bad: str) -> None:
    """A secret that is none is refused before it gets near a header, without being shown."""
    with pytest.raises(Problem) as raised:
        read_credentials(_context("id", "secret", bad), {})

    assert raised.value.type.slug == "misconfigured"
    assert bad not in str(raised.value)


def test_credentials_rotate_between_two_warm_requests(
    make_client: Callable[..., Any], transport: ScriptedTransport
) -> None:
    """Each request signs with the credentials that came with it."""

    app = Wsgi(create_app(Groups(make_client()), 10.0, {}))
    for number in (1, 2):
        call(
            app,
            "POST",
            "/v1/contact-groups",
            GROUP,
            **{"fc.context": _context(f"id{number}", "s", f"t{number}")},
        )

    assert [sent.headers["x-acs-security-token"] for sent in transport.sent] == ["t1", "t2"]
    assert ["Credential=id1," in transport.sent[0].headers["authorization"]] == [True]


def test_credentials_show_no_secret() -> None:
    """A repr in a traceback names the key, not the secret."""
    shown = repr(Credentials("LTAIexample", CANARY_SECRET, CANARY_TOKEN)) + repr(
        Credentials("LTAIexample", CANARY_SECRET)
    )

    assert CANARY_SECRET not in shown
    assert CANARY_TOKEN not in shown
    assert "LTAI***" in shown
