"""docs/problems.md: a section for each problem type, from the tables of the code, with an example
that the code answered.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import READ_PROBLEMS
from contact_groups.events.problems import EVENT_PROBLEMS
from contact_groups.problems import REQUEST_PROBLEMS, Actor, ProblemType, Verdict
from contract.scenarios import EVENTS, SCENARIOS, play, play_event

HEAD = """\
# Problems

Every failure is a problem document (RFC 9457, `application/problem+json`), over HTTP and as the
verdict on an item of an event. Its `type` leads to a page that the function serves itself, which
is a short form of this one: `/docs/problems#throttled` is [throttled](#throttled). On a default
domain of Function Compute 2.0 it has the prefix of that domain, and needs a signature like every
other path. With [DOCS_URL](settings.md) it is an absolute URL that leads here. Programs compare
`code`, which is the same everywhere.

| member | meaning |
|---|---|
| `type`, `code`, `title`, `status` | the kind: a link, a name for programs, a sentence, a number |
| `detail` | what went wrong this time, and what to do |
| `instance` | the path that was requested |
| `errors` | the members that are wrong, each a JSON pointer, a code and a message |
| `upstream` | what CloudMonitor answered: `code`, `message`, `requestId`, `status` |
| `outcome` | `not-applied`: the group was certainly not written; `unknown`: it may have been |
| `observed` | what was read after a call whose outcome was not known: `exists`, `contactGroup` |
| `retryable` | whether the same request may succeed later with nothing changed |
| `cause` | which of several causes, where a problem has more than one |
| `attempts`, `elapsedMs` | how often and how long CloudMonitor was tried |
| `calls` | the calls that were made; above `attempts` where one was replaced at once |
| `requestId` | Function Compute's id of the request: the one to quote, and to look for in the log |

`make docs` writes this page from the code.
"""
RUNBOOK = Path(__file__).parent.parent / "docs" / "operating.md"
ACTORS = {
    Actor.CALLER: "the caller",
    Actor.OPERATOR: "the platform team",
    Actor.NOBODY: "nobody: it ends by itself",
}
VERDICTS = {
    Verdict.REJECTED: "`rejected`: its payload is in the log, with a command to send it again",
    Verdict.FAILED: "`failed`: the platform tries the event again, and keeps it if that does not"
    " help",
}


def page() -> str:
    """The page."""
    types = http_types()
    sections = [HEAD, "\n## All of them\n", *_index([*types, *EVENT_PROBLEMS])]
    for problem_type in types:
        sections += _section(problem_type)
    sections.append("\n# Problems that only events have\n")
    for problem_type in EVENT_PROBLEMS:
        sections += _section(problem_type)
    return "\n".join(sections) + "\n"


def http_types() -> list[ProblemType]:
    """The problems that HTTP can meet, in the order of the documentation."""
    types: dict[str, ProblemType] = {}
    for row in TABLE:
        types.setdefault(row.type.slug, row.type)
    return [*REQUEST_PROBLEMS, *types.values(), *READ_PROBLEMS]


@cache
def runbook() -> frozenset[str]:
    """The problems that have a section of their own in docs/operating.md."""
    return frozenset(re.findall(r"^##+ `?([a-z-]+)`?$", RUNBOOK.read_text(), flags=re.M))


def _index(types: list[ProblemType]) -> Iterator[str]:
    yield "| status | problem | what happened |\n|---|---|---|"
    for problem_type in types:
        link = f"[{problem_type.slug}](#{problem_type.slug})"
        yield f"| {problem_type.status} | {link} | {problem_type.title} |"


def _section(problem_type: ProblemType) -> Iterator[str]:
    rows = [row for row in TABLE if row.type.slug == problem_type.slug]
    yield f"\n## {problem_type.slug}\n"
    text = f"**{problem_type.status} · {problem_type.title}.** {problem_type.advice}"
    yield textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False) + "\n"
    yield "| | |\n|---|---|"
    yield f"| who must act | {ACTORS[problem_type.actor]} |"
    yield f"| try again unchanged | {again(problem_type)} |"
    yield f"| an event's item becomes | {VERDICTS[problem_type.verdict]} |"
    for row in rows:
        codes = ", ".join(f"`{code}`" for code in row.codes)
        if codes:
            yield (
                f"| CloudMonitor's codes | {codes};"
                f" before the verdict the function tries again: {row.retry.value} |"
            )
    if problem_type.slug in runbook():
        yield f"| runbook | [operating.md](operating.md#{problem_type.slug}) |"
    statuses = sorted(status for row in rows for status in row.statuses)
    if statuses:
        yield f"| HTTP status, where the code is unknown | {_ranges(statuses)} |"
    yield from _example(problem_type.slug)


def again(problem_type: ProblemType) -> str:
    """Whether to send the same again, in words."""
    rows = [row for row in TABLE if row.type.slug == problem_type.slug]
    if len({row.type.retryable for row in rows}) > 1:
        return "see `retryable`: yes if CloudMonitor's status was 5xx"
    if not problem_type.retryable:
        return "no"
    return (
        "yes, after the seconds in `Retry-After`"
        if problem_type.retry_after is not None
        else "yes, later"
    )


def _ranges(statuses: list[int]) -> str:
    return (
        str(statuses[0])
        if len(statuses) == 1
        else f"{statuses[0]} to {statuses[-1]}, except those of other problems"
    )


def _example(slug: str) -> Iterator[str]:
    if slug in SCENARIOS:
        _, headers, document = play(SCENARIOS[slug])
        shown = "".join(
            f"{name}: {headers[name]}\n"
            for name in ("Allow", "ETag", "Retry-After")
            if name in headers
        )
        if shown:
            yield f"\n```http\n{shown}```"
    elif slug in EVENTS:
        document = play_event(EVENTS[slug])
    else:
        return
    yield f"\n```json\n{json.dumps(document, indent=2)}\n```"
