"""README and docs tell the truth: commands run, answers are as printed, targets exist, links lead
somewhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.__main__ import COMMANDS
from local.cloud import ACCESS_KEY, LocalCloud

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*DOCS, ROOT / "CHANGELOG.md", *sorted(ROOT.glob("bench/*.md"))]
README = (ROOT / "README.md").read_text()
#: It serves until Ctrl-C; tests/local/test_run.py starts it.
SERVES = "make run\n"
#: What of the repository prints or shows a command.
SPEAKING = [
    *DOCS,
    *(ROOT / name for name in ("Makefile", "template.yml", "s.yaml", "CHANGELOG.md")),
    *(file for name in ("function", "local", "deploy") for file in (ROOT / name).rglob("*.py")),
]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.S | re.M)


def _commands(page: Path) -> list[str]:
    """The blocks to paste into a shell; one with a gap to fill in is none."""
    return [block for block in _blocks(page, "sh") if "…" not in block and block != SERVES]


@pytest.fixture(scope="module")
def environment(
    cloud: LocalCloud, cloud_3: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What a reader has set; ./bin/deploy runs in the environment of these tests."""
    venv = tmp_path_factory.mktemp("venv")
    (venv / "bin").mkdir()
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    (venv / ".run").touch()
    addresses = {
        "FUNCTION_COMPUTE_ENDPOINT": cloud.function_compute.url,
        "HTTP_TRIGGER_URL": cloud_3.deployed.trigger_url(),
        "LOCAL_STATE": str(cloud.function_compute.state.parent),
    }
    package = {"PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
    return {**os.environ, **ACCESS_KEY, **addresses, **package, "VENV": str(venv)}


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("page", [page for page in DOCS if _commands(page)], ids=lambda p: p.name)
def test_commands_run_as_pasted(
    cloud: LocalCloud, environment: dict[str, str], page: Path, shell: str
) -> None:
    """The blocks of a page, pasted one after the other, run in both shells, on the ports of this
    cloud.
    """
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (Debian: apt-get install {shell})")
    pasted = "\n".join(["set -eo pipefail", *_commands(page)])
    ports = {8000: cloud.facade.port, 8001: cloud.cloudmonitor.port}
    ports[8002] = cloud.function_compute.port
    for documented, port in ports.items():
        pasted = pasted.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{port}")
    plain = {"bash": ["--norc"], "zsh": ["-f"]}[shell]

    done = _run([shell, *plain, "-c", pasted], environment)

    assert done.returncode == 0, done.stderr + done.stdout
    assert not re.search(r'^{"type":', done.stdout, flags=re.M), "a request was refused"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_commands_have_no_comments(page: Path) -> None:
    """An interactive zsh takes a comment for arguments."""
    assert [block for block in _blocks(page, "(?:sh|bash)") if re.search(r"^#|\s#", block)] == []


def test_the_first_answer_is_as_printed(cloud: LocalCloud, environment: dict[str, str]) -> None:
    """The first command of the README, on its first screen, answers what stands below it, but for
    the id of the request.
    """
    (command,) = _commands(ROOT / "README.md")
    (answer,) = _blocks(ROOT / "README.md", "json")
    assert README.index(command) < README.index("## Requests")
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{cloud.facade.port}")

    done = _run(["bash", "-c", command], environment)

    assert {**json.loads(done.stdout), "requestId": ""} == {**json.loads(answer), "requestId": ""}


@pytest.mark.parametrize("code", [block for page in DOCS for block in _blocks(page, "python")])
def test_python_examples(environment: dict[str, str], code: str) -> None:
    """Each Python example calls the deployed function, and is answered 200; with the client it
    prints the group.
    """
    done = _run([sys.executable, "-c", code], environment)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("200 {'contactGroupName': 'on-call'", "on-call Alice Bob "))


@pytest.mark.parametrize("code", [block for page in DOCS for block in _blocks(page, "javascript")])
def test_javascript_examples(environment: dict[str, str], code: str) -> None:
    """Each example for Node.js calls the deployed function, and is answered 200."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (Debian: apt-get install nodejs)")
    done = _run([node, "--input-type=module", "--eval", code], environment)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('200 {"contactGroupName":')


@pytest.mark.parametrize("code", [block for page in DOCS for block in _blocks(page, "go")])
def test_go_examples(environment: dict[str, str], code: str, tmp_path: Path) -> None:
    """Each example for Go calls the deployed function, and is answered 200."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed (Debian: apt-get install golang-go)")
    (tmp_path / "call.go").write_text(code)
    done = _run([go, "run", str(tmp_path / "call.go")], environment)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('200 {"contactGroupName":')


@pytest.mark.parametrize("file", SPEAKING, ids=lambda file: str(file.relative_to(ROOT)))
def test_there_is_one_way_to_deploy(file: Path) -> None:
    """Whatever shows a deployment command shows `./bin/deploy`, with a command that it has."""
    text = file.read_text()
    assert "python -m deploy" not in text
    named = set(re.findall(r"\./bin/deploy ([a-z]+)", text))
    assert named <= COMMANDS.keys()


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=page.name) for page in PAGES for text in _blocks(page, "json")]
)
def test_json_blocks_are_json(text: str) -> None:
    """Whatever is shown as JSON can be read as such: one object."""
    assert isinstance(json.loads(text), dict)


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
