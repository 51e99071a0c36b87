"""The links of docs/events.md lead somewhere; what events bring along stays off the HTTP path."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from contact_groups.cloudmonitor import outcomes
from contact_groups.events.problems import EVENT_PROBLEMS
from contact_groups.problems import REQUEST_PROBLEMS, Verdict

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "events.md"


def test_links_of_the_page_lead_to_files() -> None:
    """Every relative link of docs/events.md leads to a file."""
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", PAGE.read_text())
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_each_problem_of_events_has_a_slug_of_its_own() -> None:
    """No problem of events shares its slug with another problem, and each verdict of a problem is
    one of two.
    """
    others = {kind.slug for kind in REQUEST_PROBLEMS} | {row.type.slug for row in outcomes.TABLE}
    slugs = [kind.slug for kind in EVENT_PROBLEMS]
    assert len(set(slugs)) == len(slugs)
    assert others.isdisjoint(slugs)
    assert {kind.verdict for kind in EVENT_PROBLEMS} == {Verdict.REJECTED, Verdict.FAILED}


def test_the_http_path_imports_nothing_of_events() -> None:
    """A request over HTTP leaves events/, oss2 and yaml alone; an event leaves oss2 and yaml alone
    until a manifest comes.
    """
    code = """
import io, os, sys
os.environ["CLOUDMONITOR_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["CLOUDMONITOR_MAX_ATTEMPTS"] = "1"
import index
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/healthz", "wsgi.input": io.BytesIO(),
           "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
           "fc.request_uri": "/healthz"}
index.initializer(None)
index.handler(environ, lambda *_: None)
loaded = lambda *names: [name for name in sys.modules if name.startswith(names)]
early = loaded("contact_groups.events", "oss2", "yaml")
assert not early, early
index.event_handler(b"hello", None)
assert loaded("contact_groups.events")
assert not loaded("oss2", "yaml"), loaded("oss2", "yaml")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "function",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
