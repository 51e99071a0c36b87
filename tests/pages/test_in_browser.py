"""The pages in headless Chromium: what a reader sees, types and clicks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.problems import REQUEST_PROBLEMS
from local.cloudmonitor import CloudMonitor, Fault
from tests.facade import Facade
from tests.pages.browser import Browser, Page

DOCS = Path(__file__).parent.parent.parent / "docs"
GROUP = {"contactNames": ["Contact 1"], "describe": "Alert contact name"}
HOSTILE = '<img src=x onerror="document.title=1">'
PUT = "#operations-contact_groups-putContactGroup"
POST = "#operations-contact_groups-postContactGroup"


def send(facade: Facade, name: str = "on-call", **changes: Any) -> int:
    """POSTs a group to the function; returns the status."""
    body = json.dumps({"contactGroupName": name, **GROUP, **changes}).encode()
    request = urllib.request.Request(
        f"{facade.url}/v1/contact-groups", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def text(selector: str) -> str:
    """The expression for the text of an element as seen, empty as long as there is none."""
    found = f"document.querySelector({json.dumps(selector)})"
    return f"((one) => one?.checkVisibility() ? one.innerText : '')({found})"


def unfold(page: Page) -> None:
    """Opens every operation of the reference."""
    page.wait_for(f"!!document.querySelector('{POST}')")
    page.run("document.querySelectorAll('.opblock-summary-control').forEach((one) => one.click())")
    for part, count in (("button.execute", 9), ("[data-param-name] select", 2), ("textarea", 2)):
        page.wait_for(f"document.querySelectorAll('.opblock {part}').length === {count}")


def unfold_one(page: Page, operation: str) -> None:
    """Opens one operation, which takes a ninth of the time."""
    page.wait_for(f"!!document.querySelector('{operation}')")
    page.run(f"document.querySelector('{operation} .opblock-summary-control').click()")
    for part in ("button.execute", "[data-param-name=dryRun] select", "textarea"):
        page.wait_for(f"!!document.querySelector('{operation} {part}')")


def answered(operation: str) -> str:
    """The expression for what an operation was answered when it was tried, empty before."""
    return text(f"{operation} .live-responses-table tbody")


@pytest.mark.parametrize("dark", [False, True])
def test_pages_load(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor, dark: bool
) -> None:
    """Every page loads without an error, asks only its own server, and fits each width in light and
    in dark.
    """
    narrowest, *wider = (320, 400, 1280)
    send(facade, "a-name-without-any-space-" * 8, describe="w" * 2_000)
    pages = ["/docs", *(f"/docs/{file.stem}" for file in DOCS.glob("*.md"))]
    for url in (f"{cloudmonitor.url}/console", *(facade.url + path for path in pages)):
        with browser.open(url, narrowest, dark) as page:
            if url.endswith("/console"):
                page.wait_for("document.querySelector('#groups tr')")
            elif url.endswith("/docs"):
                unfold(page)
            page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.run("document.documentElement.scrollWidth") <= narrowest
            for width in wider:
                page.resize(width)
                page.wait_for(f"innerWidth >= {width}")
                assert page.run("document.documentElement.scrollWidth") <= width
            red, green, blue = page.run(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
            assert (red + green + blue < 3 * 64) == dark
            origin = url.split("/", 3)[2]
            assert all(
                asked.split("/", 3)[2] == origin
                for asked in page.requests
                if not asked.startswith("data:")
            )
            assert page.errors == []


def test_the_reference_shows_the_contract(browser: Browser, facade: Facade) -> None:
    """Every path, status and problem of the contract stands on the page, each with a form to try
    it out, and nothing that can be filled in or chosen is without a name.
    """
    contract = json.loads((DOCS.parent / "function" / "openapi.json").read_bytes())
    with browser.open(f"{facade.url}/docs") as page:
        unfold(page)
        for path, item in contract["paths"].items():
            for method in item.keys() - {"parameters"}:
                operation = item[method]
                block = f"[id$='-{operation['operationId']}']"
                shown = page.run(text(block))
                assert f"{method.upper()}" in shown
                assert path in shown.replace("\u200b", "")
                assert operation["summary"] in shown
                assert page.run(f'!!document.querySelector("{block} button.execute")')
                for status, answer in operation["responses"].items():
                    assert status in shown
                    assert answer["description"].rstrip(".") in shown
        links = page.run(
            "[...document.querySelectorAll('.responses-table a')].map((one) => one.hash.slice(1))"
        )
        kinds = {kind.slug for kind in (*REQUEST_PROBLEMS, *(row.type for row in TABLE))}
        assert kinds <= set(links)
        nameless = "#reference :is(select, textarea, input):not([aria-label])"
        page.wait_for(f"document.querySelectorAll('{nameless}').length === 0")
        assert page.errors == []


def test_trying_a_put_creates_the_group(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """What the form of PUT sends is in the local CloudMonitor, under the name that was typed."""
    with browser.open(f"{facade.url}/docs") as page:
        unfold_one(page, PUT)
        page.write(f"{PUT} [data-param-name=contactGroupName] input", "on call? #1 ü 100%25")
        page.click(f"{PUT} button.execute")
        page.wait_for(answered(PUT) + ".includes('200')")
        assert page.errors == []
    group = cloudmonitor.group("on call? #1 ü 100%25")
    assert group
    assert group.contact_names == ("Contact 1",)


def test_a_dry_run_writes_nothing(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """With dryRun the form of POST shows the call that would go out, and CloudMonitor gets none."""
    with browser.open(f"{facade.url}/docs") as page:
        unfold_one(page, POST)
        page.run(
            f"(() => {{ const one = document.querySelector('{POST} [data-param-name=dryRun]"
            " select'); one.value = 'true';"
            " one.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        page.click(f"{POST} button.execute")
        page.wait_for(answered(POST) + ".includes('stringToSign')")
        assert page.errors == []
    assert cloudmonitor.calls() == []


def test_from_a_problem_to_what_to_do_in_one_click(browser: Browser, facade: Facade) -> None:
    """A refused try shows the problem as text, and each answer of an operation leads to the
    sections of its problems.
    """
    with browser.open(f"{facade.url}/docs") as page:
        unfold_one(page, POST)
        body = {"contactGroupName": HOSTILE, "contactNames": [], "describe": "x", HOSTILE: 1}
        page.write(f"{POST} textarea", json.dumps(body))
        page.click(f"{POST} button.execute")
        page.wait_for(answered(POST) + ".includes('422')")
        assert HOSTILE.split('"', maxsplit=1)[0] in page.run(answered(POST))
        assert page.run(f"document.querySelectorAll('{POST} img').length") == 0
        link = f"{POST} .responses-table a[href$='#invalid-contact-group']"
        assert page.run(text(link)) == "invalid-contact-group"
        page.go(page.run(f'document.querySelector("{link}").href'))  # it opens in a tab of its own
        page.wait_for("location.pathname === '/docs/problems' && document.querySelector(':target')")
        assert page.run("document.querySelector(':target').innerText") == "invalid-contact-group"


def test_the_console_is_live(browser: Browser, facade: Facade, cloudmonitor: CloudMonitor) -> None:
    """Calls and groups appear in the open console as they come: check, status, duration; HTML in
    them stays text.
    """
    with browser.open(f"{cloudmonitor.url}/console") as page:
        page.wait_for(text("#no-calls"))
        assert send(facade, HOSTILE) == 200
        page.wait_for(text("#groups") + f".includes({json.dumps(HOSTILE)})")
        page.wait_for(
            text("#calls tr") + ".includes('200')"
        )  # the call may have been seen on its way
        call = page.run(text("#calls tr"))
        assert all(
            part in call
            for part in (HOSTILE, "PutContactGroup", "✓ passed", "ACS3-HMAC-SHA256", "200", " ms")
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{cloudmonitor.url}/?Action=PutContactGroup&Version=2019-01-01")
        refused.value.close()
        page.wait_for(text("#calls tr") + ".includes('✗ ')")
        assert page.run("document.querySelectorAll('main img').length") == 0
        assert page.run("document.title") == "Local CloudMonitor"
        assert page.errors == []


def test_a_switch_strikes_the_next_call(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """A fault switched on strikes until it is switched off, by mouse and by keyboard, and the call
    names it.
    """
    with browser.open(f"{cloudmonitor.url}/console") as page:
        page.wait_for(text("#no-script"))
        page.click("#kind-empty")
        page.wait_for(text("#script") + ".includes('strikes every call')")
        assert send(facade) == 502
        page.wait_for(text("#calls tr") + ".includes('fault: empty')")
        page.run("document.querySelector('#kind-empty').focus()")
        page.press(" ", 32)
        page.wait_for(text("#no-script"))
        assert send(facade) == 200
        page.click("#kind-html")
        page.wait_for(text("#script"))
        page.click("#clear")
        page.wait_for("!document.querySelector('#kind-html').checked")
        assert page.errors == []
    assert cloudmonitor.faults.list() == []


def test_a_fault_with_particulars(
    browser: Browser, facade: Facade, cloudmonitor: CloudMonitor
) -> None:
    """The form scripts any fault; it is counted down, cleared one by one, and what is no fault is
    refused with a reason.
    """
    with browser.open(f"{cloudmonitor.url}/console") as page:
        page.write("#fault", '{"kind": "error", "code": "Throttling.User", "times": 2}')
        page.click("#add button")
        page.wait_for(text("#script") + ".includes('Throttling.User')")
        assert page.run("document.querySelector('#kind-error').checked")
        assert page.errors == []
        assert send(facade) == 200  # at the third attempt
        page.wait_for(text("#no-script"))
        cloudmonitor.faults.add(Fault("drop"), Fault("empty"))
        page.wait_for("document.querySelectorAll('#script li').length === 2")
        page.click("#script button")
        page.wait_for("document.querySelectorAll('#script li').length === 1")
        page.write("#fault", '{"kind": "nonsense"}')
        page.click("#add button")
        page.wait_for(text("#refused") + ".includes('nonsense')")
    assert [item.fault.kind for item in cloudmonitor.faults.list()] == ["empty"]


def test_the_console_outlives_its_server(browser: Browser) -> None:
    """When the server is gone, the console says so and goes on trying."""
    with CloudMonitor() as cloudmonitor:
        page = browser.open(f"{cloudmonitor.url}/console")
        page.wait_for(text("#live") + " === 'live'")
        port = cloudmonitor.port
    with page:
        page.wait_for(text("#live") + ".includes('no answer')")
        with CloudMonitor(port=port):
            page.wait_for(text("#live") + " === 'live'")
