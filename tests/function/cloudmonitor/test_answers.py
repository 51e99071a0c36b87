"""Reading answers: whatever the upstream sends ends in a row of the table, and shows no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time as clock
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.api import create_app
from contact_groups.cloudmonitor.answers import read_answer
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.outcomes import classify
from contact_groups.cloudmonitor.transport import RawAnswer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.contact_group import ContactGroup
from contact_groups.groups import Groups
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    GROUP,
    SUCCESS,
    Reply,
    ScriptedTransport,
    answer,
    call,
    refusal,
)

Send = Callable[..., Reply]
PUT = put_contact_group(ContactGroup("g", ("a",), "d"))
Verdict = tuple[str, str, int]
XML = "<?xml version='1.0' encoding='UTF-8'?>"
XML_ERROR = f"""{XML}<Error><RequestId>R-X</RequestId><HostId>h</HostId>
<Code>Throttling.User</Code><Message>Request was denied due to flow control.</Message></Error>"""
XML_SUCCESS = b"""<?xml version='1.0'?><PutContactGroupResponse>
  <Code>200</Code>
  <Message>success</Message>
  <RequestId>06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83</RequestId>
  <Success>true</Success>\x20
</PutContactGroupResponse>"""
XML_200 = "<Code>200</Code><Success>true</Success>"
BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<PutContactGroupResponse><Code>&b;</Code></PutContactGroupResponse>"""

# slug, outcome, attempts
CONTACT = ("contact-not-found", "not-applied", 1)
DENIED = ("permission-denied", "not-applied", 1)
THROTTLED = ("throttled", "not-applied", 3)
BAD = ("bad-upstream-answer", "unknown", 1)
BAD_5XX = ("bad-upstream-answer", "unknown", 3)


def _response(children: str) -> RawAnswer:
    return answer(f"<PutContactGroupResponse>{children}</PutContactGroupResponse>".encode())


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (answer(b""), BAD),
        (answer(b"", 500), BAD_5XX),
        (answer(b"<html>login</html>"), BAD),
        (answer(b"<html"), BAD),
        (answer(b"<html>oops</html>", 502), BAD_5XX),
        (answer(b"<html></html>", 404), BAD),
        (answer(b"", 302, location="http://127.0.0.1/"), BAD),
        (answer([SUCCESS]), BAD),
        (answer(b"{"), BAD),
        (answer(b'{"Code": "200", "Success": true} {}'), BAD),
        (answer(b'{"Code": "200", "Success": true, "Message": "\xff"}'), BAD),
        (answer(b'{"a":' * 100_000), BAD),
        (answer(b'{"Success": true, "Code": ' + b"2" * 5_000 + b"}"), BAD),
        (answer({}), BAD),
        (answer({"Code": "200"}), BAD),
        (answer({"Success": True}), BAD),
        (answer({**SUCCESS, "Success": False}), BAD),
        (answer({**SUCCESS, "Success": "yes"}), BAD),
        (answer({**SUCCESS, "Success": 1}), BAD),
        (answer({**SUCCESS, "Success": ["true"]}), BAD),
        (answer({**SUCCESS, "Code": True}), BAD),
        (answer({**SUCCESS, "Code": 200.0}), BAD),
        (answer({**SUCCESS, "Code": ["200"]}), BAD),
        (answer({**SUCCESS, "Code": "2O0"}), BAD),
        (answer(SUCCESS, 202), BAD),
        (answer(SUCCESS, 500), BAD_5XX),
        (answer({**SUCCESS, "Code": "404", "Success": False}), CONTACT),
        (answer({"code": 403, "success": False, "message": "no"}), DENIED),
        # contradictions
        (answer({**SUCCESS, "Code": "404"}), BAD),
        (answer({**SUCCESS, "Code": "InternalError"}, 500), BAD_5XX),
        # repetitions
        (answer({"Success": False, "Code": "InternalError", "success": True, "code": "200"}), BAD),
        (answer({"Success": True, "Code": "200", "success": True}), BAD),
        (answer(b'{"Success": true, "Code": "403", "Code": "200"}'), BAD),
        (answer(b'{"Success": true, "Code": "200", "Code": "200"}'), BAD),
        (answer(b'{"Code": "Throttling", "code": "Forbidden"}', 503), BAD_5XX),
        (_response("<Code>200</Code><code>403</code><Success>true</Success>"), BAD),
        (_response(XML_200 + "<Success>true</Success>"), BAD),
        # XML
        (answer(XML_ERROR.encode(), 400), THROTTLED),
        (answer(XML_ERROR.replace("Throttling.User", "Forbidden").encode(), 403), DENIED),
        (answer(f"<Error>{XML_200}</Error>".encode()), BAD),
        (answer(f"<Error>{XML_200}</Error>".encode(), 500), BAD_5XX),
        (answer(f"<Other>{XML_200}</Other>".encode()), BAD),
        (answer(XML_ERROR.replace("UTF-8", "no-such-encoding").encode(), 400), BAD),
        (answer(XML_ERROR.replace("UTF-8", "no-such-encoding").encode(), 503), BAD_5XX),
        (answer(XML_ERROR.encode("utf-16"), 400), BAD),
        (answer(BILLION_LAUGHS), BAD),
        (_response("<Success>true</Success><Code>200<Code>403</Code></Code>"), BAD),
        (_response(XML_200 + "<a/>" * 20_000), BAD),
    ],
)
def test_what_is_no_clear_answer(
    send: Send, transport: ScriptedTransport, step: RawAnswer, expected: Verdict
) -> None:
    """What cannot be read, contradicts itself or says a thing twice is a bad answer: never called
    success, never followed, and never a failure of the function.
    """
    transport.script = [step]

    reply = send("POST", "/v1/contact-groups", GROUP)

    verdict = reply.problem, reply.json["outcome"], reply.json["attempts"]
    assert verdict == expected


