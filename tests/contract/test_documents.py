"""The contract as documents: up to date, valid, and as the application behaves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import READ_PROBLEMS
from contact_groups.events.problems import EVENT_PROBLEMS
from contact_groups.problems import PAGE, REQUEST_PROBLEMS, Problem
from contact_groups.schema_fields import NAME_MAX, NAME_RULE
from contact_groups.schemas import load_contact_group
from contract.__main__ import ROOT, documents
from contract.probes import coarse
from contract.scenarios import ENVIRONMENT, GROUP, SCENARIOS, application, play
from tests.support import call

OPENAPI: dict[str, Any] = json.loads((ROOT / "function" / "openapi.json").read_text())
OPERATIONS = [
    (path, method, operation)
    for path, item in OPENAPI["paths"].items()
    for method, operation in item.items()
    if method in {"get", "put", "post", "delete"}
]
TYPES = {
    t.slug: t
    for t in (*REQUEST_PROBLEMS, *(row.type for row in TABLE), *READ_PROBLEMS, *EVENT_PROBLEMS)
}
DOCUMENTS = documents()
MEMBERS = ["contactGroupName", "contactNames", "describe", "enableSubscribed"]
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    [
        "a",
        "a b",
        " a",
        "a\u3000",
        "a\n",
        "\u0085",
        "\u001fa",
        "x" * 255,
        "x" * 256,
        "\ufeffa",
        "",
        "值班",
    ]
)
good_names = names.filter(
    lambda name: bool(re.fullmatch(NAME_RULE, name)) and len(name) <= NAME_MAX
)
groups = st.fixed_dictionaries(
    {
        "contactGroupName": good_names,
        "contactNames": st.lists(good_names, min_size=1, max_size=4, unique=True),
        "describe": st.sampled_from(["a", " a\n", "值班", "x" * 2048]),
    },
    optional={"enableSubscribed": st.booleans()},
)
#: One change of a valid group at a time, each at a rule's edge or of another type.
EDGES: list[dict[str, Any]] = [
    *(
        {"contactGroupName": name}
        for name in ("", " ", " a", "a\u3000", "a\nb", "x" * 255, "x" * 256, 1, None, ["a"])
    ),
    *(
        {"contactNames": value}
        for value in ([], ["a", "a"], "a", None, {"a": 1}, [1], [None], [["a"]])
    ),
    *({"contactNames": [str(n) for n in range(count)]} for count in (1, 100, 101)),
    *({"contactNames": [name]} for name in ("", " a", "a ", "a\u0085b", "x" * 255, "x" * 256)),
    *(
        {"describe": value}
        for value in ("", " \u3000\n", " a\n", "x" * 2048, "x" * 2049, 1, None, ["a"])
    ),
    *({"enableSubscribed": value} for value in (True, False, "true", 1, 0, None)),
    {"other": 1},
    {},
]
wild = st.fixed_dictionaries(
    {},
    optional={
        "contactGroupName": names | st.integers(),
        "contactNames": st.lists(names | st.none(), max_size=4)
        | st.just([str(n) for n in range(101)])
        | names,
        "describe": names | st.just("x" * 2049) | st.booleans(),
        "enableSubscribed": st.booleans() | st.none() | st.sampled_from(["true", 1]),
        "other": st.just(1),
    },
)
bodies = groups | wild


def _valid(instance: Any, schema: dict[str, Any]) -> bool:
    return bool(
        jsonschema.Draft202012Validator({**schema, "components": OPENAPI["components"]}).is_valid(
            instance
        )
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_are_up_to_date(path: Path) -> None:
    """Whatever is written from the code is committed as `make docs` writes it."""
    assert path.read_text() == DOCUMENTS[path], "run make docs"


def test_openapi_is_valid() -> None:
    """The document keeps OpenAPI 3.1."""
    openapi_spec_validator.validate(OPENAPI)
    assert OPENAPI["openapi"].startswith("3.1")


def test_openapi_is_served_with_an_etag() -> None:
    """GET /v1/openapi.json answers the committed file, and 304 to who has it."""
    app = application()

    first = call(app, "GET", "/v1/openapi.json")
    assert (first.status, first.json) == (200, OPENAPI)
    again = call(app, "GET", "/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert call(app, "GET", "/v1/openapi.json", headers={"If-None-Match": '"other"'}).status == 200
    assert call(app, "HEAD", "/v1/openapi.json").body == b""


def test_every_route_is_documented_and_the_reverse() -> None:
    """The paths and methods of the document are those of the application."""
    from contact_groups.api import create_app
    from contact_groups.groups import Groups
    from contract.scenarios import client

    app = create_app(Groups(client(), reads=True, deletes=True), 10.0, ENVIRONMENT)
    routes = {
        (re.sub(r"<anything:contact_group_name>", "{contactGroupName}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert {(path, method) for path, method, _ in OPERATIONS} == routes
    identifiers = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(identifiers) == len(set(identifiers))


def _accepts(body: Any, name: str | None = None) -> bool:
    try:
        load_contact_group(body, name)
    except Problem:
        return False
    return True


@pytest.mark.parametrize("change", EDGES, ids=lambda change: ascii(change)[:60])
def test_each_rule_is_published_at_its_edge(change: dict[str, Any]) -> None:
    """With one member changed, a group is valid by the document if and only if the application
    accepts it.
    """
    body: dict[str, Any] = {**GROUP, **change}
    name = body["contactGroupName"] if isinstance(body["contactGroupName"], str) else "a"
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroup"}) == _accepts(coarse(body))
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroupInPath"}) == _accepts(
        coarse(body), coarse(name)
    )
    del body["contactGroupName"]
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroupInPath"}) == _accepts(
        coarse(body), "a"
    )


@pytest.mark.parametrize("member", MEMBERS)
def test_each_member_is_required_as_published(member: str) -> None:
    """A member may be left out by the document if and only if the application does without it."""
    body = {
        key: value for key, value in {**GROUP, "enableSubscribed": True}.items() if key != member
    }
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroup"}) == _accepts(coarse(body))
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroupInPath"}) == _accepts(
        body, "My alert contact group"
    )


@pytest.mark.parametrize("body", [[], "a", 1, True, None, [GROUP]], ids=repr)
def test_a_body_is_published_as_one_object(body: Any) -> None:
    """What is no object is neither valid nor accepted."""
    for name, schema in ((None, "ContactGroup"), ("a", "ContactGroupInPath")):
        assert not _valid(body, {"$ref": f"#/components/schemas/{schema}"})
        assert not _accepts(body, name)


@given(bodies)
def test_the_schema_accepts_what_the_application_accepts(body: dict[str, Any]) -> None:
    """Each rule is published: a body is valid by the document if and only if the application
    accepts it.
    """
    assert _valid(body, {"$ref": "#/components/schemas/ContactGroup"}) == _accepts(coarse(body))


@given(names, bodies)
def test_the_path_is_documented_as_it_is_read(name: str, body: dict[str, Any]) -> None:
    """The same for PUT: name in the path, its own optional in the body."""
    (parameter,) = OPENAPI["paths"]["/v1/contact-groups/{contactGroupName}"]["parameters"]
    body = {key: value for key, value in body.items() if key != "contactGroupName"}
    in_path = _valid(name, parameter["schema"])
    in_body = _valid(body, {"$ref": "#/components/schemas/ContactGroupInPath"})
    assert (in_path and in_body) == (_accepts(coarse(body), coarse(name)) and "/" not in name)


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[o["operationId"] for _, _, o in OPERATIONS]
)
def test_examples_of_requests_succeed(path: str, method: str, operation: dict[str, Any]) -> None:
    """Each example request succeeds, with an answer of the documented shape."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    bodies = [example["value"] for example in content.get("examples", {}).values()] or [None]
    for body in bodies:
        if body is not None:
            assert _valid(body, content["schema"])
        reply = call(
            application(),
            method.upper(),
            path.replace("{contactGroupName}", "My alert contact group"),
            body,
            query="name=a" if operation["operationId"].endswith("ByName") else "",
        )
        assert reply.status == (204 if method == "delete" else 200)
        answer = operation["responses"][str(reply.status)].get("content", {})
        if "application/json" in answer:
            assert _valid(reply.json, answer["application/json"]["schema"])


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[o["operationId"] for _, _, o in OPERATIONS]
)
def test_examples_of_answers_are_of_their_schemas(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    """Each example answer is valid, and each problem example is of the type and status that it
    stands under.
    """
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            for example in content.get("examples", {}).values():
                assert _valid(example["value"], content["schema"]), f"{path} {method} {status}"
                assert int(status) in {200, example["value"].get("status", int(status))}


@pytest.mark.parametrize("slug", SCENARIOS)
def test_each_scenario_meets_its_problem(slug: str) -> None:
    """The way to meet a problem that the documentation shows leads to that problem, with the
    documented headers.
    """
    status, headers, document = play(SCENARIOS[slug])

    assert (status, document["type"], document["status"]) == (
        TYPES[slug].status,
        TYPES[slug].uri(PAGE),
        TYPES[slug].status,
    )
    documented = _responses(slug, "/v1/contact-groups", "post")[str(status)]
    assert (
        document["code"]
        in documented["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"]
    )
    for name, header in documented.get("headers", {}).items():
        assert name in headers or not header["required"]


@pytest.mark.parametrize("slug", TYPES)
def test_every_type_uri_resolves(slug: str) -> None:
    """A problem's `type` leads to its own section of docs/problems.md."""
    page, _, anchor = TYPES[slug].uri(PAGE).partition("#")
    text = (ROOT / f"{page.lstrip('/')}.md").read_text()

    assert anchor == slug
    assert re.search(rf"^## {slug}$", text, flags=re.M)
    section = re.split(r"^## ", text.partition(f"\n## {slug}\n")[2], flags=re.M)[0]
    assert "who must act" in section
    example = re.search(r"```json\n(.*?)```", section, flags=re.S)
    if example:
        assert json.loads(example[1])["type"] == TYPES[slug].uri(PAGE)
    assert example or slug.startswith(("manifest-", "event-out"))


def _responses(slug: str, path: str, method: str) -> Any:
    """Where a problem is documented: under that operation, except what only reading meets."""
    if slug == "contact-group-not-found":
        path, method = "/v1/contact-groups/{contactGroupName}", "get"
    return OPENAPI["paths"][path][method]["responses"]


def test_every_problem_has_its_status_and_type_in_the_document() -> None:
    """Each problem type that HTTP can meet stands in the document, under its status, for both
    writing operations.
    """
    for path, method in (
        ("/v1/contact-groups", "post"),
        ("/v1/contact-groups/{contactGroupName}", "put"),
    ):
        for slug in SCENARIOS:
            responses = _responses(slug, path, method)
            content = responses[str(TYPES[slug].status)]["content"]["application/problem+json"]
            assert slug in content["schema"]["properties"]["code"]["enum"]


def test_every_broken_rule_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each rule of the contract, broken in the application or in the document, makes the two
    disagree on a probe.
    """
    from contract.mutate import main

    assert main() == 0
    assert capsys.readouterr().out.count("noticed") > 300
