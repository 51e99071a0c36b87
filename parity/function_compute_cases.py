"""The open questions to Function Compute, asked of a probe function on each platform."""

from __future__ import annotations

from urllib.parse import unquote

from .asking import Case
from .platforms import ProbeAsker

_PATH = "/a%2Fb%20c/%E7%BB%84"


def path(ask: ProbeAsker) -> None:
    """Sends a path with encoded characters."""
    shown = ask.get(_PATH).shown
    seen = str(shown.get("path"))
    decoded = {unquote(_PATH), unquote(_PATH).encode().decode("latin-1")}
    ask.found("path", "raw" if seen == _PATH else "decoded" if seen in decoded else "other")
    if "uri" in shown:
        uri = shown["uri"]
        ask.found("uri", "raw" if uri.endswith(_PATH) else "decoded" if uri else "absent")


def query(ask: ProbeAsker) -> None:
    """Sends a query with encoded characters."""
    shown = ask.get("/?a=x%20y&b=").shown
    if "query" in shown:
        seen = str((shown["query"] or {}).get("a"))
        ask.found("a value", {"x y": "decoded", "x%20y": "raw"}.get(seen, "other"))
        ask.found("an empty value", "b" in (shown["query"] or {}))


def headers(ask: ProbeAsker) -> None:
    """Sends headers, and looks which arrive."""
    names = (
        "x-own x-fc-own authorization connection accept-encoding x-forwarded-for x-forwarded-proto"
        " user-agent te".split()
    )
    values = {"authorization": "Bearer parity", "connection": "keep-alive", "te": "trailers"}
    sent = {name: values.get(name, "parity") for name in names}
    arrived = ask.get("/", headers=sent).shown.get("headers", [])
    for name in names:
        ask.found(name, "arrives" if name in arrived else "is dropped")
    own = [name for name in arrived if name.startswith("x-fc-") and name != "x-fc-own"]
    ask.found("the platform's own", own)


def authorization(ask: ProbeAsker) -> None:
    """Asks a trigger that demands a signature."""
    right = ask.get("/", auth="function", signed="right")
    ask.found("signed", right.word)
    ask.found("the header", right.shown.get("scheme") or "is dropped")
    ask.found("wrong", ask.get("/", auth="function", signed="wrong").word)
    ask.found("unsigned", ask.get("/", auth="function").word)


def limits(ask: ProbeAsker) -> None:
    """Sends a long header, a long path and a large body, each of two sizes."""
    for size in (5, 9):
        ask.found(f"header of {size} KB", ask.get(headers={"x-own": "h" * size * 1024}).word)
        ask.found(f"path of {size - 2} KB", ask.get("/" + "p" * (size - 2) * 1024).word)
    body = b"b" * (7 * 1024 * 1024)
    ask.found("body of 7 MB", ask.get(method="POST", body=body).word)


def errors(ask: ProbeAsker) -> None:
    """Meets errors of the platform, and makes the code fail."""
    ask.found("a method that is not listed", ask.get(method="DELETE").word)
    if ask.kind != "web":
        ask.found("an exception", ask.get("/raise").word)
    if ask.kind == "event":
        ask.found("no statusCode", f"HTTP {ask.get('/plain').status}")


def concurrency(ask: ProbeAsker) -> None:
    """Sends two requests at once."""
    instances = {reply.shown.get("instance") for reply in ask.both("/sleep")}
    ask.found("two at once", "one instance" if len(instances) == 1 else "two instances")


def credentials(ask: ProbeAsker) -> None:
    """Looks where the credentials of the role are."""
    shown = ask.get("/").shown
    ask.found("with the request", shown.get("context"))
    ask.found("variables", shown.get("variables", []))


CASES = (
    Case(
        "path",
        "Is the path raw or decoded?",
        ("facts/function-compute.md §1.2", "facts/function-compute.md §9.1"),
        1,
        path,
    ),
    Case(
        "query", "Are the values of a query decoded?", ("facts/function-compute.md §4.1",), 1, query
    ),
    Case(
        "headers",
        "Which headers arrive?",
        ("facts/function-compute.md §1.9", "facts/function-compute.md §9.2"),
        1,
        headers,
    ),
    Case(
        "authorization",
        "Does `Authorization` arrive under function auth, and how is a refusal told?",
        ("facts/contact-group-operations.md §D", "facts/function-compute.md §1.6"),
        3,
        authorization,
    ),
    Case("limits", "How much is taken?", ("facts/function-compute.md §1.9",), 5, limits),
    Case(
        "errors",
        "How are errors told?",
        ("facts/function-compute.md §1.6", "facts/function-compute.md §9.2"),
        3,
        errors,
    ),
    Case(
        "concurrency",
        "Does one instance take two requests?",
        ("facts/function-compute-3.md §B1",),
        2,
        concurrency,
    ),
    Case(
        "credentials",
        "Are credentials in the environment, with the request, or both?",
        (
            "facts/function-compute.md §1.4",
            "facts/function-compute.md §4.4",
            "facts/function-compute-3.md §B2",
        ),
        1,
        credentials,
    ),
)