@pytest.mark.parametrize(
    "success",
    [
        SUCCESS,
        {**SUCCESS, "Code": 200},
        {**SUCCESS, "Success": "true"},
        {**SUCCESS, "Success": "True"},
        {**SUCCESS, "Message": "Illegal parameters."},
        {"code": "200", "success": True, "requestId": SUCCESS["RequestId"]},
        b"\n" + json.dumps(SUCCESS).encode() + b"\r\n",
        XML_SUCCESS,
        XML_SUCCESS.replace(b"PutContactGroupResponse", b"DeleteContactGroupResponse"),
        XML_SUCCESS.replace(b"<Message>success</Message>", b"<List><A/><A/></List>"),
    ],
)
def test_success_in_all_its_documented_forms(
    send: Send, transport: ScriptedTransport, success: Any
) -> None:
    """Success is `Success` true and Code 200, whatever their types and case, and whatever Message
    says.
    """
    transport.script = [answer(success)]

    reply = send("POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.json["requestId"]) == (200, SUCCESS["RequestId"])


def test_xml_up_to_its_limit() -> None:
    """XML is read up to 64 KB, since more of it costs too much."""
    whole = _response(XML_200).body
    padded = whole.replace(b"><Code>", b">" + b" " * (65_536 - len(whole)) + b"<Code>")

    assert read_answer(answer(padded)).succeeded
    assert not read_answer(answer(padded + b"\n")).succeeded


def test_what_is_shown_is_text(send: Send, transport: ScriptedTransport) -> None:
    """A Message or RequestId that is no text, or none at all, is left out."""
    for value in ({"a": 1}, ["b"], 5, True, None, ""):
        transport.script = [answer({"Code": "403", "Message": value, "RequestId": value})]

        upstream = send("POST", "/v1/contact-groups", GROUP).json["upstream"]

        assert upstream.get("message") is None
        assert upstream.get("requestId") is None


def test_request_id_falls_back_to_the_header(send: Send, transport: ScriptedTransport) -> None:
    """An answer without RequestId is traced by its header, and one without either says null."""
    transport.script = [
        answer({"Code": 200, "Success": True}, x_acs_request_id="H-1"),
        answer({"Code": 200, "Success": True}),
    ]

    assert send("POST", "/v1/contact-groups", GROUP).json["requestId"] == "H-1"
    assert send("POST", "/v1/contact-groups", GROUP).json["requestId"] is None


def test_members_are_kept_for_operations_that_read() -> None:
    """The members of a body are there by lower-case name, with what is nested as it came."""
    groups = {"ContactGroup": [{"Name": "a", "Contacts": {"Contact": ["b"]}}]}

    read = read_answer(answer({**SUCCESS, "ContactGroupList": groups, "Total": 1}))

    assert (read.members["contactgrouplist"], read.members["total"]) == (groups, 1)
    assert read_answer(answer(XML_SUCCESS)).members["code"] == "200"
    assert read_answer(answer(b'{"A": 1, "a": 2}')).members == {}


_TEXTS = st.text() | st.sampled_from(["200", "true", "Code", "success", CANARY_SECRET])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
    max_leaves=5,
)
_NAMES = st.sampled_from("Code code Success success Message RequestId".split()) | _TEXTS


