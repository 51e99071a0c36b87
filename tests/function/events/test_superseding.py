"""Where EVENT_SUPERSEDED_BY_READING is on, an item that is older than its group in CloudMonitor is
not sent; and nothing is lost for that.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer, Request
from contact_groups.events import handler
from contact_groups.events.history import History
from contact_groups.events.messages import Message
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from contact_groups.groups import Groups
from contact_groups.settings import SettingsError, read_settings
from contact_groups.settling import CLOCK_MARGIN
from local.cloudmonitor import CloudMonitor
from tests.function.events.groups import Lines, group, verdicts
from tests.function.events.test_history import Made
from tests.support import ENVIRONMENT, SUCCESS, Time, answer, context, refusal

ON = {"EVENT_SUPERSEDED_BY_READING": "true"}


class Upstream:
    """A CloudMonitor with a clock, which keeps what is written; `failures` are the next answers to
    reads, `refusals` to writes.
    """

    def __init__(self, time: Time) -> None:
        self.time = time
        self.groups: dict[str, tuple[dict[str, Any], Any]] = {}
        self.calls: list[str] = []
        self.failures: list[Any] = []
        self.refusals: list[Any] = []
        self.dated = True

    def write(self, state: dict[str, Any], at: Any = None) -> None:
        """Keeps a state as somebody else would write it, at a time in seconds."""
        moment = self.time.wall() if at is None else at
        self.groups[state["contactGroupName"]] = (state, int(moment * 1000) if moment else None)

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """See Transport."""
        action = request.headers["x-acs-action"]
        self.calls.append(action)
        script = self.failures if action.startswith("Describe") else self.refusals
        step = script.pop(0) if script else None
        if isinstance(step, Exception):
            raise step
        if isinstance(step, RawAnswer):
            return step
        if action == "PutContactGroup":
            query = dict(parse_qsl(urlsplit(request.target).query))
            names = [value for name, value in query.items() if name.startswith("ContactNames.")]
            state = group(query["ContactGroupName"], query["Describe"])
            self.write({**state, "contactNames": names})
            if step == "written":
                raise NoAnswer("lost")
            return answer(SUCCESS)
        entries = [
            {
                "Name": name,
                "Contacts": {"Contact": state["contactNames"]},
                "Describe": state["describe"],
                "UpdateTime": at,
            }
            for name, (state, at) in self.groups.items()
        ]
        body = {**SUCCESS, "Total": len(entries), "ContactGroupList": {"ContactGroup": entries}}
        date = formatdate(self.time.wall(), usegmt=True)
        return answer(body, date=date) if self.dated else answer(body)


@pytest.fixture
def upstream(time: Time) -> Upstream:
    """A CloudMonitor without groups."""
    return Upstream(time)


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(make_client: Callable[..., Any], upstream: Upstream, time: Time) -> Run:
    """Handles messages, each a time and a group, on an instance with this history."""

    def call(*messages: Any, history: History | None = None, **options: Any) -> dict[str, Any]:
        chosen = {**ON, **{name: options.pop(name) for name in [*options] if name.isupper()}}
        return handler.handle(
            Made(*messages),
            None,
            options.pop("context", None),
            Groups(make_client(transport=upstream, max_attempts=1), reads=True),
            read_settings(chosen),
            event=b"",
            history=history or History(),
            environment=ENVIRONMENT,
            monotonic=time.monotonic,
        )

    return call


def test_an_item_older_than_its_group_is_superseded(
    run: Run, upstream: Upstream, time: Time, log_lines: Lines
) -> None:
    """It is not sent, says why with both times, and its payload is in the log."""
    upstream.write(group("a", "newer"))
    stale = group("a", "stale")
    result = run((time.wall() - 60, stale))
    assert verdicts(result) == ["superseded"]
    assert result["items"][0]["reason"] == (
        "It was made at 1699999940.000; CloudMonitor says that the group was written at"
        " 1700000000.000 (epoch seconds)."
    )
    assert upstream.calls == ["DescribeContactGroupList"]
    line, event = log_lines()
    assert (line["message"], line["level"]) == ("superseded", "WARNING")
    assert json.loads(line["payload"]) == stale
    assert event["superseded"] == 1


@pytest.mark.parametrize(
    ("made", "written", "verdict"),
    [
        (0.0, 0.0, "applied"),
        (5.0, 0.0, "applied"),
        (-CLOCK_MARGIN, 0.0, "applied"),
        (-CLOCK_MARGIN - 0.5, 0.0, "superseded"),
        (-60.0, None, "applied"),
    ],
    ids=["equal", "newer", "clocks", "older", "unknown"],
)
def test_only_what_is_certainly_older_is_superseded(
    run: Run, upstream: Upstream, time: Time, made: float, written: float | None, verdict: str
) -> None:
    """An item of the same time is sent, one within the margin of two clocks, and one whose group
    has no time.
    """
    upstream.write(group("a", "other"), 0 if written is None else time.wall() + written)
    assert verdicts(run((time.wall() + made, group("a")))) == [verdict]


def test_an_item_without_a_time_is_sent_unread(run: Run, upstream: Upstream) -> None:
    """Where the source does not tell when an item was made, no read is made for it."""
    upstream.write(group("a", "other"))
    assert verdicts(run((None, group("a")))) == ["applied"]
    assert upstream.calls == ["PutContactGroup"]


def test_a_group_that_is_not_there_is_created(run: Run, upstream: Upstream, time: Time) -> None:
    """An item for a group that CloudMonitor does not have is sent."""
    upstream.write(group("b"))
    assert verdicts(run((time.wall() - 60, group("a")))) == ["applied"]


def test_off_is_the_default(run: Run, upstream: Upstream, time: Time) -> None:
    """Without the setting nothing is read."""
    upstream.write(group("a", "newer"))
    result = run((time.wall() - 60, group("a")), EVENT_SUPERSEDED_BY_READING="")
    assert (verdicts(result), upstream.calls) == (["applied"], ["PutContactGroup"])


@pytest.mark.parametrize(
    "failure",
    [
        refusal("Forbidden.RAM", 403),
        refusal("Throttling"),
        NoAnswer("lost"),
        answer(b"no JSON"),
        answer({**SUCCESS, "ContactGroupList": {}}),
        RuntimeError("a defect"),
    ],
    ids=["forbidden", "throttled", "lost", "unreadable", "no-total", "defect"],
)
def test_a_read_that_fails_changes_nothing(
    run: Run, upstream: Upstream, time: Time, log_lines: Lines, failure: Any
) -> None:
    """The item is applied and so are the others, which are not read any more; one warning says
    so. The next event is read again.
    """
    upstream.write(group("a", "newer"))
    upstream.failures = [failure]
    old = time.wall() - 60
    assert verdicts(run((old, group("a")), (old, group("b")))) == ["applied"] * 2
    assert upstream.calls == ["DescribeContactGroupList"] + ["PutContactGroup"] * 2
    warnings = [line for line in log_lines() if line["level"] == "WARNING"]
    assert [line["message"] for line in warnings] == [
        "the rest of this event is not compared with CloudMonitor"
    ]
    time.sleep(60)
    upstream.write(group("a", "newer"))
    assert verdicts(run((old, group("a")))) == ["superseded"]


def test_a_read_leaves_time_for_the_write(run: Run, upstream: Upstream, time: Time) -> None:
    """A read that hangs may take half of the time that is left."""

    class Hanging(Upstream):
        def send(self, request: Request, deadline: float) -> RawAnswer:
            if request.headers["x-acs-action"].startswith("Describe"):
                time.sleep(deadline - time.monotonic())
                raise NoAnswer("slow")
            return super().send(request, deadline)

    upstream.__class__ = Hanging
    assert verdicts(run((time.wall() - 60, group("a")))) == ["applied"]
    assert time.elapsed == 30.0


def test_the_own_write_of_an_instance_makes_nothing_old(
    run: Run, upstream: Upstream, time: Time
) -> None:
    """A newer state whose event waited while this instance wrote an older one is sent: UpdateTime
    is the time of that write, and its history knows when what it wrote was made.
    """
    history, old = History(clock=time.wall), time.wall() - 100
    run((old, group("a", "first")), history=history)
    time.sleep(30)
    assert verdicts(run((old + 1, group("a", "second")), history=history)) == ["applied"]
    assert verdicts(run((old + 0.5, group("a", "between")), history=history)) == ["superseded"]
    upstream.dated = False
    assert verdicts(run((old + 2, group("a", "third")), history=history)) == ["applied"]
    upstream.dated = True
    time.sleep(30)
    upstream.write(group("a", "of somebody else"))
    assert verdicts(run((old + 3, group("a", "fourth")), history=history)) == ["superseded"]


def test_the_retry_of_what_is_stored_is_applied(
    run: Run, upstream: Upstream, time: Time, log_lines: Lines
) -> None:
    """Where another instance, or a lost answer, has written exactly this item, its own write does
    not make it superseded: it is applied, which reading has shown, and nothing is sent.
    """
    upstream.write({**group("a"), "contactNames": ["Ada"]})
    [item] = run((time.wall() - 60, group("a")))["items"]
    assert (item["verdict"], item["verified"]) == ("applied", True)
    assert upstream.calls == ["DescribeContactGroupList"]
    assert [line["message"] for line in log_lines()] == ["event"]


def test_an_older_item_lets_a_newer_one_before_it_through(
    run: Run, upstream: Upstream, time: Time
) -> None:
    """Where the last item for a group is older than it, and one before it is newer, that one is
    sent.
    """
    upstream.write(group("a", "other"))
    now = time.wall()
    result = run((now + 1, group("a", "newer")), (now - 60, group("a", "older")))
    assert verdicts(result) == ["applied", "superseded"]
    assert upstream.groups["a"][0]["describe"] == "newer"


def test_the_setting_needs_reads() -> None:
    """Where nothing may be read, the setting is refused and not ignored."""
    with pytest.raises(SettingsError, match="must be false where READS_ENABLED is false"):
        read_settings({**ON, "READS_ENABLED": "false"})
    assert read_settings(ON).event_superseded_by_reading is True
    assert read_settings({"READS_ENABLED": "false"}).event_superseded_by_reading is False


def test_the_function_does_it_with_a_real_connection(
    make_function: Callable[..., Function],
) -> None:
    """Through the event function, what somebody wrote over HTTP is not undone by an older event."""
    with CloudMonitor() as cloud:
        function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url, **ON)
        event = {"specversion": "1.0", "source": "s", "type": "t", "data": group("a", "old")}
        newer = {**event, "id": "2", "time": "2999-01-01T00:00:00Z", "data": group("a", "http")}
        older = {**event, "id": "1", "time": "2026-03-02T08:00:00Z"}
        make_function(CLOUDMONITOR_ENDPOINT=cloud.url).event_handler(
            json.dumps(newer).encode(), context()
        )
        result = function.event_handler(json.dumps(older).encode(), context())
        assert verdicts(result) == ["superseded"]
        assert [stored.describe for stored in cloud.groups()] == ["http"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["event", "retry", "other", "fail read", "fail write", "lose write", "lose answer"]
        ),
        st.sampled_from("ab"),
        st.none() | st.integers(0, 120),  # how long ago it was made
        st.integers(0, 30),  # seconds that pass before
        st.integers(0, 1),  # the instance
    ),
    min_size=1,
    max_size=14,
)


class Messages:
    """Stands for a source."""

    name = "model"

    def __init__(self, made: float | None, body: Any) -> None:
        self._message = Message("", body, body, "model", made=made)

    def messages(self, _: Any) -> Any:
        """See `Claim`."""
        yield self._message


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_what_others_wrote_is_not_undone_and_nothing_is_lost(
    make_client: Callable[..., Any], steps: list[Any]
) -> None:
    """Whatever events, retries, failures and writes of others come in whatever order: an item that
    is certainly older than what somebody else wrote is never sent after a read that succeeded; one
    that is not is applied, failed, or superseded by its own instance; and each that is superseded
    is in the log whole.
    """
    time = Time()
    upstream, chosen = Upstream(time), read_settings(ON)
    clients = [
        Groups(
            make_client(
                transport=upstream,
                max_attempts=1,
                clock=time.wall,
                monotonic=time.monotonic,
                sleep=time.sleep,
            )
        )
        for _ in range(2)
    ]
    histories = [History(clock=time.wall) for _ in range(2)]
    sent: list[tuple[str, float | None, dict[str, Any]]] = []
    foreign: dict[str, float] = {}
    own: dict[tuple[int, str], float] = {}
    for number, (what, name, ago, pause, instance) in enumerate(steps):
        time.sleep(pause)
        state = group(name, f"n{number}")
        if what == "other":
            upstream.write(state)
            foreign[name] = time.wall()
            continue
        upstream.failures = [refusal("Throttling")] if what == "fail read" else []
        refusals: dict[str, list[Any]] = {
            "fail write": [refusal("InternalError", 500)],
            "lose write": [NoAnswer("lost")],
            "lose answer": ["written"],
        }
        upstream.refusals = refusals.get(what, [])
        if what == "retry" and sent:
            delivery, made, state = sent[number % len(sent)]
        else:
            delivery, made = f"event-{number}", None if ago is None else time.wall() - ago
        sent.append((delivery, made, state))
        place = (instance, state["contactGroupName"])
        upstream.calls.clear()
        result: dict[str, Any] = {}
        with redirect_stdout(io.StringIO()) as log:
            try:
                result = handler.handle(
                    Messages(made, state),
                    None,
                    context(request_id=delivery),
                    clients[instance],
                    chosen,
                    event=b"",
                    history=histories[instance],
                    environment=ENVIRONMENT,
                    monotonic=time.monotonic,
                )
            except EventFailed:
                continue
        [item] = result["items"]
        wrote = "PutContactGroup" in upstream.calls
        written = foreign.get(state["contactGroupName"], 0.0)
        stale = made is not None and made + CLOCK_MARGIN < written
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        kept = [json.loads(line["payload"]) for line in lines if line["message"] == "superseded"]
        assert kept == ([state] if item["verdict"] == "superseded" else [])
        assert wrote == (item["verdict"] == "applied" and not _unsent(item))
        if stale and what != "fail read":
            # But for the gap of two seconds after a write of the instance itself.
            assert not wrote or own.get(place, 0.0) + CLOCK_MARGIN >= written
        if wrote:
            own[place] = time.wall()
        if made is None and not item.get("earlier"):
            assert wrote


def _unsent(item: dict[str, Any]) -> bool:
    return bool(item.get("earlier") or item.get("verified"))
