"""Clients that others generate from function/openapi.json, against the running function."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from contract.__main__ import ROOT
from contract.scenarios import SCENARIOS, play
from local.cloud import LocalCloud

OPENAPI = ROOT / "function" / "openapi.json"
SOURCES = Path(__file__).parent / "typescript"
GROUP = {"contactNames": ["Contact 1"], "describe": "by a generated client"}


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Writes nothing."""


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Each problem, to a request that has its code as the name of the group."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    code = json.loads(body)["contactGroupName"] if body else environ["PATH_INFO"].split("/")[-1]
    status, headers, document = play(SCENARIOS[code])
    headers.pop("Content-Length", None)
    start_response(f"{status} {code}", list(headers.items()))
    return [json.dumps(document).encode()]


@pytest.fixture(scope="module")
def problems() -> Iterator[str]:
    """The URL of a server that answers with the problem that is asked for."""
    with make_server("127.0.0.1", 0, _answer, handler_class=_Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _platform(cloud: LocalCloud) -> str:
    """Where an unsigned request is one to the function."""
    service, function = cloud.deployed.http
    proxy = f"/2016-08-15/proxy/{service}.live/{function}"
    return cloud.deployed.trigger_url() or cloud.function_compute.url + proxy


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Imports a module of the client that openapi-python-client generates."""
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.json"
    config.write_text('{"post_hooks": []}')
    tool = Path(sys.executable).with_name("openapi-python-client")
    command = [str(tool), "generate", "--path", str(OPENAPI), "--config", str(config)]
    done = subprocess.run(
        [*command, "--meta", "none", "--output-path", str(folder / "generated_client")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"generated_client.{name}")
    sys.path.remove(str(folder))


def test_a_python_client_creates_reads_changes_lists_and_deletes(
    cloud: LocalCloud, generated: Callable[[str], Any]
) -> None:
    """Each answer is of its own type, and so are a dry run and a problem."""
    models, api = generated("models"), partial(_operation, generated, "contact_groups")
    with generated("client").Client(base_url=cloud.facade.url) as client:
        name = "generated-python"
        group = models.ContactGroup(
            contact_group_name=name, contact_names=["Contact 1"], describe="a"
        )
        dry = api("post_contact_group")(client=client, body=group, dry_run=True)
        assert isinstance(dry, models.DryRun)
        assert dry.call.method == "POST"
        created = api("post_contact_group")(client=client, body=group)
        assert isinstance(created, models.WrittenContactGroup)
        assert created.request_id
        read = api("get_contact_group")(name, client=client)
        assert isinstance(read, models.StoredContactGroup)
        in_path = models.ContactGroupInPath(contact_names=["Contact 1"], describe="b")
        changed = api("put_contact_group")(
            name, client=client, body=in_path, prefer="return=representation"
        )
        assert isinstance(changed, models.WrittenContactGroup)
        assert (changed.describe, bool(changed.update_time)) == ("b", True)
        listed = api("list_contact_groups")(client=client, name=name)
        assert [group.describe for group in listed.contact_groups] == ["b"]
        deleted = importlib.import_module(
            "generated_client.api.contact_groups.delete_contact_group"
        )
        assert deleted.sync_detailed(name, client=client).status_code == HTTPStatus.NO_CONTENT
        gone = api("get_contact_group")(name, client=client)
        assert isinstance(gone, models.Problem)
        assert gone.code == models.ProblemCode.CONTACT_GROUP_NOT_FOUND


@pytest.mark.parametrize("code", SCENARIOS)
def test_a_python_client_sees_every_problem_as_a_value(
    generated: Callable[[str], Any], problems: str, code: str
) -> None:
    """A problem is one type, whatever its status, with its code in an enumeration."""
    models, api = generated("models"), partial(_operation, generated, "contact_groups")
    with generated("client").Client(base_url=problems) as client:
        if code == "contact-group-not-found":
            problem = api("get_contact_group")(code, client=client)
        else:
            group = models.ContactGroup(
                contact_group_name=code, contact_names=["a"], describe="a problem"
            )
            problem = api("post_contact_group")(client=client, body=group)

    assert isinstance(problem, models.Problem)
    assert problem.code == models.ProblemCode(code)


def test_a_python_client_sees_what_function_compute_answers(
    generated: Callable[[str], Any], cloud: LocalCloud, cloud_3: LocalCloud
) -> None:
    """A request without a signature ends in a value of 2.0 or of 3.0, not in a KeyError."""
    models, health = generated("models"), _operation(generated, "service", "get_health")
    with generated("client").Client(base_url=_platform(cloud)) as client:
        refused = health(client=client)
        assert isinstance(refused, models.FunctionComputeError), refused
        assert refused.error_code
    with generated("client").Client(base_url=_platform(cloud_3)) as client:
        refused = health(client=client)
        assert isinstance(refused, models.FunctionCompute3Error), refused
        assert refused.code


def _operation(generated: Callable[[str], Any], tag: str, name: str) -> Any:
    return generated(f"api.{tag}.{name}").sync


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client that openapi-typescript generates, and what is needed to check and
    run it; the packages are installed once for each lock file.
    """
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("there is no Node.js with npm")
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    packages = ROOT / ".local" / "npm" / lock
    if not packages.is_dir():
        part = packages.with_name(f"{lock}.{os.getpid()}")
        part.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCES / name, part)
        done = _run(["npm", "ci", "--ignore-scripts"], part)
        if done.returncode:
            shutil.rmtree(part)
            pytest.skip(f"npm cannot install: {done.stderr[-300:]}")
        with contextlib.suppress(OSError):  # another process was first, with the same packages
            part.rename(packages)
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "tsconfig.json", "client.ts"):
        shutil.copy(SOURCES / name, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    for command in (["openapi-typescript", str(OPENAPI), "-o", "contract.ts"], ["tsc", "-p", "."]):
        done = _run([f"node_modules/.bin/{command[0]}", *command[1:]], folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_typescript_client_does_the_same(
    typescript: Path, cloud: LocalCloud, cloud_3: LocalCloud, problems: str
) -> None:
    """Type-checked in strict mode; it creates, reads, changes, lists and deletes, and tells a dry
    run, every problem and Function Compute's own errors apart.
    """
    done = _run(
        ["node", "client.js"],
        typescript,
        FACADE=cloud.facade.url,
        PROBLEMS=problems,
        CODES=" ".join(SCENARIOS),
        UNSIGNED=_platform(cloud),
        UNSIGNED_3=_platform(cloud_3),
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)

    assert set(said.pop("problems")) == set(SCENARIOS)
    assert all(isinstance(said[name], str) for name in ("unsigned", "unsigned3"))
    assert {name: said[name] for name in said if not name.startswith("unsigned")} == {
        "created": True,
        "dryRun": "POST",
        "read": GROUP["contactNames"],
        "changed": "changed",
        "listed": 1,
        "deleted": 204,
        "gone": "contact-group-not-found",
    }
