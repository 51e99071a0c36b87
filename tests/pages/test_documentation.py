"""What the pages of /docs hold, before any browser looks at them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.problems import PAGE, REQUEST_PROBLEMS
from local.documentation import page
from tests.facade import Facade

ROOT = Path(__file__).parent.parent.parent
PAGES = ["/docs", *(f"/docs/{file.stem}" for file in sorted((ROOT / "docs").glob("*.md")))]


class Read(HTMLParser):
    """A page as read: its text, and of its elements the tags, ids, links and sources."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.text, self.tags = "", []  # type: str, list[str]
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.feed(html.decode())
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids, f"two elements have the id {value}"
                self.ids.add(str(value))
            elif name == "href" and tag == "a":
                self.links.append(str(value))
            elif name in {"src", "href", "action"}:
                self.sources.append(str(value))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: str, **places: Path) -> Read:
    """The page at a path, which must be there."""
    found = page(path, **places)
    assert found
    assert found[:2] == (200, "text/html; charset=utf-8")
    return Read(found[2])


def test_a_problems_type_leads_to_its_section() -> None:
    """The type of every problem that HTTP answers is the address of a section."""
    ids = read("/docs/problems").ids
    for kind in (*REQUEST_PROBLEMS, *(row.type for row in TABLE)):
        path, _, anchor = kind.uri(PAGE).partition("#")
        assert path == "/docs/problems"
        assert anchor in ids


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(facade: Facade, path: str) -> None:
    """Every link of a page leads to a page of the same server, and to a section that is there."""
    asked: dict[str, set[str]] = {}
    for link in read(path).links:
        target, _, anchor = link.partition("#")
        if target.startswith("https://"):
            continue
        asked.setdefault(target or path, set()).add(anchor)
    for target, anchors in asked.items():
        with urllib.request.urlopen(facade.url + target) as answer:
            assert anchors - {""} <= Read(answer.read()).ids


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_self_contained(path: str) -> None:
    """A page fetches nothing, but for Swagger UI from the same server, and its policy forbids the
    browser anything else.
    """
    found = page(path)
    assert found
    shown = Read(found[2])
    fetched = [source for source in shown.sources if not source.startswith("data:")]
    library = ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
    assert fetched == (library if path == "/docs" else [])
    own = found[2].partition(b"<title>")[0].count(b"&#39;self&#39;")
    assert own == (3 if path == "/docs" else 1)
    assert not {"iframe", "object", "embed", "base"} & set(shown.tags)
    assert b"default-src &#39;none&#39;; connect-src &#39;self&#39;" in found[2]
    assert b"unsafe" not in found[2].partition(b"<title>")[0]


def test_markdown(tmp_path: Path) -> None:
    """Headings get distinct anchors; links to other pages work, those into the repository are text;
    HTML is text.
    """
    (tmp_path / "one.md").write_text(
        "# One & <b>all</b>\n\n## `a-b`: Why, how?\n\n## Twice\n\n## Twice\n\n<!-- unseen -->\n\n"
        "[two](two.md#x) [code](../function/index.py) [evil](javascript:alert(1))"
        " [same](#twice)\n\n"
        "![drawn](one.svg) ![gone](../two.svg) ![far](https://example.com/far.png)\n\n"
        '<a id="anchor"></a>here <script>alert(1)</script>\n\n'
        '<div onclick="alert(1)">block</div>\n\n'
        "| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    (tmp_path / "two.md").write_text("# Two\n")
    (tmp_path / "one.svg").write_text("<svg/>")
    shown = read("/docs/one", docs=tmp_path)
    assert {"a-b-why-how", "twice", "twice-1", "anchor"} <= shown.ids
    assert shown.links == ["#content", "/docs", "/docs/one", "/docs/two", "/docs/two#x", "#twice"]
    assert shown.sources == ["data:,", f"data:image/svg+xml;base64,{b64encode(b'<svg/>').decode()}"]
    assert "drawn" not in shown.text
    assert "gone far" in shown.text
    assert "unseen" not in shown.text
    assert "<script>alert(1)</script>" in shown.text
    assert '<div onclick="alert(1)">block</div>' in shown.text
    assert not {"script", "b"} & set(shown.tags)
    assert "table" in shown.tags


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_swagger_ui_is_served(name: str) -> None:
    """The reference finds Swagger UI beside it, as what it is."""
    found = page(f"/docs/{name}")
    assert found
    assert found[:2] == (
        200,
        f"text/{'css' if name.endswith('css') else 'javascript'}; charset=utf-8",
    )
    assert b"swagger-ui" in found[2]


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/../README", "/docs/problems/x", "/docs/<script>"]
)
def test_no_such_page(path: str) -> None:
    """A page that is not there is 404, wherever the path tries to lead."""
    found = page(path)
    assert found
    assert found[0] == 404
    assert b"There is no such page." in found[2]


def test_no_contract(tmp_path: Path) -> None:
    """Without the contract the page says how it is written."""
    found = page("/docs", openapi=tmp_path / "openapi.json")
    assert found
    assert found[0] == 404
    assert "make docs writes it" in Read(found[2]).text


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/v1/openapi.json", "/documents", "/v1/contact-groups/docs"]
)
def test_other_paths_are_the_functions(path: str) -> None:
    """Only /docs and what is under it is documentation."""
    assert page(path) is None


def test_on_the_functions_own_port(facade: Facade) -> None:
    """GET and HEAD of /docs answer the page, other methods and paths reach the function."""
    with urllib.request.urlopen(f"{facade.url}/docs") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert re.search(rb"<title>[^<]+</title>", answer.read())
    with urllib.request.urlopen(
        urllib.request.Request(f"{facade.url}/docs", method="HEAD")
    ) as answer:
        assert int(answer.headers["Content-Length"]) > 0
        assert answer.read() == b""
    with urllib.request.urlopen(f"{facade.url}/healthz") as answer:
        assert json.load(answer) == {"status": "ok"}
    for method, path, status in (
        ("POST", "/docs", 404),
        ("GET", "/docs/nothing", 404),
        ("GET", "/nothing", 404),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(facade.url + path, method=method))
        with refused.value as answer:
            assert answer.code == status
            html = path == "/docs/nothing"
            assert answer.headers.get_content_type() == (
                "text/html" if html else "application/problem+json"
            )
