"""`./bin/deploy` against the local Function Compute, as an operator would use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from local.cloud import PACKAGE, ROLE, LocalCloud
from local.function_compute import FunctionCompute
from tests.deploy.support import actions, deploy
from tests.deploy.unreliable import Unreliable


@pytest.fixture
def function_compute(tmp_path: Path, cloud: LocalCloud) -> FunctionCompute:
    """A Function Compute with nothing deployed; `cloud` has written the package."""
    return FunctionCompute(tmp_path)


#: Three instances within the account's quota.
THREE = ("HttpMaxInstances=3", "HttpCallsPerSecond=5")


def _apply(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return deploy(url, "apply", "--role-arn", ROLE, *arguments)


def test_apply_creates_then_changes_nothing_then_only_what_differs(
    function_compute: FunctionCompute,
) -> None:
    """A first apply creates everything, a second finds all unchanged, a third updates what was
    changed, and serves it.
    """
    with function_compute:
        url = function_compute.url

        planned = _apply(url, "--dry-run")
        assert (planned.returncode, actions(planned.stdout)) == (0, {"create"})
        first = _apply(url)
        assert (first.returncode, actions(first.stdout)) == (0, {"create"}), first.stderr
        assert "alias live serves version 1" in first.stdout
        second = _apply(url)
        assert (second.returncode, actions(second.stdout)) == (0, {"unchanged"})
        third = _apply(url, "--parameters", "LogLevel=ERROR", *THREE)
        assert actions(third.stdout) == {"unchanged", "update"}
        assert "update     function      http-function       environmentVariables" in third.stdout
        assert "alias live serves version 2" in third.stdout


def test_dry_run_changes_nothing(function_compute: FunctionCompute) -> None:
    """A plan is only printed."""
    with function_compute:
        _apply(function_compute.url, "--dry-run")

        assert "create" in _apply(function_compute.url, "--dry-run").stdout


def test_a_half_failed_apply_does_not_serve(function_compute: FunctionCompute) -> None:
    """What fails on the way leaves the alias on the version that served, and names the resource and
    the version.
    """
    with function_compute, Unreliable(function_compute.port, status=400) as unreliable:
        url = function_compute.url
        _apply(url)
        unreliable.fails = 4  # two functions, the version, and this

        failed = _apply(unreliable.url, "--parameters", "LogLevel=ERROR", "AsyncRetryAttempts=8")

        assert failed.returncode == 1
        assert "async config of contact-groups.live/event-function" in failed.stderr
        assert "version 1 still serves" in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
        back = deploy(url, "rollback")
        assert "version 1 serves" in back.stderr
        mended = _apply(url, "--parameters", "LogLevel=ERROR")
        assert "alias live serves version 2" in mended.stdout


def test_triggers_follow_the_parameters(function_compute: FunctionCompute) -> None:
    """A trigger whose source changes is made anew, since the API cannot move it; one whose source
    is emptied is deleted.
    """
    with function_compute:
        url = function_compute.url
        role = f"TriggerRole={ROLE}"
        _apply(url, "--parameters", "MnsTopic=old", "TimerPayload={}", role)

        moved = _apply(url, "--parameters", "MnsTopic=new", "TimerPayload={}", role)

        assert "update trigger event-function/topic sourceArn" in " ".join(moved.stdout.split())
        settled = _apply(url, "--parameters", "MnsTopic=new", "TimerPayload={}", role)
        assert actions(settled.stdout) == {"unchanged"}
        emptied = _apply(url, "--yes", "--parameters", "MnsTopic=new", role)
        assert "delete trigger event-function/daily" in emptied.stdout
        assert (
            "no trigger event-function/daily: the condition TimerPayloadIsSet does not hold"
            in emptied.stdout
        )
        again = _apply(url, "--parameters", "MnsTopic=new", role)
        assert actions(again.stdout) == {"unchanged"}


def test_rollback_moves_the_alias_back_and_says_so(function_compute: FunctionCompute) -> None:
    """The version before serves again; a version that there is not is refused."""
    with function_compute:
        url = function_compute.url
        assert "nothing was deployed yet" in deploy(url, "rollback").stderr
        _apply(url)
        _apply(url, "--parameters", "LogLevel=ERROR")

        assert deploy(url, "rollback").stdout == "alias live serves version 1, before it was 2\n"
        assert (
            deploy(url, "rollback", "--to", "2").stdout
            == "alias live serves version 2, before it was 1\n"
        )
        assert "has no version 9; it has 2, 1" in deploy(url, "rollback", "--to", "9").stderr


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["apply"], "--role-arn", 2),
        (
            ["apply", "--role-arn", ROLE, "--parameters", "Colour=blue"],
            "parameter Colour is unknown",
            2,
        ),
        (["apply", "--role-arn", ROLE, "--parameters", "LogLevel"], "NAME=VALUE", 2),
        (
            ["apply", "--role-arn", ROLE, "--parameters", "LogLevel=LOUD"],
            "parameter LogLevel is 'LOUD'",
            2,
        ),
        (
            ["apply", "--role-arn", ROLE, "--parameters", "HttpMaxInstances=many"],
            "must be a number",
            2,
        ),
        (["apply", "--role-arn", ROLE, "--parameters", "MnsTopic=t"], "TriggerRole", 2),
        (
            [
                "apply",
                "--role-arn",
                ROLE,
                "--parameters",
                "CloudMonitorEndpoint=http://example.com",
            ],
            "CLOUDMONITOR_ENDPOINT",
            2,
        ),
        (
            ["apply", "--role-arn", ROLE, "--parameters", "FailureQueue=a/b"],
            "parameter FailureQueue",
            2,
        ),
        (["apply", "--role-arn", ROLE, "--template", "none.yml"], "none.yml cannot be read", 2),
        (["apply", "--role-arn", ROLE, "--template", "README.md"], "README.md is no template", 2),
        (["apply", "--role-arn", ROLE, "--package", "none.zip"], "none.zip does not exist", 2),
        (["invoke", "http-function"], "--path", 2),
        (["invoke", "http-function", "--path", "v1"], "must begin with a slash", 2),
        (["invoke", "http-function", "--path", "/v1", "--header", "x"], "name: value", 2),
        (["invoke", "event-function", "none.json"], "none.json cannot be read", 2),
        (["invoke", "no-function", "events/payload.json"], "FunctionNotFound", 1),
        (["fly"], "usage:", 2),
    ],
)
def test_wrong_use_is_told_in_one_line(
    cloud: LocalCloud, arguments: list[str], says: str, code: int
) -> None:
    """Each mistake is named, with what to do, an exit code and no traceback."""
    done = deploy(cloud.function_compute.url, *arguments)

    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_cannot_be_written_is_one_line(cloud: LocalCloud, tmp_path: Path) -> None:
    """A package that has no place to be written ends with one line that names the place."""
    (tmp_path / "file").touch()

    done = deploy("", "package", "--output", str(tmp_path / "file" / "function.zip"))

    assert done.returncode == 1
    assert done.stderr.startswith("deploy package: ")
    assert str(tmp_path / "file") in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_credentials_or_address(cloud: LocalCloud) -> None:
    """What is missing from the environment is named; a wrong secret is refused without
    being shown.
    """
    url = cloud.function_compute.url

    assert (
        "ALIBABA_CLOUD_ACCESS_KEY_ID"
        in deploy(url, "rollback", ALIBABA_CLOUD_ACCESS_KEY_ID="").stderr
    )
    assert "--endpoint" in deploy("", "rollback", ACCOUNT_ID="").stderr
    wrong = deploy(url, "rollback", ALIBABA_CLOUD_ACCESS_KEY_SECRET="not-the-secret")
    assert (wrong.returncode, "SignatureNotMatch" in wrong.stderr) == (1, True)
    assert "not-the-secret" not in wrong.stderr
    assert "authorization" not in wrong.stderr.lower()


def test_invoke_shows_status_headers_body_and_log(cloud: LocalCloud) -> None:
    """An HTTP call and an event show all there is to see, and exit by how they ended."""
    url = cloud.function_compute.url
    body = '{"contactGroupName": "invoked", "contactNames": ["a"], "describe": "d"}'

    done = deploy(url, "invoke", "http-function", "--path", "/v1/contact-groups", "--data", body)
    assert done.returncode == 0
    for part in (
        "200 OK",
        "X-Fc-Request-Id",
        '"contactGroupName": "invoked"',
        "log:",
        '"message": "request"',
    ):
        assert part in done.stdout
    encoded = deploy(
        url, "invoke", "http-function", "--path", "/v1/contact-groups?dryRun=tr%75e", "--data", body
    )
    assert (encoded.returncode, '"dryRun": true' in encoded.stdout) == (0, True)
    refused = deploy(
        url, "invoke", "http-function", "--path", "/v1/contact-groups?dryRun=maybe", "--data", body
    )
    assert (refused.returncode, "400" in refused.stdout) == (1, True)
    event = deploy(url, "invoke", "event-function", "events/payload.json")
    assert (event.returncode, '"verdict": "applied"' in event.stdout) == (0, True)
    background = deploy(url, "invoke", "event-function", "events/payload.json", "--async")
    assert (background.returncode, "accepted" in background.stdout) == (0, True)
    assert cloud.function_compute.wait_idle(30)


def test_role_prints_what_the_template_asks_for() -> None:
    """The commands that make the roles, with their documents; manifests only where there are
    any.
    """
    done = deploy("", "role")
    with_bucket = deploy("", "role", "--parameters", "ManifestBucket=rota")

    assert done.returncode == 0
    assert '"fc.aliyuncs.com"' in done.stdout
    assert '"cms:PutContactGroup"' in done.stdout
    assert "aliyun ram CreateRole" in done.stdout
    assert "oss:GetObject" not in done.stdout
    assert "acs:oss:*:*:rota/contact-groups/*" in with_bucket.stdout
    assert '"acs:mns:*:*:/queues/contact-groups-failed/messages"' in done.stdout


@pytest.mark.parametrize(
    ("parameters", "reads", "deletes"),
    [
        ((), True, False),
        (("ReadsEnabled=false",), False, False),
        (("DeletesEnabled=true",), True, True),
        (("ReadsEnabled=false", "DeletesEnabled=true"), False, True),
    ],
)
def test_role_prints_what_is_enabled(
    parameters: tuple[str, ...], reads: bool, deletes: bool
) -> None:
    """The rights to read and to delete are in the command that grants them exactly where they are
    enabled, which is told.
    """
    options = ("--parameters", *parameters) if parameters else ()
    printed = deploy("", "role", *options).stdout

    state = {True: "on", False: "off"}
    assert f"reads are\n# {state[reads]}, deletes {state[deletes]}" in printed
    assert printed.count('"cms:DescribeContactGroupList"') == reads
    assert printed.count('"cms:DeleteContactGroup"') == deletes
    assert printed.count('"cms:PutContactGroup"') == 1


def test_a_switch_that_is_neither_true_nor_false_is_refused() -> None:
    """A value that would leave a right undecided ends the command."""
    done = deploy("", "role", "--parameters", "DeletesEnabled=yes")

    assert (done.returncode, "DeletesEnabled" in done.stderr) == (2, True)


def test_package_tells_its_size(tmp_path: Path) -> None:
    """The size is printed, with what takes it."""
    done = deploy("", "package", "--output", str(tmp_path / "function.zip"))

    assert done.returncode == 0
    assert f"{(tmp_path / 'function.zip').stat().st_size:,} bytes" in done.stdout
    assert PACKAGE.exists()
