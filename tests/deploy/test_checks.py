"""What `apply` checks, shows and asks before it changes anything, on both platforms."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from local.cloud import ACCESS_KEY, ROLE, ROOT
from local.function_compute import FunctionCompute
from tests.deploy.support import actions
from tests.deploy.unreliable import Unreliable

# aliyun-fc2 leaves the package open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
TRIGGER = {
    "2.0": ("MnsTopic=rota", f"TriggerRole={ROLE}"),
    "3.0": ("MNS_TOPIC=rota", f"TRIGGER_ROLE_ARN={ROLE}"),
}
LEVEL = {"2.0": "LogLevel", "3.0": "LOG_LEVEL"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that is never run."""
    package = tmp_path_factory.mktemp("package") / "tiny.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "")
    return package


@pytest.fixture
def function_compute(tmp_path: Path) -> Iterator[FunctionCompute]:
    """A Function Compute with nothing deployed."""
    with FunctionCompute(tmp_path) as running:
        yield running


@pytest.fixture
def watched(function_compute: FunctionCompute) -> Iterator[Unreliable]:
    """It, with what changes it."""
    with Unreliable(function_compute.port, status=400) as running:
        yield running


class Runner:
    """`./bin/deploy apply` in this process."""

    def __init__(
        self,
        url: str,
        package: Path,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._package, self._patch, self._capsys = package, patch, capsys
        patch.chdir(ROOT)
        for name in ("ACCOUNT_ID", "REGION"):
            patch.delenv(name, raising=False)
        for name, value in ACCESS_KEY.items():
            patch.setenv(name, value)
        patch.setenv("FUNCTION_COMPUTE_ENDPOINT", url)
        self.code, self.out, self.err = 0, "", ""

    def __call__(self, platform: str, *arguments: str, role: str = ROLE, answer: str = "") -> str:
        """Applies; answer is what is typed."""
        self._patch.setattr(sys, "stdin", io.StringIO(answer))
        options = ("--platform", platform, "--package", str(self._package), "--role-arn", role)
        self.code = main(["apply", *options, *arguments])
        self.out, self.err = self._capsys.readouterr()
        return self.out


@pytest.fixture
def run(
    watched: Unreliable,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runner:
    """Applies in this process."""
    return Runner(watched.url, tiny, monkeypatch, capsys)


@pytest.mark.parametrize("platform", ["2.0", "3.0"])
def test_account_and_region_come_from_what_was_given(
    run: Runner, watched: Unreliable, platform: str
) -> None:
    """Without --account-id the role's account is in the ARNs; two accounts must agree, and no role
    that is none is deployed.
    """
    queue = "acs:mns:cn-hangzhou:1234567890123456:/queues/contact-groups-failed/messages"
    for arguments, role, says in (
        (["--account-id", "1"], ROLE, "they must agree"),
        (["--account-id", "ACCOUNT_ID"], ROLE, "is no number"),
        (
            ["--endpoint", "https://99.cn-beijing.fc.aliyuncs.com"],
            ROLE,
            "the endpoint is of account 99",
        ),
        (
            ["--region", "cn-beijing", "--endpoint", "https://fcv3.cn-shanghai.aliyuncs.com"],
            ROLE,
            "--region (REGION) is of region cn-beijing",
        ),
        ([], "contact-groups-function", "is no ARN of a role"),
    ):
        run(platform, *arguments, role=role)
        assert (run.code, says in run.err) == (2, True), run.err
    assert watched.changes == []

    planned = run(platform, "--dry-run", "--parameters", *TRIGGER[platform])

    assert queue in planned
    assert "acs:mns:cn-hangzhou:1234567890123456:/topics/rota" in planned
    assert "ACCOUNT_ID" not in planned


@pytest.mark.parametrize("platform", ["2.0", "3.0"])
def test_parameters_of_a_file_are_shown_and_deletions_are_confirmed(
    run: Runner, watched: Unreliable, platform: str, tmp_path: Path
) -> None:
    """A file gives parameters, the command line goes before it; a trigger whose parameter was
    forgotten is deleted only after a yes or with --yes.
    """
    file = tmp_path / "production.yml"
    text = "\n".join(pair.replace("=", ": ", 1) for pair in TRIGGER[platform])
    file.write_text(f"{text}\n{LEVEL[platform]}: DEBUG\n")
    level = f"{LEVEL[platform]}=ERROR"

    shown = run(platform, "--parameters-file", str(file), "--parameters", level)

    assert run.code == 0, run.err
    assert f"{level} (--parameters)" in shown
    assert f"{TRIGGER[platform][0]} ({file})" in shown
    before = len(watched.changes)
    for answer in ("", "n\n"):
        asked = run(platform, "--parameters", level, answer=answer)
        assert (run.code, "topic would be deleted" in run.err) == (2, True)
        assert "delete" in actions(asked)
        assert len(watched.changes) == before
    assert "delete trigger" in run(platform, "--parameters", level, answer="y\n")
    run(platform, "--parameters-file", str(file))
    assert "delete trigger" in run(platform, "--yes")
    assert run.code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("LogLevel: [a]", "line 1: LogLevel needs one value"),
        ("LogLevel: a\nLogLevel: b", "LogLevel is there twice"),
        ("- a", "is no mapping of parameters"),
        ("a: [", "is no YAML"),
        ("Colour: blue", "parameter Colour is unknown"),
        ("ACCOUNT_ID: 1", "--account-id sets it"),
    ],
)
def test_a_wrong_file_of_parameters_is_refused(
    run: Runner, tmp_path: Path, text: str, says: str
) -> None:
    """The file and what is wrong in it are named in one line."""
    file = tmp_path / "wrong.yml"
    file.write_text(text)

    run("2.0", "--parameters-file", str(file))

    assert (run.code, says in run.err, len(run.err.splitlines())) == (2, True, 1), run.err


