"""Who calls over HTTP: only what the platform has verified names anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contact_groups.function import Function
from contact_groups.settings import SettingsError, read_settings
from tests.support import call, context

FC2 = "FC LTAI5tAda:aGVsbG8gd29ybGQ="
FC3 = "ACS3-HMAC-SHA256 Credential=LTAI5tAda,SignedHeaders=host;x-acs-date,Signature=" + "0f" * 32
LogLines = Callable[[], list[dict[str, Any]]]
Caller = Callable[..., str]


@pytest.fixture
def caller(make_function: Callable[..., Function], log_lines: LogLines) -> Caller:
    """Whom the log of a request names; empty: nobody. A request may arrive as an event, at one of
    the two handlers.
    """
    functions: dict[str, Function] = {}

    def told(
        identity: str, event: dict[str, Any] | None = None, entry: str = "handler", **headers: str
    ) -> str:
        if identity not in functions:
            functions[identity] = make_function(
                CALLER_IDENTITY=identity,
                ACCESS_POLICY="[]",
                CLOUDMONITOR_ENDPOINT="http://127.0.0.1:1",
            )
        function = functions[identity]
        if event is None:
            reply = call(function.handler, "GET", "/v1/contact-groups/g", headers=headers)
            assert (reply.status, reply.problem) == (403, "not-allowed")
        else:
            answer = getattr(function, entry)(json.dumps(event).encode(), context())
            assert int(answer["statusCode"]) == 403
        caller: str = log_lines()[-1]["callerId"]
        return caller

    return told


def test_everybody_is_one_caller_without_an_identity(caller: Caller) -> None:
    """With CALLER_IDENTITY=none no header names anybody."""
    assert caller("none", Authorization=FC2, Caller="ada") == "*"


@pytest.mark.parametrize("header", [FC2, FC3, FC3.replace(",", ", ")])
def test_both_signatures_name_their_access_key(caller: Caller, header: str) -> None:
    """The AccessKey ID stands in the signature of 2.0 and in that of 3.0."""
    assert caller("access-key", Authorization=header) == "LTAI5tAda"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "FC",
        "FC LTAI5tAda",
        "FC LTAI5tAda:",
        "FC :aGVsbG8=",
        "fc LTAI5tAda:aGVsbG8=",
        f" {FC2}",
        f"{FC2} ",
        f"{FC2}\n",
        "FC  LTAI5tAda:aGVsbG8=",
        "FC LTAI5tAda:x:aGVsbG8=",
        "FC LTAI5tAda :aGVsbG8=",
        "FC ada\u00e9:aGVsbG8=",
        "FC *:aGVsbG8=",
        f"{FC2},{FC2}",
        f"{FC2},FC LTAI5tEve:aGVsbG8=",
        f"{FC3},{FC3}",
        f"{FC2},{FC3}",
        FC3.replace("Credential=LTAI5tAda,", ""),
        FC3.replace("Credential=LTAI5tAda", "Credential=LTAI5tEve,Credential=LTAI5tAda"),
        FC3.replace("Credential=LTAI5tAda", "Credential="),
        FC3.replace("0f", "", 1),
        FC3.replace("SignedHeaders=host;x-acs-date,", ""),
        f"{FC3},Credential=LTAI5tEve",
        "Bearer LTAI5tAda",
        "Basic TFRBSTV0QWRhOng=",
    ],
)
def test_missing_twice_or_malformed_is_nobody(caller: Caller, header: str | None) -> None:
    """What is not exactly one signature names nobody."""
    headers = {} if header is None else {"Authorization": header}

    assert caller("access-key", **headers) == ""


token = st.text("FCACS3-HMAC-SHA256 LTAI.:,=;/+abf0\t*\u00e9\n", max_size=12)
PARTS = ["FC ", "ACS3-HMAC-SHA256 ", "Credential=", "LTAI5tAda", "LTAI5tEve", ":", ",", "aGk="]
PARTS += ["SignedHeaders=host", "Signature=", "0f" * 32, " ", "=", "event:mns-topic", "*", "null"]
fuzz = (
    st.lists(st.sampled_from(PARTS) | token, max_size=9).map("".join)
    | st.builds(
        lambda text, at, put: text[:at] + put + text[at:],
        st.sampled_from([FC2, FC3]),
        st.integers(0, 120),
        token | st.sampled_from(PARTS),
    )
    | st.text(max_size=30)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(fuzz)
@example(FC2)
@example(FC3)
def test_no_header_yields_a_caller_that_is_not_spelt_in_it(caller: Caller, header: str) -> None:
    """Whatever stands in Authorization, the caller is nobody, or the one id after the scheme of a
    signature, as it is spelt.
    """
    told = caller("access-key", Authorization=header)

    if told:
        assert header.startswith((f"FC {told}:", f"ACS3-HMAC-SHA256 Credential={told},"))
        assert header.count("Credential=") == header.startswith("ACS3")
        assert told.replace("-", "").replace(".", "").replace("_", "").isalnum()
        assert told.isascii()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.com", "ada@example.com"),
        ("acs:ram::1:user/ada", "acs:ram::1:user/ada"),
        ("x" * 256, "x" * 256),
        ("x" * 257, ""),
        ("", ""),
        ("null", ""),
        ("*", ""),
        ("ada,eve", ""),
        ("ada eve", ""),
        ("ada ", ""),
        ("ada\n", ""),
        ("adä", ""),
        ("event:mns-topic:rota", ""),
    ],
)
def test_a_claim_is_one_word_of_visible_ascii(caller: Caller, value: str, expected: str) -> None:
    """A header names the caller, unless it comes twice (a comma), is malformed, is what API Gateway
    says of nobody, or would pass for an event.
    """
    assert caller("header:CaAppId", CaAppId=value) == expected


def test_a_claim_is_missing_or_in_another_header(caller: Caller) -> None:
    """Only the header of the setting counts, in any case of its letters."""
    assert caller("header:Caller") == ""
    assert caller("header:Caller", Caller2="ada", Authorization=FC2) == ""
    assert caller("header:cALLER", Caller="ada") == "ada"


def _fc3(**headers: Any) -> dict[str, Any]:
    http = {"method": "GET", "path": "/v1/contact-groups/g"}
    return {
        "version": "v1",
        "rawPath": "/v1/contact-groups/g",
        "headers": headers,
        "requestContext": {"http": http},
    }


def _api_gateway(**headers: Any) -> dict[str, Any]:
    return {
        "httpMethod": "GET",
        "path": "/v1/contact-groups/g",
        "headers": headers,
        "queryParameters": {},
        "pathParameters": {},
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("identity", "event", "at_trigger"),
    [
        ("access-key", _fc3(Authorization=FC3), "LTAI5tAda"),
        ("access-key", _fc3(Authorization=[FC3]), "LTAI5tAda"),
        ("access-key", _fc3(Authorization=[FC3, FC3]), ""),
        ("access-key", _fc3(Authorization=FC3, authorization=FC3), ""),
        ("access-key", _api_gateway(Authorization=FC3), ""),
        ("header:CaAppId", _api_gateway(CaAppId="123"), "123"),
        ("header:CaAppId", _api_gateway(CaAppId="null"), ""),
        ("header:CaAppId", _api_gateway(CaAppId="123", caappid="124"), ""),
        ("header:Uid", _fc3(Uid="ada"), "ada"),
    ],
)
def test_a_request_that_is_an_event_is_believed_at_the_http_function_alone(
    caller: Caller, identity: str, event: dict[str, Any], at_trigger: str
) -> None:
    """Whoever may invoke the event function can write any header into an event: there it names
    nobody. API Gateway verifies no signature of Function Compute.
    """
    assert caller(identity, event) == at_trigger
    assert caller(identity, event, "event_handler") == ""


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "accesskey",
        "header",
        "header:",
        "header:X-Caller",
        "header:X_Caller",
        "header:1a",
        "header:é",
        "header:a b",
        "header:Authorization",
        "header:cookie",
        "header:" + "a" * 65,
    ],
)
def test_what_is_no_identity(value: str) -> None:
    """A header's name has letters and digits only, since WSGI takes `-` and `_` for the same, and
    is none with secrets.
    """
    with pytest.raises(SettingsError, match="CALLER_IDENTITY must"):
        read_settings({"CALLER_IDENTITY": value})