@given(
    st.binary()
    | st.binary().map(b"<".__add__)
    | st.dictionaries(_NAMES, _VALUES).map(lambda body: json.dumps(body).encode()),
    st.dictionaries(
        st.sampled_from("x-acs-request-id date retry-after x-acs-retry-after".split()),
        st.text(st.characters(max_codepoint=255)),
    ),
)
def test_reading_never_raises(body: bytes, headers: dict[str, str]) -> None:
    """Whatever an answer holds, reading it gives an answer of which nothing secret, unbounded or
    unprintable is shown.
    """
    read = read_answer(RawAnswer(200, headers, body), (CANARY_SECRET,))

    assert read.hint is None or read.hint >= 0
    assert read.date is None or isinstance(read.date, float)
    assert read.succeeded or classify(read, PUT)
    for text, longest in ((read.code, 100), (read.message, 500), (read.request_id, 100)):
        assert text is None or (len(text) <= longest and text.isprintable())
        assert CANARY_SECRET not in (text or "")


# What is shown


@pytest.fixture
def send_with_canaries(make_client: Callable[..., Any]) -> Send:
    """Sends one request; the credentials are canaries that have to be encoded in a URL and in
    JSON.
    """
    environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET + "/+=",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "/+=" + CANARY_TOKEN + '+"\\/',
    }
    app = Wsgi(create_app(Groups(make_client()), 10.0, environment))

    def send(*args: Any, **kwargs: Any) -> Reply:
        return call(app, *args, **kwargs)

    return send