@pytest.mark.parametrize(
    ("platform", "parameters", "says"),
    [
        ("2.0", ["HttpMaxInstances=0"], "HttpMaxInstances is 0"),
        ("2.0", ["HttpMaxInstances=-3"], "HttpMaxInstances is -3"),
        ("2.0", ["EventMaxInstances=1.5"], "EventMaxInstances is 1.5"),
        ("2.0", ["HttpMaxInstances=2"], "35.3 calls a second, and the account has 20"),
        ("2.0", ["AsyncRetryAttempts=9"], "maxAsyncRetryAttempts is 9"),
        ("2.0", ["MnsTopic=t", "TriggerRole=x"], "'x' is no ARN of a role"),
        ("2.0", ["MnsTopic=t", "TriggerRole=acs:ram::1:role/x"], "its role is of account 1"),
        ("3.0", ["CLOUDMONITOR_CALLS_PER_SECOND=21"], "21 calls a second"),
        ("3.0", ["MNS_TOPIC=t", "TRIGGER_ROLE_ARN=x"], "'x' is no ARN of a role"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_what_would_be_refused_is_refused_before_anything_changes(
    run: Runner, watched: Unreliable, platform: str, parameters: list[str], says: str, dry: bool
) -> None:
    """A dry run refuses what the real one refuses, and neither changes anything."""
    run(platform, *(["--dry-run"] if dry else []), "--parameters", *parameters)

    assert (run.code, says in run.err) == (2, True), run.err
    assert watched.changes == []


@pytest.mark.parametrize("platform", ["2.0", "3.0"])
def test_the_plan_shows_old_and_new_of_each_member(
    run: Runner, tmp_path: Path, platform: str
) -> None:
    """Values before and after, the digest of the code, and for a new resource what it gets."""
    first = run(platform)
    assert "memorySize: none -> 256" in first
    assert "SHA-256 " in first

    planned = run(platform, "--dry-run", "--parameters", f"{LEVEL[platform]}=ERROR")

    assert 'environmentVariables.LOG_LEVEL: "INFO" -> "ERROR"' in planned
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("index.py", "1")
    assert "codeChecksum: " in run(platform, "--dry-run", "--package", str(other))


def test_json_is_compared_as_what_it_means(run: Runner) -> None:
    """A pattern that is written another way is the same pattern."""
    run("3.0", "--parameters", 'EVENT_PATTERN={"source": ["a"]}')

    again = run("3.0", "--parameters", 'EVENT_PATTERN={"source":["a"]}')

    assert actions(again) == {"unchanged"}


@pytest.mark.parametrize("document", ["trust", "policy", "trigger-trust", "trigger-policy"])
def test_role_prints_documents_that_can_be_piped(
    run: Runner, capsys: pytest.CaptureFixture[str], document: str
) -> None:
    """Each document is JSON alone, and the script is one that the shell reads."""
    for platform in ("2.0", "3.0"):
        assert main(["role", document, "--platform", platform]) == 0
        statements = json.loads(capsys.readouterr().out)["Statement"]
        assert statements[0]["Effect"] == "Allow"
        main(["role", "--platform", platform])
        script = capsys.readouterr().out
        done = subprocess.run(
            ["sh", "-n"], check=False, input=script, text=True, capture_output=True
        )
        assert (done.returncode, script.count("aliyun ram CreateRole")) == (0, 2)


def test_a_package_older_than_the_function_is_written_anew(
    function_compute: FunctionCompute, tmp_path: Path
) -> None:
    """A changed function/ is packaged before it is deployed, unless --no-build says not to."""
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "function", tree / "function", ignore=ignored)
    (tree / "template.yml").symlink_to(ROOT / "template.yml")
    (tree / "dist").mkdir()
    (ROOT / "dist" / "dependencies").mkdir(parents=True, exist_ok=True)
    (tree / "dist" / "dependencies").symlink_to(ROOT / "dist" / "dependencies")

    def apply(*arguments: str) -> str:
        environment = {
            **os.environ,
            **ACCESS_KEY,
            "PYTHONPATH": str(ROOT),
            "FUNCTION_COMPUTE_ENDPOINT": function_compute.url,
            "SERVICE_ROLE_ARN": ROLE,
        }
        command = [sys.executable, "-m", "deploy", "apply", "--dry-run", *arguments]
        done = subprocess.run(
            command, check=False, cwd=tree, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "was not packaged yet): it is packaged anew" in apply()
    assert "older" not in apply()
    with (tree / "function" / "index.py").open("a") as file:
        file.write("# changed\n")
    assert "index.py has changed): deployed as it is" in apply("--no-build")
    assert "index.py has changed): it is packaged anew" in apply()
