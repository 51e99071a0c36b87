"""README and docs tell the truth: commands run, answers are as printed, settings are those of the
code, links lead somewhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contact_groups.settings import SETTINGS
from local.cloud import ACCESS_KEY, LocalCloud

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("bench/*.md")),
]
README = (ROOT / "README.md").read_text()


def _blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), flags=re.S | re.M)


BLOCKS = _blocks(ROOT / "README.md")


def _curls() -> list[tuple[str, Any]]:
    found = []
    for (language, text), (following, answer) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if language == "sh" and text.startswith("curl"):
            found.append((text, json.loads(answer) if following == "json" else None))
    return found


@pytest.mark.parametrize(("command", "answer"), _curls())
def test_curl_commands_of_the_readme(cloud: LocalCloud, command: str, answer: Any) -> None:
    """A command pasted from the README answers what the README says, but for the id of the
    request.
    """
    done = subprocess.run(
        [
            "bash",
            "-c",
            command.replace("127.0.0.1:8000", f"127.0.0.1:{cloud.facade.port}").rstrip()
            + " -sS --fail-with-body",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout
    if answer:
        got = json.loads(done.stdout)
        assert got.keys() == answer.keys()
        assert {**got, "requestId": ""} == {**answer, "requestId": ""}


def _environment(cloud: LocalCloud) -> dict[str, str]:
    return {**os.environ, **ACCESS_KEY, "FUNCTION_COMPUTE_ENDPOINT": cloud.function_compute.url}


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "python"])
def test_python_examples_of_the_readme(cloud: LocalCloud, code: str) -> None:
    """Each Python example calls the deployed function, and is answered 200."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=_environment(cloud),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 {'contactGroupName': 'on-call'")


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "bash"])
def test_bash_examples_of_the_readme(cloud: LocalCloud, code: str) -> None:
    """The signature by openssl is one that Function Compute takes."""
    done = subprocess.run(
        ["bash", "-c", code], env=_environment(cloud), capture_output=True, text=True, check=False
    )

    assert json.loads(done.stdout)["contactGroupName"] == "on-call"


def test_deploy_commands_of_the_readme(cloud: LocalCloud) -> None:
    """Each `python -m deploy` command of the README is one that the command line has."""
    named = set(re.findall(r"`python -m deploy (\w+)", README))

    assert named == {"role", "package", "apply", "rollback", "invoke"}
    command = [
        sys.executable,
        "-m",
        "deploy",
        "invoke",
        "http-function",
        "--path",
        "/healthz",
        "--method",
        "GET",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(cloud), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "200 OK" in done.stdout) == (0, True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_blocks_are_json(page: Path) -> None:
    """Whatever is shown as JSON can be read as such."""
    for language, text in _blocks(page):
        if language == "json":
            json.loads(text)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_commands_of_the_docs(cloud: LocalCloud, page: Path) -> None:
    """A command shown in docs/ runs as it stands, unless it has a gap to fill in."""
    for language, text in _blocks(page):
        if language == "sh" and "…" not in text:
            command = text.replace("python -m", f"{sys.executable} -m")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=ROOT,
                env=_environment(cloud),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


def test_the_readme_has_a_first_curl() -> None:
    """There is something to paste, and it stands on the first screen."""
    assert _curls()
    assert README.index("curl -X PUT") < README.index("## The API")


def test_settings_are_those_of_the_code() -> None:
    """The table of settings in the README is the table in settings.py: names, defaults, ranges and
    meanings.
    """
    rows = ["| variable | default | accepts | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "(empty)"
        rows.append(f"| `{setting.name}` | {default} | {setting.accepts} | {setting.meaning} |")
    table = "\n".join(rows)

    _, _, rest = README.partition("<!-- settings: begin")
    written = rest.partition("-->\n")[2].partition("<!-- settings: end")[0]

    assert written.strip() == table, f"the table must be:\n{table}"


def test_targets_that_are_named_exist() -> None:
    """Each `make target` of README and docs is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text(), flags=re.M)
    }

    assert {first or second for first, second in named} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file, and an anchor in it where it has one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}"


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
