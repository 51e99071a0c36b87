"""The pages for those who do not see them, or have no mouse: axe-core, and the keyboard alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local.cloudmonitor import CloudMonitor, Fault
from tests.facade import Facade
from tests.pages.browser import Browser, Page
from tests.pages.test_in_browser import DOCS, PUT, answered, send, unfold

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
ARTICLES = [f"/docs/{file.stem}" for file in sorted(DOCS.glob("*.md"))]


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    if not AXE.is_file():
        pytest.skip("axe-core judges the pages, which `make test` installs where there is npm")
    return AXE.read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds: rule, place and reason of each."""
    page.run(f"{axe};0")
    found: list[str] = page.run(
        "axe.run(document, {resultTypes: ['violations']}).then((result) =>"
        " result.violations.flatMap((rule) => rule.nodes.map((node) =>"
        " `${rule.id}: ${node.target}: ${node.failureSummary}`)))"
    )
    return found


def settle(page: Page, path: str) -> None:
    """Brings a page to where everything that it can show is shown."""
    if path == "/console":
        page.wait_for("document.querySelectorAll('#groups tr, #calls tr, #script li').length > 3")
    if path == "/docs":
        unfold(page)
        page.click(f"{PUT} button.execute")
        page.wait_for(answered(PUT) + ".includes('504')")
        deep = "document.querySelectorAll('.json-schema-2020-12-expand-deep-button')"
        page.run(f"{deep}.forEach((one) => one.click())")
        page.wait_for("!!document.querySelector('.json-schema-2020-12-property')")
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize("path", ["/console", "/docs", "/docs/nothing", *ARTICLES])
def test_axe_finds_nothing(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor, axe: str, path: str
) -> None:
    """No page breaks a rule of axe-core, at any width, in light and in dark, with everything
    unfolded.
    """
    send(facade, "a-name-without-any-space-" * 8, describe="w" * 2_000)
    cloudmonitor.faults.add(Fault("drop", times=None))
    send(facade)
    url = (cloudmonitor.url if path == "/console" else facade.url) + path
    with browser.open(url, 320) as page:
        settle(page, path)
        for dark in (False, True):
            page.color_scheme(dark=dark)
            for width in (320, 390, 1280):
                page.resize(width)
                assert violations(page, axe) == [], (width, dark)
                assert page.run("document.documentElement.scrollWidth") <= width


def test_axe_would_find_something(browser: Browser, facade: Facade, axe: str) -> None:
    """A page that is broken is told as such: the test above would notice."""
    with browser.open(f"{facade.url}/docs/problems") as page:
        page.run("document.querySelector('pre').removeAttribute('tabindex')")
        page.run("document.querySelector('pre').style.width = '9rem'")
        page.run("document.documentElement.removeAttribute('lang')")
        found = {one.partition(":")[0] for one in violations(page, axe)}
        assert {"html-has-lang", "scrollable-region-focusable"} <= found


def test_sending_is_a_few_keys_away(browser: Browser, facade: Facade) -> None:
    """From the top of the reference a keyboard is at the first operation's button that sends after
    ten presses at most; each operation has the same short way.
    """
    focused = "document.activeElement"
    words = f"{focused}.matches('a, button') ? {focused}.innerText : ''"
    with browser.open(f"{facade.url}/docs") as page:
        page.wait_for(f"!!document.querySelector('{PUT} .opblock-summary-control')")
        presses = 0
        for way in ("To the operations", "/v1/contact-groups", "To the button that sends"):
            while way not in page.run(words).replace("\u200b", ""):
                page.press("Tab", 9)
                presses += 1
                assert presses < 10, page.run(f"{focused}.outerHTML")
            page.press("Enter", 13)
            presses += 1
            page.wait_for("new Promise((resolve) => setTimeout(resolve, 50, true))")
        assert page.run(f"{focused}.matches('.opblock button.execute')")
        assert presses <= 10


def test_characters_that_turn_a_text_are_named(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """A name with a bidirectional override stands in the console in the order it is stored in,
    with the override named.
    """
    send(facade, "on-call\u202egro.live", describe="a\u2066b")
    with browser.open(f"{cloudmonitor.url}/console") as page:
        page.wait_for("document.querySelectorAll('#groups tr, #calls tr').length > 1")
        shown = page.run("document.querySelector('#groups').innerText + calls.innerText")
        assert shown.count("on-call⟨U+202E⟩gro.live") == 2
        assert "a⟨U+2066⟩b" in shown
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)


RUNBOOK = "a[href*='/docs/operating#']"


@pytest.mark.skipif(
    "operating.md#" not in (DOCS / "problems.md").read_text("utf-8"),
    reason="docs/problems.md leads to no section of the runbook",
)
def test_from_a_problem_to_its_section_of_the_runbook(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """Who gets a problem for the first time follows its `type`, and from there one link to what to
    do: a section of the runbook that names the problem.
    """
    cloudmonitor.faults.add(Fault("empty", times=None))
    body = json.dumps({"contactGroupName": "a", "contactNames": ["b"], "describe": "c"})
    with browser.open(f"{facade.url}/docs") as page:
        kind = page.run(
            "fetch('/v1/contact-groups', {method: 'POST', headers: {'Content-Type':"
            f" 'application/json'}}, body: {json.dumps(body)}}}).then((one) => one.json())"
            ".then((problem) => problem.type)"
        )
        page.go(page.run(f"new URL({json.dumps(kind)}, location).href"))
        slug = page.wait_for("document.querySelector(':target') && location.hash.slice(1)")
        page.run(
            "((one) => { while (!one.querySelector(`"
            + RUNBOOK
            + "`)) one = one.nextElementSibling;"
            " one.querySelector(`" + RUNBOOK + "`).id = 'runbook'; "
            "})(document.querySelector(':target').closest('h1, h2, h3, section'))"
        )
        page.click("#runbook")
        page.wait_for(
            "location.pathname === '/docs/operating' && document.querySelector(':target')"
        )
        assert slug in page.run("document.querySelector(':target').innerText")
