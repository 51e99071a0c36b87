"""What is sent again, when, and what is said of it: against a scripted server."""

from __future__ import annotations

import pickle
import socket
import time
from typing import Any

import pytest

from clients.python.tests.conftest import Jumps
from clients.python.tests.server import GROUP, Play, Server, answer, dripping, lost, problem
from contact_groups_client import (
    AccessKey,
    Client,
    ContactGroup,
    ContactGroupNotFound,
    ContactGroupsError,
    FunctionCompute3,
    InternalError,
    NoAnswer,
    NotReached,
    PlatformError,
    Problem,
    Throttled,
    UnexpectedAnswer,
    UpstreamError,
)

DONE = answer(200, GROUP)
ONE = ContactGroup("g", ["a"], "d")
THROTTLED = problem(429, "throttled", outcome="not-applied", retry_after="7")
UNKNOWN = problem(504, "upstream-timeout", outcome="unknown")
ABSENT = problem(404, "contact-group-not-found", retryable=False)
DIED = answer(502, {"errorMessage": "Process exited unexpectedly"})


def test_retry_after_is_waited_for(scripted: Client, server: Server, jumps: Jumps) -> None:
    """The client waits as long as the answer says, and tells the function what is left."""
    server.script = [THROTTLED, DONE]

    scripted.put(ONE)

    assert jumps.slept == [7.0]
    waits = [int(head.partition("wait=")[2].partition("\r")[0]) for head, _ in server.requests]
    assert waits == [19, 12]
    assert len({body for _, body in server.requests}) == 1


def test_retry_after_beyond_the_timeout(scripted: Client, jumps: Jumps, server: Server) -> None:
    """A wait that does not fit into the timeout is not begun; the error says how long it is."""
    server.script = [THROTTLED]

    with pytest.raises(Throttled) as caught:
        scripted.put(ONE, timeout=6.5)

    assert (caught.value.retry_after, caught.value.outcome, jumps.slept) == (7.0, "not-applied", [])


@pytest.mark.parametrize("first", [lost, UNKNOWN, DIED, answer(503, b"<html>", "text/html")])
def test_after_an_unknown_outcome(scripted: Client, server: Server, first: Play) -> None:
    """A whole group is sent again after an answer was lost; under a condition it is not."""
    server.script = [first, DONE]
    assert scripted.put(ONE).request_id == "r"
    assert len(server.requests) == 2

    for condition in ({"if_match": '"e"'}, {"only_new": True}):
        server.script = [first, DONE]
        before = len(server.requests)
        with pytest.raises(ContactGroupsError) as caught:
            scripted.put(ONE, **condition)
        assert caught.value.outcome == "unknown"
        assert len(server.requests) == before + 1


def test_a_condition_after_a_certain_refusal(scripted: Client, server: Server) -> None:
    """What certainly was not written is sent again under its condition too."""
    server.script = [THROTTLED, answer(429, {"ErrorCode": "ResourceExhausted", "ErrorMessage": ""})]
    server.script.append(DONE)

    assert scripted.put(ONE, if_match='"e"').request_id == "r"
    assert all('If-Match: "e"' in head for head, _ in server.requests)


def test_an_unknown_outcome_stays_unknown(scripted: Client, server: Server) -> None:
    """A refusal after a lost answer does not make the whole call `not-applied`."""
    server.script = [lost, problem(422, "values-rejected", retryable=False, outcome="not-applied")]

    with pytest.raises(Problem) as caught:
        scripted.put(ONE)

    assert (caught.value.outcome, caught.value.sent) == ("unknown", 2)
    assert caught.value.members["outcome"] == "not-applied"


def test_a_delete_whose_answer_was_lost(scripted: Client, server: Server) -> None:
    """404 is a success after a try that may have deleted the group, and only then."""
    server.script = [lost, ABSENT]
    scripted.delete("g")

    for script in ([ABSENT], [THROTTLED, ABSENT]):
        server.script = script
        with pytest.raises(ContactGroupNotFound):
            scripted.delete("g")


@pytest.mark.parametrize("play", [lost, UNKNOWN, DIED])
def test_reads_have_no_outcome(scripted: Client, server: Server, play: Play) -> None:
    """A read is tried again, and its error says nothing of a write."""
    server.script = [play, answer(200, GROUP, ETag='"e"')]
    read = scripted.get("g")
    assert read is not None
    assert read.etag == '"e"'

    server.script = [problem(500, "internal-error", retryable=False)]
    with pytest.raises(InternalError) as caught:
        scripted.get("g")
    assert caught.value.outcome is None