def _encoded(secret: str) -> list[str]:
    once = quote(secret, safe="")
    lower = once.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
    twice = quote(once, safe="")
    return [
        secret,
        once,
        lower,
        quote(secret),
        twice,
        twice.replace("%252F", "%252f"),
        quote(twice, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        secret.replace("/", "\\u002F").replace("+", "\\u002b"),
    ]


@pytest.mark.parametrize("form", range(10))
@pytest.mark.parametrize("place", ["Code", "Message", "RequestId", "x-acs-request-id"])
def test_secrets_that_are_echoed(
    send_with_canaries: Send,
    transport: ScriptedTransport,
    log_lines: Callable[[], list[dict[str, Any]]],
    place: str,
    form: int,
) -> None:
    """A secret is struck out of whatever an answer echoes it in, in each encoding; the rest of the
    text stays.
    """
    for secret in (CANARY_SECRET + "/+=", "/+=" + CANARY_TOKEN + '+"\\/'):
        text = f"a {_encoded(secret)[form]} b"
        body = {"Code": "Strange", "Message": "no"}
        headers: dict[str, Any] = {}
        if place == "x-acs-request-id":
            headers[place] = text
        else:
            body[place] = text
        transport.script = [answer(body, 400, **headers)]

        reply = send_with_canaries("POST", "/v1/contact-groups", GROUP)

        assert "a *** b" in reply.json["upstream"].values()
        shown = reply.body.decode() + json.dumps(log_lines())
        assert CANARY_SECRET not in shown
        assert CANARY_TOKEN not in shown


def test_secrets_across_the_cut() -> None:
    """A secret that begins before a text is cut is struck out whole, however often it is there."""
    secret = "k/" * 20 + CANARY_SECRET
    for form in _encoded(secret):
        for before in range(400, 501):
            message = "x" * before + form + "tail"
            read = read_answer(answer({"Code": "A", "Message": message}), (secret,))
            expected = "x" * before + "***tail"
            assert read.message
            assert expected.startswith(read.message)
            assert len(read.message) >= min(before + 3, 500)
        often = read_answer(answer({"Code": "A", "Message": form * 200}), ("other", secret))
        assert set(often.message or "") == {"*"}


def test_of_two_secrets_the_longer_one() -> None:
    """Where one secret begins like another, nothing of the longer one is left."""
    message = "a abcdefgh-12345678 b"

    read = read_answer(answer({"Message": message}), ("abcdefgh", "abcdefgh-12345678"))

    assert read.message == "a *** b"


@pytest.mark.parametrize("marker", ["server string to sign is:", "server StringToSign is ["])
def test_refused_signatures_do_not_leak_what_was_signed(
    marker: str, send_with_canaries: Send, transport: ScriptedTransport
) -> None:
    """The gateway answers a refused signature with the string to sign, token included: none of it
    is passed on.
    """
    words = "Specified signature is not matched with our calculation."
    message = f"{words} {marker}POST&SecurityToken%3D{CANARY_TOKEN}"
    transport.script = [refusal("SignatureDoesNotMatch", message=message)]

    reply = send_with_canaries("POST", "/v1/contact-groups", GROUP)

    assert reply.json["upstream"]["message"] == words
    assert CANARY_TOKEN not in reply.body.decode()


def test_long_texts_are_cut(
    send: Send, transport: ScriptedTransport, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """Two million characters make a small problem document and a small log line, cheaply."""
    long = "é%2B" * 500_000
    for body in ({"Code": long}, {"Code": "A", "Message": long}, {"Code": "A", "RequestId": long}):
        transport.script = [answer(body, 400, x_acs_request_id=long)]
        before = clock.process_time()

        reply = send("POST", "/v1/contact-groups", GROUP)

        assert clock.process_time() - before < 2.0  # 0.03 s on an idle machine
        assert len(reply.body) < 8_000
        assert len(json.dumps(log_lines())) < 8_000
        upstream = reply.json["upstream"]
        assert len(upstream["code"]) == (100 if body["Code"] == long else 1)
        assert len(upstream["requestId"]) == 100
        assert len(upstream.get("message") or "") in {0, 500}


def test_what_does_not_print_is_not_shown(send: Send, transport: ScriptedTransport) -> None:
    """Control characters, line ends, direction marks and lone surrogates become spaces."""
    text = "a\x00\r\n\x1b[31m\u202e\ud800b"
    body = json.dumps({"Code": text, "Message": f" {text} ", "RequestId": text}).encode()
    transport.script = [answer(body, 400)]

    upstream = send("POST", "/v1/contact-groups", GROUP).json["upstream"]

    shown = "a    [31m  b"
    assert (upstream["code"], upstream["message"], upstream["requestId"]) == (shown, shown, shown)


# Clocks and hints

_DATES = [
    "Tue, 14 Nov 2023 22:13:20 GMT",
    "Tuesday, 14-Nov-23 22:13:20 GMT",
    "Tue Nov 14 22:13:20 2023",
    "Tue, 14 Nov 2023 22:13:20 -0000",
    "Tue, 14 Nov 2023 22:13:20 +0000",
    "Tue, 14 Nov 2023 22:13:20 UTC",
    "Tue, 14 Nov 2023 22:13:20",
]


def _date(text: str) -> float | None:
    return read_answer(answer(SUCCESS, date=text)).date


@pytest.mark.parametrize("text", _DATES)
def test_dates_are_utc(text: str) -> None:
    """A Date in any form of HTTP, and without a zone, is UTC."""
    assert _date(text) == 1_700_000_000.0


def test_dates_do_not_depend_on_the_zone_of_the_machine() -> None:
    """The same holds where the machine's clock shows local time."""
    program = (
        "import sys, time; from contact_groups.cloudmonitor.answers import Answer;"
        "print(time.timezone, *(Answer(200, headers={'date': text}).date for text in sys.argv[1:]))"
    )
    environment = {**os.environ, "TZ": "XYZ-8", "PYTHONPATH": "function"}

    done = subprocess.run(
        [sys.executable, "-c", program, *_DATES],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["-28800", *["1700000000.0"] * len(_DATES)]


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("Sun, 06-Nov-94 08:49:37 GMT", 1994),
        ("Sunday, 06-Nov-69 08:49:37 GMT", 2069),
        ("Sunday, 06-Nov-70 08:49:37 GMT", 1970),
        ("Sun Nov  6 08:49:37 1994", 1994),
    ],
)
def test_years(text: str, year: int) -> None:
    """A year of two digits is one from 1970 to 2069; a day of one digit is led by a space."""
    moment = _date(text)

    assert moment is not None
    assert clock.gmtime(moment)[:6] == (year, 11, 6, 8, 49, 37)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2023-11-14T22:13:20Z",
        "Tue, 14 Nov 2023 22:13:20 +0800",
        "Tue, 14 Nov 2023 22:13:20 CST",
        "Tue, 31 Feb 2023 22:13:20 GMT",
        "Tue, 14 Nov 0000 22:13:20 GMT",
        "Tue, 14 Nov 2023 25:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:20 GMT, x",
        "Tue, 14 Nov " + "9" * 5_000 + " 22:13:20 GMT",
    ],
)
def test_other_dates_say_nothing(text: str) -> None:
    """What is no date of HTTP is none, rather than a guess."""
    assert _date(text) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x_acs_retry_after": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "7", "x_ratelimit_user": "Remain:0,TimeLeft:100"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "1.5"}, None),
        ({"retry_after": "²"}, None),
        ({"retry_after": _DATES[0], "date": "Tue Nov 14 22:13:10 2023"}, 10.0),
        ({"retry_after": _DATES[0], "date": "Tue Nov 14 22:13:30 2023"}, 0.0),
        ({"retry_after": _DATES[0]}, None),
        ({"x_ratelimit_user_api": "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}, 2.0),
        ({"x_ratelimit_user": "Limit:1,Remain:0,TimeLeft:700,Reset:1234"}, 0.7),
        ({"x_ratelimit_user_api": "Limit:20,Remain:1,TimeLeft:2000,Reset:1234"}, None),
        ({"x_ratelimit_user_api": "Limit:20,Remain:05,TimeLeft:2000"}, None),
        ({"x_ratelimit_user_api": "Limit:20,TimeLeft:2000"}, None),
        ({"x_ratelimit_user_api": "Remain:0,TimeLeft:x"}, None),
        (
            {
                "x_ratelimit_user_api": "Limit:20,Remain:3,TimeLeft:9000",
                "x_ratelimit_user": "Limit:99,Remain:0,TimeLeft:40",
            },
            0.04,
        ),
        (
            {
                "x_ratelimit_user_api": "Remain:0,TimeLeft:300",
                "x_ratelimit_user": "Remain:0,TimeLeft:500",
            },
            0.5,
        ),
        ({"retry_after": "3600"}, 3600.0),
        ({"retry_after": "3601"}, 3600.0),
        ({"retry_after": "9" * 9_000}, 3600.0),
        ({"x_acs_retry_after": "9" * 9_000}, 3600.0),
        ({"x_ratelimit_user": "Remain:0,TimeLeft:" + "9" * 9_000}, 3600.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": _DATES[0]}, 3600.0),
    ],
)
def test_hints(
    send: Send, transport: ScriptedTransport, headers: dict[str, Any], seconds: float | None
) -> None:
    """A wait that the server asks for is read from each of its headers, the limits only where no
    call remains, and is at most an hour.
    """
    assert read_answer(answer(SUCCESS, **headers)).hint == seconds

    transport.script = [refusal("Throttling.User", **headers)]
    retry_after = int(send("POST", "/v1/contact-groups", GROUP).headers["Retry-After"])
    assert 1 <= retry_after <= 3600
