"""What the most expensive request under the limits may cost, in CPU time and as a multiple of the
largest legal one. Nothing here depends on how busy or fast the machine is. `make bench` measures
the same requests against the bound itself.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time as clocks
from collections.abc import Callable
from typing import Any

import pytest

from bench.hostile import BODY, HOSTILE, LEGAL, Request
from contact_groups.api import BODY_MAX, create_app
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from contact_groups.payload import parse_json
from contact_groups.problems import Problem
from tests.support import ENVIRONMENT, GROUP, Reply

Send = Callable[..., Reply]
#: Measured: 17. Before members were counted in linear time it was 10,000, and 80 to 600 where every
#: wrong element of a list or every unknown member had an error of its own.
TIMES_MAX = 60


@pytest.fixture
def app(make_client: Callable[..., Any]) -> Wsgi:
    """The application over an upstream that accepts everything."""
    return Wsgi(create_app(Groups(make_client()), 10.0, ENVIRONMENT))


def _answer(app: Wsgi, request: Request) -> tuple[int, bytes]:
    statuses: list[str] = []
    body = b"".join(app(request.environ(), lambda status, *_: statuses.append(status)))
    return int(statuses[0][:3]), body


def _least(app: Wsgi, request: Request, times: int) -> float:
    return min(_seconds(lambda: _answer(app, request)) for _ in range(times))


def _seconds(call: Callable[[], Any]) -> float:
    """CPU seconds of this thread, without garbage collection of what other tests have left: a
    process of the function holds almost nothing.
    """
    gc.freeze()  # without gc.collect(), which takes 0.2 seconds in a process full of tests
    started = clocks.thread_time()
    try:
        call()
        return clocks.thread_time() - started
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("name", LEGAL)
def test_the_largest_legal_requests_are_legal(app: Wsgi, name: str) -> None:
    """The requests that the others are compared with are accepted."""
    assert _answer(app, LEGAL[name]())[0] == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_no_request_under_the_limits_is_expensive(
    app: Wsgi, log_lines: Callable[[], list[dict[str, Any]]], name: str
) -> None:
    """A request that is built to be expensive gets an answer of the contract and one line in the
    log, and costs a bounded multiple of the largest legal request.
    """
    request = HOSTILE[name]()
    assert len(request.body) <= BODY == BODY_MAX

    status, answer = _answer(app, request)

    assert status in {200, 400, 404, 406, 415, 422}
    assert len(answer) < 250_000
    assert [len(json.dumps(line)) < 8_000 for line in log_lines()] == [True]
    legal = max(_least(app, make(), 5) for make in LEGAL.values())
    assert _least(app, request, 3) < TIMES_MAX * legal


def test_reading_a_manifest_takes_time_in_proportion_to_its_size() -> None:
    """A member that is there twice among 400,000 is found in about the time that reading takes."""
    names = ",".join(f'"{number}":1' for number in range(400_000))
    body = f'{{{names},"399999":1}}'.encode()

    def read() -> None:
        with pytest.raises(Problem, match='"399999" stands more than once'):
            parse_json(body)

    ours = min(_seconds(read) for _ in range(3))
    assert ours < 20 * min(_seconds(lambda: json.loads(body)) for _ in range(3))


def test_a_list_that_is_too_long_is_refused_as_a_whole(send: Send) -> None:
    """The error is that of the list; its elements have none, whatever they are."""
    reply = send("POST", "/v1/contact-groups", {**GROUP, "contactNames": [1] * 101})

    assert [(e["pointer"], e["code"]) for e in reply.json["errors"]] == [
        ("/contactNames", "too-many")
    ]


def test_unknown_members_are_listed_up_to_a_number_and_all_counted(send: Send) -> None:
    """Fifty errors, the rules of the members that are known first, and the number of all."""
    unknown = {f"member-{number}": number for number in range(1_000)}

    reply = send("POST", "/v1/contact-groups", {**unknown, **GROUP, "describe": ""})

    errors = [(e["pointer"], e["code"]) for e in reply.json["errors"]]
    assert errors[:2] == [("/describe", "blank"), ("/member-0", "unknown-member")]
    assert (len(errors), errors[-1][0]) == (50, "/member-48")
    assert "1001 members break a rule" in reply.json["detail"]


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_unknown_members_are_told_in_the_order_of_the_body(seed: str) -> None:
    """The order is that of the body, whatever PYTHONHASHSEED is."""
    program = (
        "from contact_groups.problems import Problem\n"
        "from contact_groups.schemas import load_contact_group\n"
        "body = dict.fromkeys('zoe yan xi wu vic contactGroupNam a'.split())\n"
        "try: load_contact_group(body, 'g')\n"
        "except Problem as problem: print([error.pointer for error in problem.errors])\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "function"}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str(
        "/contactNames /describe /zoe /yan /xi /wu /vic /contactGroupNam /a".split()
    )
