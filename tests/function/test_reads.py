"""Reading, listing, deleting and preconditions, through the front door against a model of
CloudMonitor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contact_groups.api import create_app
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from tests.function.upstream import Model
from tests.support import ENVIRONMENT, Reply, Time, call, refusal

Send = Callable[..., Reply]
BODY = {"contactNames": ["a", "b"], "describe": "d"}
ONE = "/v1/contact-groups/g"
ALL = "/v1/contact-groups"


@pytest.fixture
def model(time: Time) -> Model:
    """A CloudMonitor without groups."""
    return Model(time)


@pytest.fixture
def make_send(make_client: Callable[..., Client], model: Model, time: Time) -> Callable[..., Send]:
    """Makes what sends requests to the function over the model."""

    def make(signature: str = "ACS3-HMAC-SHA256", **options: Any) -> Send:
        client = make_client(transport=model, signature=signature)
        groups = Groups(client, **{"reads": True, "deletes": True, **options})
        app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=time.monotonic))
        return lambda *args, **kwargs: call(app, *args, **kwargs)

    return make


@pytest.fixture
def send(make_send: Callable[..., Send]) -> Send:
    """Sends a request to the function with everything switched on."""
    return make_send()


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_a_group_from_its_creation_to_its_end(
    make_send: Callable[..., Send], time: Time, signature: str
) -> None:
    """A group is created, read, read unchanged, changed under its tag, refused under the old one,
    listed and deleted.
    """
    send = make_send(signature)

    created = send("PUT", ONE, BODY, headers={"If-None-Match": "*"})
    assert (created.status, created.headers["Location"]) == (201, ONE)
    read = send("GET", ONE)
    assert (read.status, read.json) == (
        200,
        {
            "contactGroupName": "g",
            **BODY,
            "enableSubscribed": False,
            "createTime": "2023-11-14T22:13:20Z",
            "updateTime": "2023-11-14T22:13:20Z",
        },
    )
    old = read.headers["ETag"]
    assert send("GET", ONE, headers={"If-None-Match": f'"x", W/{old}'}).status == 304
    head = send("HEAD", ONE)
    assert (head.status, head.headers["ETag"], head.body) == (200, old, b"")
    time.sleep(1)
    assert send("PUT", ONE, {**BODY, "describe": "e"}, headers={"If-Match": old}).status == 200
    refused = send("PUT", ONE, BODY, headers={"If-Match": old})
    assert (refused.status, refused.problem) == (412, "precondition-failed")
    assert refused.headers["ETag"] == send("GET", ONE).headers["ETag"] != old
    assert send("GET", ALL).json["total"] == 1
    assert (send("DELETE", ONE).status, send("DELETE", ONE).status) == (204, 404)
    assert send("GET", ONE).problem == "contact-group-not-found"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("PUT", {"If-Match": "*"}, 200),
        ("PUT", {"If-Match": 'W/{etag}, "x"'}, 412),
        ("PUT", {"If-Match": '"x" , {etag},'}, 200),
        ("PUT", {"If-None-Match": "*"}, 412),
        ("PUT", {"If-None-Match": "W/{etag}"}, 412),
        ("PUT", {"If-None-Match": '"x"'}, 200),
        ("PUT", {"If-Match": "{etag}", "If-None-Match": "*"}, 412),
        ("DELETE", {"If-Match": "{etag}"}, 204),
        ("DELETE", {"If-Match": '"x"'}, 412),
        ("GET", {"If-Match": '"x"'}, 412),
        ("GET", {"If-Match": "{etag}"}, 200),
        ("GET", {"If-None-Match": "*"}, 304),
        ("GET", {"If-None-Match": '"x"'}, 200),
        ("PUT", {"If-Match": "x"}, 400),
        ("PUT", {"If-Match": '"x" "y"'}, 400),
        ("PUT", {"If-None-Match": '"x'}, 400),
        ("GET", {"If-None-Match": ""}, 400),
        ("PUT", {"If-Match": '*, "x"'}, 400),
    ],
)
def test_preconditions(
    send: Send, model: Model, method: str, headers: dict[str, str], status: int
) -> None:
    """Each kind of condition holds or fails as RFC 9110 has it, and a failure changes nothing."""
    model.add("g", "a")
    etag = send("GET", ONE).headers["ETag"]
    before = dict(model.groups)

    reply = send(
        method,
        ONE,
        BODY if method == "PUT" else None,
        headers={name: value.replace("{etag}", etag) for name, value in headers.items()},
    )

    assert reply.status == status
    if status >= 400:
        assert reply.problem == {412: "precondition-failed", 400: "malformed-request"}[status]
        assert model.groups == before


def test_preconditions_on_a_group_that_is_not_there(send: Send) -> None:
    """If-Match needs a group to write, deleting none is 404 whatever it names, and POST creates
    under If-None-Match.
    """
    assert send("PUT", ONE, BODY, headers={"If-Match": "*"}).status == 412
    assert send("DELETE", ONE, headers={"If-Match": "*"}).status == 404
    created = send("POST", ALL, {**BODY, "contactGroupName": "a/b"}, headers={"If-None-Match": "*"})
    assert (created.status, created.headers["Location"]) == (201, f"{ALL}?name=a%2Fb")


def test_without_reads_a_precondition_is_refused_and_never_ignored(
    make_send: Callable[..., Send], model: Model
) -> None:
    """Where reading is off, a write with a condition is not carried out."""
    reply = make_send(reads=False)("PUT", ONE, BODY, headers={"If-None-Match": "*"})

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        501,
        "reads-off",
        "not-applied",
    )
    assert not model.sent


def test_a_precondition_that_cannot_be_read_writes_nothing(send: Send, model: Model) -> None:
    """A read that fails before a write ends it, as not-applied."""
    model.reads = [lambda _: refusal("NoPermission", 403)]

    reply = send("PUT", ONE, BODY, headers={"If-Match": "*"})

    assert (reply.problem, reply.json["outcome"]) == ("permission-denied", "not-applied")
    assert "cms:DescribeContactGroupList" in reply.json["detail"]
    assert model.sent == ["DescribeContactGroupList"]


@pytest.mark.parametrize(
    ("reads", "deletes", "one", "collection"),
    [
        (True, True, "DELETE, GET, HEAD, PUT", "DELETE, GET, HEAD, POST"),
        (True, False, "GET, HEAD, PUT", "GET, HEAD, POST"),
        (False, True, "DELETE, PUT", "DELETE, POST"),
        (False, False, "PUT", "POST"),
    ],
)
def test_what_is_off_is_405_with_a_true_allow(
    make_send: Callable[..., Send], reads: bool, deletes: bool, one: str, collection: str
) -> None:
    """Allow names the methods that each path has with these settings, and no other."""
    send = make_send(reads=reads, deletes=deletes)

    for path, allow in ((ONE, one), (ALL, collection)):
        assert send("PATCH", path).headers["Allow"] == allow
        for method in {"GET", "HEAD", "DELETE"} - set(allow.split(", ")):
            reply = send(method, path)
            assert (reply.status, reply.headers["Allow"]) == (405, allow)


def test_pages_of_the_list(send: Send, model: Model) -> None:
    """The list comes in pages, with the total and links to the neighbours behind the prefix of the
    platform.
    """
    for number in range(5):
        model.add(f"g{number}")

    reply = send("GET", ALL, query="page=2&pageSize=2", SCRIPT_NAME="/prefix")

    assert [group["contactGroupName"] for group in reply.json["contactGroups"]] == ["g2", "g3"]
    assert reply.json["contactGroups"][0]["contactNames"] == []
    assert {name: reply.json[name] for name in ("total", "page", "pageSize")} == {
        "total": 5,
        "page": 2,
        "pageSize": 2,
    }
    assert reply.headers["Link"] == (
        '</prefix/v1/contact-groups?page=3&pageSize=2>; rel="next", '
        '</prefix/v1/contact-groups?page=1&pageSize=2>; rel="prev"'
    )
    assert "Link" not in send("GET", ALL).headers
    beyond = send("GET", ALL, query="page=9&pageSize=2")
    assert (beyond.json["contactGroups"], beyond.json["total"]) == ([], 5)


def test_a_name_in_the_query_is_exact(send: Send, model: Model) -> None:
    """`name` finds one group or none, also one with a slash, and DELETE takes the same."""
    model.add("a/b", "c")
    model.add("A", "c")

    assert send("GET", ALL, query="name=a/b").json["total"] == 1
    assert send("GET", ALL, query="name=a%2Fb&page=2").json["contactGroups"] == []
    assert send("GET", ALL, query="name=a").json["total"] == 0
    assert send("DELETE", ALL, query="name=a%2Fb").status == 204
    assert list(model.groups) == ["A"]


@pytest.mark.parametrize(
    ("method", "path", "query", "named"),
    [
        ("GET", ALL, "page=0", "page must be a whole number from 1"),
        ("GET", ALL, "page=1&page=2", "page is there twice"),
        ("GET", ALL, "pageSize=101", "pageSize must be a whole number from 1 to 100"),
        ("GET", ALL, "pagesize=1", "'pagesize' is unknown"),
        ("GET", ALL, "name=", "name must not be empty"),
        ("GET", ONE, "page=1", "'page' is unknown"),
        ("DELETE", ONE, "dryRun=true", "'dryRun' is unknown"),
        ("DELETE", ALL, "", "name is missing"),
        ("DELETE", ALL, "name=%20a", "name must not begin"),
    ],
)
def test_wrong_queries(
    send: Send, model: Model, method: str, path: str, query: str, named: str
) -> None:
    """A query that breaks a rule is refused with the parameter and the rule, and nothing is
    called.
    """
    reply = send(method, path, query=query)

    assert (reply.status, reply.problem) == (400, "invalid-query")
    assert named in reply.json["detail"]
    assert not model.sent


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(("path", "code"), [("/a/b", "slash"), ("/ a", "edge-space")])
def test_wrong_names_in_a_path(send: Send, method: str, path: str, code: str) -> None:
    """A name that no group of this service can have is refused, and told what to do."""
    reply = send(method, ALL + path)

    assert (reply.problem, reply.json["errors"][0]["code"]) == ("invalid-contact-group", code)


def _page(model: Model, names: list[str], total: Any) -> Callable[[Any], RawAnswer]:
    entries = [{"Name": name, "Contacts": {"Contact": ["c"]}} for name in names]
    return lambda _: model.listed(entries, total)


def test_a_group_is_found_on_a_later_page(send: Send, model: Model) -> None:
    """The list is read by Total, page after page, until the group is found and no further."""
    for number in range(350):
        model.add(f"g{number}", "c")

    assert send("GET", "/v1/contact-groups/g250").status == 200
    assert [query["PageNumber"] for query in model.queries] == ["1", "2", "3"]


def test_short_pages_do_not_end_the_list(send: Send, model: Model) -> None:
    """A page shorter than asked for is not the last one, as long as Total says so."""
    model.reads = [_page(model, ["a"], 3), _page(model, ["b"], 3), _page(model, ["g"], 3)]

    assert send("GET", ONE).status == 200


def test_a_group_that_moves_between_pages_is_not_missed(send: Send, model: Model) -> None:
    """Where the list changes while it is read, it is read again, and not-found is not said."""
    model.reads = [_page(model, ["a"], 3), _page(model, ["b"], 2), _page(model, ["g", "b"], 2)]
    assert send("GET", ONE).status == 200
    assert [query["PageNumber"] for query in model.queries] == ["1", "2", "1"]

    model.reads = [_page(model, ["a"], 2), _page(model, ["a"], 2), _page(model, ["a", "g"], 2)]
    assert send("GET", ONE).status == 200


def test_a_list_that_changes_always_is_a_problem(send: Send, model: Model) -> None:
    """Reading again is bounded."""
    model.reads = [_page(model, ["a"], 2), _page(model, [], 2)] * 3

    reply = send("GET", ONE)

    assert (reply.status, reply.problem) == (503, "read-incomplete")
    assert len(model.sent) == 6


def test_a_list_that_is_too_long_is_a_problem(make_send: Callable[..., Send], model: Model) -> None:
    """Pages are bounded by the setting, which the problem names."""
    for number in range(350):
        model.add(f"g{number}", "c")

    reply = make_send(pages_max=3)("GET", "/v1/contact-groups/g349")

    assert (reply.problem, len(model.sent)) == ("read-incomplete", 3)
    assert "READ_PAGES_MAX" in reply.json["detail"]


def test_a_page_of_another_length_is_a_problem(send: Send, model: Model) -> None:
    """A page that is shorter or longer than Total says would make the next ones wrong."""
    for names in (["a"], ["a", "b", "c"]):
        model.reads = [_page(model, names, 5)]
        assert send("GET", ALL, query="pageSize=2").problem == "read-incomplete"


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ({"Contacts": {"Contact": []}}, {"contactNames": [], "describe": ""}),
        ({"contacts": ["a"], "DESCRIBE": "d"}, {"contactNames": ["a"], "describe": "d"}),
        ({"Contacts": {"contact": [{"Name": "a"}]}}, {"contactNames": ["a"], "describe": ""}),
        ({"Contacts": {}, "EnableSubscribed": "true"}, {"enableSubscribed": True}),
        ({"Contacts": [], "UpdateTime": "1589447759000"}, {"updateTime": "2020-05-14T09:15:59Z"}),
        ({"Contacts": [], "UpdateTime": 1589447759001}, {"updateTime": "2020-05-14T09:15:59.001Z"}),
        (
            {"Contacts": [], "UpdateTime": "2025-03-04T02:12:06Z"},
            {"updateTime": "2025-03-04T02:12:06Z"},
        ),
        (
            {"Contacts": [], "UpdateTime": "2025-03-04T02:12:06"},
            {"updateTime": "2025-03-04T02:12:06Z"},
        ),
        ({"Contacts": [], "UpdateTime": "yesterday"}, {"updateTime": None}),
        ({"Contacts": [], "UpdateTime": 10**18}, {"updateTime": None}),
        ({"Contacts": [], "UpdateTime": True}, {"updateTime": None}),
    ],
)
@pytest.mark.parametrize("flat", [True, False])
def test_lists_are_read_leniently(
    send: Send, model: Model, entry: dict[str, Any], shown: dict[str, Any], flat: bool
) -> None:
    """Nested or flat, keys of any case, times in any documented form."""
    entries = [{"Name": "g", **entry}]
    listed: Any = entries if flat else {"ContactGroup": entries}
    answer = {"Code": 200, "Success": True, "ContactGroupList": listed, "total": "1"}
    model.reads = [lambda _: model.answer(answer)]

    reply = send("GET", ONE)

    assert reply.status == 200
    assert {name: reply.json.get(name) for name in shown} == shown


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Total": True},
        {"Total": "many"},
        {"Total": -1},
        {"Total": 1},
        {"Total": 1, "ContactGroupList": "x"},
        {"Total": 1, "ContactGroupList": ["x"]},
        {"Total": 1, "ContactGroupList": [{"Name": 1}]},
        {"Total": 1, "ContactGroupList": [{"Name": "g"}]},
        {"Total": 1, "ContactGroupList": [{"Name": "g", "Contacts": [1]}]},
    ],
)
def test_unreadable_lists_are_bad_answers(send: Send, model: Model, body: dict[str, Any]) -> None:
    """A list that cannot be counted or read is never taken for an empty one."""
    model.reads = [lambda _: model.answer({"Code": "200", "Success": True, **body})] * 3

    reply = send("GET", ONE)

    assert (reply.status, reply.problem, len(model.sent)) == (502, "bad-upstream-answer", 3)
    assert "outcome" not in reply.json


def test_an_empty_answer_is_an_empty_list(send: Send, model: Model) -> None:
    """No list beside a Total of 0 is no group."""
    model.reads = [lambda _: model.answer({"Code": "200", "Success": True, "Total": 0})]

    assert send("GET", ALL).json["contactGroups"] == []


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("return=representation", "return=representation"),
        ('Wait="3", return=representation; x="a,b"', "wait=3, return=representation"),
        ("respond-async, wait=5", "wait=5"),
        ("wait=2, wait=9", "wait=2"),
        ('"broken, wait=4', "wait=4"),
        ("wait=0", None),
        ("wait=soon, return=minimal, x", None),
        ("", None),
    ],
)
def test_preferences(send: Send, prefer: str, applied: str | None) -> None:
    """What is honoured is said, the rest is ignored."""
    reply = send("PUT", ONE, BODY, headers={"Prefer": prefer})

    assert (reply.status, reply.headers.get("Preference-Applied")) == (200, applied)
    represented = "return=representation" in (applied or "")
    assert ("updateTime" in reply.json, "ETag" in reply.headers) == (represented, represented)
    assert reply.json["requestId"]


def test_a_representation_that_cannot_be_read_undoes_no_success(
    make_send: Callable[..., Send], model: Model
) -> None:
    """The write's own answer is given where the read fails, or reading is off."""
    headers = {"Prefer": "return=representation"}
    model.reads = [lambda _: refusal("NoPermission", 403)]
    for options in ({}, {"reads": False}):
        reply = make_send(**options)("PUT", ONE, BODY, headers=headers)
        assert (reply.status, "Preference-Applied" in reply.headers) == (200, False)
        assert reply.json["contactNames"] == ["a", "b"]


