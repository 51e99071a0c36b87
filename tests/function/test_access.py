"""Who may change which group, over HTTP: what the rules of a policy allow, and that nothing else
gets through.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contact_groups.access import Globs, read_policy
from contact_groups.api import create_app
from contact_groups.callers import read_identity
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.transport import NoAnswer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from contact_groups.guard import Guard
from tests.function.upstream import Model
from tests.support import ENVIRONMENT, Reply, Time, call, put_path

Send = Callable[..., Reply]
ALL = "/v1/contact-groups"
BODY = {"contactNames": ["a", "b"], "describe": "d"}
#: Ada's team has the groups of payments, Bob may read them, and `ci` may put the group on-call.
RULES = [
    {"callers": ["ada"], "groups": ["payments-*"], "operations": ["put", "get", "delete"]},
    {"callers": ["bob"], "groups": ["payments-*"], "operations": ["get"]},
    {"callers": ["ci-*"], "groups": ["on-call"], "operations": ["put"]},
]


def rule(*groups: str, callers: tuple[str, ...] = ("*",), operations: str = "put") -> Any:
    """One rule."""
    return {"callers": [*callers], "groups": [*groups], "operations": operations.split()}


@pytest.fixture
def model(time: Time) -> Model:
    """A CloudMonitor with three groups."""
    model = Model(time)
    for name in ("payments-eu", "payments-us", "search"):
        model.add(name, "a")
    return model


@pytest.fixture
def make_send(make_client: Callable[..., Client], model: Model, time: Time) -> Callable[..., Send]:
    """Makes what sends requests under some rules; `caller` is the header that says who calls."""

    def make(rules: Any = RULES, **options: Any) -> Send:
        guard = Guard(read_policy(json.dumps(rules)), read_identity("header:Caller"))
        options = {"reads": True, "deletes": True, "guard": guard, **options}
        groups = Groups(make_client(transport=model), **options)
        app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=time.monotonic))

        def send(*args: Any, caller: str | None = None, **kwargs: Any) -> Reply:
            headers = kwargs.pop("headers", {}) | ({"Caller": caller} if caller else {})
            return call(app, *args, headers=headers, **kwargs)

        return send

    return make


@pytest.fixture
def send(make_send: Callable[..., Send]) -> Send:
    """Sends a request under RULES."""
    return make_send()


REQUESTS: dict[str, tuple[str, str, Any, str]] = {
    "put": ("PUT", "{path}", BODY, ""),
    "post": ("POST", ALL, {"contactGroupName": "{name}", **BODY}, ""),
    "dry run": ("PUT", "{path}", BODY, "dryRun=true"),
    "get": ("GET", "{path}", None, ""),
    "head": ("HEAD", "{path}", None, ""),
    "find": ("GET", ALL, None, "name={quoted}"),
    "delete": ("DELETE", "{path}", None, ""),
    "delete by name": ("DELETE", ALL, None, "name={quoted}"),
}


def ask(send: Send, what: str, name: str, **options: Any) -> Reply:
    """Sends one of REQUESTS about the group of a name."""
    method, path, body, query = REQUESTS[what]
    if isinstance(body, dict) and "contactGroupName" in body:
        body = {**body, "contactGroupName": name}
    path = path.format(path="/v1/contact-groups/" + name)
    return send(method, path, body, query=query.format(quoted=quote(name, safe="")), **options)


@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize(
    ("caller", "name", "allowed"),
    [
        ("ada", "payments-eu", {*REQUESTS}),
        ("ada", "search", set()),
        ("ada", "payments", set()),
        ("bob", "payments-eu", {"get", "head", "find"}),
        ("ci-7", "on-call", {"put", "post", "dry run"}),
        ("ci", "on-call", set()),
        ("Ada", "payments-eu", set()),
        ("eve", "payments-eu", set()),
        (None, "payments-eu", set()),
    ],
)
def test_what_no_rule_allows_is_refused(
    send: Send, model: Model, what: str, caller: str | None, name: str, allowed: set[str]
) -> None:
    """A request gets through where a rule has its caller, its group and its operation; any other
    is 403 not-allowed, and CloudMonitor is not called.
    """
    reply = ask(send, what, name, caller=caller)

    if what in allowed:
        assert reply.status in {200, 204}
    else:
        assert reply.status == 403
        assert what == "head" or reply.problem == "not-allowed"
        assert model.sent == []


@pytest.mark.parametrize("what", sorted(REQUESTS.keys() - {"head"}))
def test_a_refusal_does_not_tell_whether_the_group_exists(send: Send, what: str) -> None:
    """The refusal of a group that exists is that of one that does not, but for the path."""
    one, other = (ask(send, what, name, caller="eve") for name in ("payments-eu", "payments-xx"))

    one_told, other_told = ({**reply.json, "instance": ""} for reply in (one, other))
    assert (one.status, one_told) == (other.status, other_told)


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_conditions_need_the_right_to_read(send: Send, model: Model, header: str) -> None:
    """A precondition tells what is stored, so a caller who may only put cannot use one."""
    options = {"headers": {header: '"0"'}}

    refused = send("PUT", put_path("on-call"), BODY, caller="ci-7", **options)
    assert (refused.status, refused.problem, refused.json["outcome"]) == (
        403,
        "not-allowed",
        "not-applied",
    )
    assert model.sent == []
    assert send("PUT", put_path("payments-eu"), BODY, caller="ada", **options).status in {200, 412}


def test_a_representation_needs_the_right_to_read(send: Send) -> None:
    """Who may only put gets what it put, and the preference is not honoured."""
    prefer = {"Prefer": "return=representation"}

    plain = send("PUT", put_path("on-call"), BODY, caller="ci-7", headers=prefer)
    whole = send("PUT", put_path("payments-eu"), BODY, caller="ada", headers=prefer)

    assert "updateTime" not in plain.json
    assert "Preference-Applied" not in plain.headers
    assert "updateTime" in whole.json


@pytest.mark.parametrize("what", ["put", "delete"])
@pytest.mark.parametrize("may_read", [True, False])
def test_what_was_observed_needs_the_right_to_read(
    make_send: Callable[..., Send], model: Model, what: str, may_read: bool
) -> None:
    """After a lost answer, what somebody else has stored is shown to who may read it."""
    rules = [rule("payments-*", callers=("ada",), operations=what)]
    send = make_send([*rules, rule("*", operations="get")] if may_read else rules)

    def lost(_: Any) -> Any:
        raise NoAnswer("lost")

    model.script = [lost] * 3
    reply = ask(send, what, "payments-eu", caller="ada")

    assert (reply.status, reply.json["outcome"]) == (504, "unknown")
    assert ("observed" in reply.json) is may_read


def test_a_list_shows_what_the_caller_may_read(send: Send, model: Model) -> None:
    """The list, its total, its pages and its links are of the groups that the caller may read."""
    reply = send("GET", ALL, caller="bob")
    first = send("GET", ALL, caller="bob", query="pageSize=1")
    second = send("GET", ALL, caller="bob", query="pageSize=1&page=2")
    beyond = send("GET", ALL, caller="bob", query="pageSize=1&page=3")

    def names(reply: Reply) -> list[str]:
        return [group["contactGroupName"] for group in reply.json["contactGroups"]]

    assert (names(reply), reply.json["total"]) == (["payments-eu", "payments-us"], 2)
    assert [names(page) for page in (first, second, beyond)] == [
        ["payments-eu"],
        ["payments-us"],
        [],
    ]
    assert 'rel="next"' in first.headers["Link"]
    assert 'rel="next"' not in second.headers["Link"]
    assert {page.json["total"] for page in (first, second, beyond)} == {2}
    model.sent.clear()
    for caller in ("ci-7", None):
        refused = send("GET", ALL, caller=caller)
        assert (refused.status, refused.problem, model.sent) == (403, "not-allowed", [])


def test_who_may_read_everything_is_given_pages_of_cloudmonitor(
    make_send: Callable[..., Send], model: Model
) -> None:
    """A page takes one call where the caller may read every group."""
    send = make_send([rule("*", operations="get")])

    reply = send("GET", ALL, caller="ada", query="pageSize=2")

    assert (reply.json["total"], len(reply.json["contactGroups"])) == (3, 2)
    assert len(model.sent) == 1


def test_a_list_of_some_is_read_whole(make_send: Callable[..., Send], model: Model) -> None:
    """The groups of a caller are found on whatever page they are; a list that changes on the way is
    read again, and one with more pages than READ_PAGES_MAX is refused.
    """
    for number in range(250):
        model.add(f"other-{number}", "a")
    model.add("payments-zz", "a")
    assert make_send()("GET", ALL, caller="bob").json["total"] == 3
    assert len(model.sent) == 3

    def shrink(work: Callable[[], Any]) -> Any:
        del model.groups["other-0"]
        return work()

    model.sent.clear()
    model.reads = [lambda work: work(), shrink]
    assert make_send()("GET", ALL, caller="bob").json["total"] == 3
    assert len(model.sent) == 5

    def grow(work: Callable[[], Any]) -> Any:
        model.add(f"new-{len(model.groups)}", "a")
        return work()

    model.reads = [grow] * 99
    changed = make_send()("GET", ALL, caller="bob")
    assert (changed.status, changed.problem) == (503, "read-incomplete")
    model.reads = []
    refused = make_send(pages_max=2)("GET", ALL, caller="bob")
    assert (refused.status, refused.problem) == (503, "read-incomplete")
    assert "READ_PAGES_MAX" in refused.json["detail"]


def test_no_groups_at_all(make_send: Callable[..., Send], model: Model) -> None:
    """An account without groups has an empty list for everybody."""
    model.groups.clear()

    assert make_send()("GET", ALL, caller="bob").json["total"] == 0


def test_what_is_about_no_group_needs_no_rule(send: Send) -> None:
    """The contract and the liveness are for everybody."""
    assert send("GET", "/healthz").status == 200
    assert send("GET", "/v1/openapi.json").status == 200


#: Pieces of names, with spellings that a careless comparison takes for the same.
PIECES = (
    "café-1 cafe\u0301-1 CAFÉ-1 ﬁ fi K \u212a ß ss İ i\u0307 / %2F % * ? [a] . .. \\ : + \u200b"
    " \ufeff pay payments- a b \u0000 %00 %c3%a9 -eu ; #"
).split(" ")
pieces = st.sampled_from([*PIECES, " ", "\n", "\u00a0"])
spelt = st.lists(pieces, min_size=1, max_size=4).map("".join) | st.text(max_size=6)


def _spellings(name: str) -> set[str]:
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    forms |= {name.upper(), name.lower(), name.casefold(), name.swapcase()}
    forms |= {f"{name} ", f" {name}", f"{name}\n", f"{name}\u00a0", f"{name}/", f"/{name}"}
    forms |= {f"./{name}", f"../{name}", f"x/../{name}", quote(name, safe="")}
    return forms


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    rule_names=st.lists(spelt, min_size=1, max_size=3),
    base=spelt,
    form=st.integers(0, 30),
    what=st.sampled_from([*REQUESTS, "path and body", "list"]),
    encode=st.sampled_from(["raw", "once", "all", "twice", "fc raw", "fc decoded"]),
)
@example(["payments-*"], "payments-eu", 0, "path and body", "raw")
def test_no_spelling_of_a_name_reaches_a_group_that_no_rule_allows(
    make_client: Callable[..., Client],
    rule_names: list[str],
    base: str,
    form: int,
    what: str,
    encode: str,
) -> None:
    """Whatever way a name is spelt in a path, in a query, in a body or in several of them, every
    name that CloudMonitor is asked to put or delete, and every group that is shown, fits a rule.
    """
    time = Time()
    model = Model(time)
    spellings = sorted({base, *_spellings(base), *(s for r in rule_names for s in _spellings(r))})
    for stored in spellings:
        if stored:
            model.add(stored, "secret")
    name = spellings[form % len(spellings)]
    rules = [rule(*(found or "x" for found in rule_names), operations="put get delete")]
    guard = Guard(read_policy(json.dumps(rules)))
    groups = Groups(make_client(transport=model), reads=True, deletes=True, guard=guard)
    app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=time.monotonic))
    before = dict(model.groups)

    reply = _spelt_request(app, name, base, what, encode)

    asked = {query["ContactGroupName"] for query in model.queries if "ContactGroupName" in query}
    changed = {
        found
        for found in {*before, *model.groups}
        if model.groups.get(found) is not before.get(found)
    }
    shown: set[str] = set()
    if reply.status == 200 and what in {"get", "find", "list"}:
        listed = reply.json.get("contactGroups", [reply.json])
        shown = {group["contactGroupName"] for group in listed}
    for touched in asked | changed | shown:
        assert any(_reference(pattern, touched) for pattern in rules[0]["groups"]), ascii(touched)


def _spelt_request(app: Any, name: str, base: str, what: str, encode: str) -> Reply:
    if what == "list":
        return call(app, "GET", ALL)
    method, path, body, query = REQUESTS["put" if what == "path and body" else what]
    if isinstance(body, dict) and "contactGroupName" in body:
        body = {**body, "contactGroupName": name}
    if what == "path and body":
        body = {**BODY, "contactGroupName": base}
    quoted = quote(name, safe="", errors="replace")
    wire = {
        "raw": quote(name, safe="/:?#[]@!$&'()*+,;=%", errors="replace"),
        "once": quoted,
        "all": "".join(f"%{byte:02x}" for byte in name.encode(errors="replace")),
        "twice": quote(quoted, safe=""),
    }
    query = query.format(quoted=wire.get(encode, quoted))
    if encode.startswith("fc"):
        uri = path.format(path="/v1/contact-groups/" + quoted)
        seen = path.format(path="/v1/contact-groups/" + name) if encode == "fc decoded" else uri
        platform: dict[str, Any] = {"PATH_INFO": seen, "fc.request_uri": uri}
        return call(app, method, "/", body, query=query, **platform)
    raw = unquote_to_bytes(path.format(path="/v1/contact-groups/" + wire[encode]))
    return call(app, method, "/", body, query=query, PATH_INFO=raw.decode("latin-1"))


def _reference(pattern: str, text: str) -> bool:
    """Whether a glob fits, by a regular expression."""
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


@given(st.lists(st.text("ab*\n", min_size=1, max_size=6), max_size=4), st.text("ab*\n", max_size=8))
@example(["a*a"], "a")
@example(["*ab*ab"], "ab")
def test_globs_are_anchored_and_nothing_but_stars_is_special(
    patterns: list[str], text: str
) -> None:
    """Globs fit as a regular expression with `.*` for each star would fit the whole text."""
    globs = Globs(patterns)

    assert globs.fit(text) == any(_reference(pattern, text) for pattern in patterns)
    assert globs.none == (not patterns)
    assert not globs.all or globs.fit("anything")


def test_a_hostile_name_costs_no_more_than_its_length() -> None:
    """A glob with many stars against a name made for it ends at once: nothing is tried twice."""
    assert not Globs(["a*" * 100 + "b"]).fit("a" * 255)


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("{}", "an array of rules"),
        ("[", "must be JSON: Expecting value"),
        ("[" * 100_000, "must be JSON"),
        ('[{"callers": ["a"], "callers": ["b"]}]', "a member stands twice"),
        ("[1]", "/0 must be an object"),
        ("[{}]", "/0/callers is missing; /0/groups is missing; /0/operations is missing"),
        (json.dumps([rule("a"), {**rule("a"), "caller": []}]), "/1/caller is not a member"),
        (json.dumps([rule("a", operations="put read")]), "/0/operations/1 must be one of put,"),
        (json.dumps([rule("a", "")]), "/0/groups/1 must not be empty"),
        (json.dumps([{**rule("a"), "callers": []}]), "/0/callers must have at least one entry"),
        (json.dumps([{**rule("a"), "groups": "a"}]), "/0/groups must be an array of strings"),
        (json.dumps([{**rule("a"), "groups": [1]}]), "/0/groups/0 must be a string"),
        (json.dumps([{**rule("a"), "a/b~": 1}]), "/0/a~1b~0 is not a member"),
        (json.dumps([{}] * 10), "and 20 more"),
        ("no-such-file.json", "a file of the package: No such file"),
        ("../deploy/plan.py", "must name a file inside the package"),
        ("/etc/hostname", "must name a file inside the package"),
        ("index.py", "must name a file that is JSON"),
        ("openapi.json", "an array of rules"),
        ("contact_groups", "a file of the package: Is a directory"),
    ],
)
def test_a_policy_that_cannot_be_read_refuses_everything(
    make_function: Callable[..., Any], policy: str, says: str
) -> None:
    """Every request is answered `misconfigured`, with the place of the fault, and nothing of the
    policy's values.
    """
    function = make_function(ACCESS_POLICY=policy, CLOUDMONITOR_ENDPOINT="http://127.0.0.1:1")

    replies = [
        call(function.handler, "POST", ALL, {"contactGroupName": "a", **BODY}),
        call(function.handler, "GET", "/healthz"),
    ]

    for reply in replies:
        assert (reply.status, reply.problem) == (500, "misconfigured")
        assert says in reply.json["detail"]


def test_a_policy_may_be_a_file_of_the_package(tmp_path: Path) -> None:
    """A name stands for the file of that name in the package, in UTF-8."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "access.json").write_text(json.dumps([rule("值班")], ensure_ascii=False))
    (tmp_path / "latin.json").write_bytes(b'["\xe9"]')

    policy = read_policy("rules/access.json", tmp_path)

    assert policy.groups("anybody", "put").fit("值班")
    assert not policy.groups("anybody", "get").fit("值班")
    with pytest.raises(ValueError, match="is UTF-8"):
        read_policy("latin.json", tmp_path)