def test_what_is_of_no_use_is_not_repeated(scripted: Client, server: Server) -> None:
    """A problem that is not retryable is raised at once."""
    server.script = [problem(502, "upstream-error", retryable=False, outcome="unknown")]

    with pytest.raises(UpstreamError):
        scripted.put(ONE)

    assert len(server.requests) == 1


@pytest.mark.parametrize("play", [dripping, lambda _: time.sleep(1.2)])
def test_one_instant_bounds_everything(server: Server, play: Play) -> None:
    """An answer that comes byte by byte, or not at all, does not extend the timeout."""
    server.script = [play]

    with Client(server.url) as client, pytest.raises(NoAnswer) as caught:
        client.put(ONE, timeout=0.3)

    assert caught.value.outcome == "unknown"


def test_nothing_listens(jumps: Jumps) -> None:
    """Where no connection can be made nothing was written; it is tried until the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with (
        Client(
            f"http://127.0.0.1:{port}", time=jumps.time()._replace(random=lambda: 1.0)
        ) as client,
        pytest.raises(NotReached) as caught,
    ):
        client.put(ONE, only_new=True, timeout=10)

    assert caught.value.outcome == "not-applied"
    assert jumps.slept[:5] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


@pytest.mark.parametrize(
    "play",
    [
        answer(200, b"<html>", "text/html"),
        answer(200, []),
        answer(200, {**GROUP, "contactGroupName": "other"}),
        answer(200, {**GROUP, "contactNames": [1]}),
        answer(302, b"", Location="/elsewhere"),
        answer(204, b""),
    ],
)
def test_what_is_no_success_is_not_called_one(scripted: Client, server: Server, play: Play) -> None:
    """Only an answer of the right shape, with the group that was sent, is a success."""
    server.script = [play]

    with pytest.raises(UnexpectedAnswer) as caught:
        scripted.put(ONE)

    assert caught.value.outcome == "unknown"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (400, {"ErrorCode": "MissingRequiredHeader", "ErrorMessage": "m"}, "not-applied"),
        (403, {"Code": "SignatureNotMatch", "Message": "m", "RequestId": "r"}, "not-applied"),
        (412, {"ErrorCode": "CAExited", "ErrorMessage": "m"}, "unknown"),
    ],
)
def test_errors_of_function_compute(
    scripted: Client, server: Server, status: int, document: Any, outcome: str
) -> None:
    """Errors of both platforms are one class, and certain only where the function did not run."""
    server.script = [answer(status, document, X_Fc_Request_Id="id")]

    with pytest.raises(PlatformError) as caught:
        scripted.put(ONE)

    error = caught.value
    assert error.code == (document.get("ErrorCode") or document.get("Code"))
    assert (error.message, error.request_id, error.outcome) == ("m", "id", outcome)


def test_unknown_problems_keep_all_members(scripted: Client, server: Server) -> None:
    """A type of a newer function is the base class, with all members; it survives pickling."""
    server.script = [problem(418, "brand-new", retryable=False, teapot=True)]

    with pytest.raises(Problem) as caught:
        scripted.put(ONE)

    assert type(caught.value) is Problem
    assert caught.value.members["teapot"] is True
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  # our own


def test_a_token_stays_secret(server: Server) -> None:
    """A token that cannot be sent is named, and not shown."""
    signer = FunctionCompute3(lambda: AccessKey("id", "secret", "to\nken"))

    with Client(server.url, signer) as client, pytest.raises(ValueError, match="line breaks") as e:
        client.put(ONE)

    assert "ken" not in str(e.value).replace("AccessKey", "").replace("broken", "")
    assert e.value.__suppress_context__


def test_what_is_used_wrongly(scripted: Client) -> None:
    """Wrong arguments are refused before anything is sent."""
    for condition, error in (({"if_match": None}, TypeError), ({"timeout": 0}, ValueError)):
        with pytest.raises(error):
            scripted.put(ONE, **condition)
    with pytest.raises(ValueError, match="exclude"):
        scripted.put(ONE, if_match='"e"', only_new=True)
    with pytest.raises(TypeError):
        ContactGroup("g", "Alice", "d")
    with pytest.raises(ValueError, match="http"):
        Client("127.0.0.1:8000")
    with pytest.raises(ValueError, match="ALIBABA_CLOUD_ACCESS_KEY_ID is not set"):
        AccessKey.from_environment({})