def test_wait_is_the_callers_own_deadline(send: Send, model: Model, time: Time) -> None:
    """No attempt starts after the seconds that the caller waits."""

    def slow(_: Any) -> RawAnswer:
        time.sleep(0.9)
        raise NoAnswer("late")

    model.script = [slow] * 3

    reply = send("PUT", ONE, BODY, headers={"Prefer": "wait=1"})

    assert (reply.status, reply.json["attempts"]) == (504, 1)


def test_a_read_that_times_out_is_tried_again(send: Send, model: Model) -> None:
    """A read has no outcome, and as many attempts as a write."""

    def lost(_: Any) -> RawAnswer:
        raise NoAnswer("late")

    model.add("g", "a")
    model.reads = [lost, lost]
    assert send("GET", ONE).status == 200
    model.reads = [lost] * 3
    reply = send("GET", ONE)
    assert (reply.status, "outcome" in reply.json) == (504, False)


def test_reads_have_a_pace_of_their_own(
    make_client: Callable[..., Client], model: Model, time: Time
) -> None:
    """Reads wait for reads, and writes for writes."""
    groups = Groups(make_client(transport=model, calls_per_second=1.0), reads=True)
    app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=time.monotonic))
    assert call(app, "PUT", ONE, BODY).status == 200
    assert call(app, "GET", ONE).status == 200
    assert time.slept == []
    call(app, "GET", ONE)
    assert time.slept == pytest.approx([1.0])
