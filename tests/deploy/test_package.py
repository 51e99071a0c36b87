"""The package that ships: reproducible, complete by itself, and nothing more than it needs."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from deploy.errors import DeployError, UsageError
from deploy.interpreter import find_python
from deploy.package import TARGETS, Target, build, checksum

ROOT = Path(__file__).parent.parent.parent
FUNCTION = ROOT / "function"
CACHE = ROOT / "dist" / "dependencies"
CALL = """
import io, json, sys
sys.path[:0] = [sys.argv[1]]
import index
group = json.dumps({"contactGroupName": "g", "contactNames": ["a"], "describe": "d"}).encode()
env = {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/contact-groups", "QUERY_STRING": "dryRun=true",
       "CONTENT_TYPE": "", "CONTENT_LENGTH": str(len(group)), "wsgi.input": io.BytesIO(group),
       "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
body = b"".join(index.handler(env, lambda status, headers: None))
event = index.event_handler(b"[]", None)
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
outside = sorted(file for file in files if "site-packages" in file)
print(json.dumps({"body": json.loads(body), "event": event, "outside": outside}))
"""


#: The same of the web function, which it starts on a port of its own.
CALL_3 = """
import http.client, json, os, signal, socket, sys, threading
sys.path[:0] = [sys.argv[1]]
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    port = one.getsockname()[1]
import contact_groups.web
def call(path, body, headers={}):
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            return json.loads(connection.getresponse().read())
        except ConnectionRefusedError:
            pass
def calls():
    group = json.dumps({"contactGroupName": "g", "contactNames": ["a"], "describe": "d"}).encode()
    key = {"x-fc-access-key-id": "testid", "x-fc-access-key-secret": "testsecret"}
    body = call("/v1/contact-groups?dryRun=true", group, key)
    event = call("/invoke", b"[]", {"x-fc-control-path": "/invoke"})
    files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
    outside = sorted(file for file in files if "site-packages" in file)
    print(json.dumps({"body": body, "event": event, "outside": outside}), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=calls, daemon=True).start()
contact_groups.web.serve({**os.environ, "FC_CUSTOM_LISTEN_PORT": str(port),
                          "PLATFORM_HEADERS_TRUSTED": "true"})
"""
CALLS = {"2.0": CALL, "3.0": CALL_3}


@pytest.fixture(scope="module", params=list(TARGETS))
def platform(request: pytest.FixtureRequest) -> str:
    """The platform that a package is for."""
    return str(request.param)


@pytest.fixture(scope="module")
def target(platform: str) -> Target:
    """What the package is for."""
    return TARGETS[platform]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, platform: str) -> Path:
    """A package, built."""
    output = tmp_path_factory.mktemp("package") / "function.zip"
    build(FUNCTION, output, CACHE, platform)
    return output


def test_the_same_input_gives_the_same_bytes(
    package: Path, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package can be checked by building it again, whatever the builder's own Python is told."""
    again = tmp_path / "again.zip"
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")

    told = build(FUNCTION, again, CACHE, platform)

    assert again.read_bytes() == package.read_bytes()
    assert checksum(again) == checksum(package)
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]
    assert f"{again.stat().st_size:,} bytes" in told


def test_it_holds_what_is_needed_and_no_more(package: Path, target: Target) -> None:
    """The function, its dependencies and compiled code; no tests, no metadata, no sources of C;
    under 4 MB.
    """
    names = zipfile.ZipFile(package).namelist()

    assert {"index.py", "contact_groups/api.py", "flask/app.py", "marshmallow/schema.py"} <= set(
        names
    )
    assert not [
        name
        for name in names
        if ".dist-info" in name
        or "/tests/" in name
        or name.startswith("requirements")
        or name.endswith((".pyi", ".c", ".in"))
    ]
    version = target.version.replace(".", "")
    compiled = [name for name in names if name.endswith(".so")]
    assert compiled
    assert all(f"cpython-{version}-x86_64-linux-gnu" in name for name in compiled)
    if find_python(target.python):
        assert f"contact_groups/__pycache__/api.cpython-{version}.pyc" in names
    assert package.stat().st_size < 4_000_000


def test_compiled_code_is_used_unchecked_and_names_the_platforms_paths(
    package: Path, target: Target, tmp_path: Path
) -> None:
    """The .pyc files need no look at their sources, whose times the platform changes, and
    tracebacks name /code.
    """
    if not find_python(target.python):
        pytest.skip(f"no Python {target.version} to compile with")
    version = target.version.replace(".", "")
    name = f"contact_groups/__pycache__/api.cpython-{version}.pyc"
    data = zipfile.ZipFile(package).read(name)

    assert (
        int.from_bytes(data[4:8], "little") == 0b01
    )  # hash-based, and the source is not checked (PEP 552)
    assert b"/code/contact_groups/api.py" in data
    assert str(tmp_path.parent).encode() not in data


def test_what_ships_works_by_itself(
    package: Path, platform: str, target: Target, tmp_path: Path
) -> None:
    """Unzipped into an empty folder, with nothing else on the path, the function answers HTTP and
    events.
    """
    python = find_python(target.python)
    if not python:
        pytest.skip(f"the package is for Python {target.version}, and there is none here")
    zipfile.ZipFile(package).extractall(tmp_path)
    environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
    }

    command = [python, "-I", "-S", "-B", "-c", CALLS[platform], str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["body"]["contactGroup"]["contactGroupName"] == "g"
    assert result["event"]["counts"]["rejected"] == 1
    assert result["outside"] == []


def test_a_folder_without_the_function_is_named(tmp_path: Path) -> None:
    """Packaged in the wrong folder, it says so."""
    with pytest.raises(UsageError, match=r"index\.py"):
        build(tmp_path, tmp_path / "x.zip", CACHE)


def test_dependencies_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    """A lock file whose hash does not fit ends the command, with the lock file's name."""
    (tmp_path / "index.py").touch()
    (tmp_path / "requirements.txt").write_text("blinker==1.9.0 --hash=sha256:" + "0" * 64)

    with pytest.raises(DeployError, match=r"requirements\.txt cannot be had"):
        build(tmp_path, tmp_path / "x.zip", tmp_path / "cache")
