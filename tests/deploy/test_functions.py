"""`./bin/deploy --platform 3.0` against the local Function Compute, through the unmodified SDK."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.package import TARGETS, build
from local.cloud import ACCESS_KEY, ROLE, ROOT
from local.function_compute import FunctionCompute
from tests.deploy.support import actions, deploy
from tests.deploy.unreliable import Unreliable

TRIGGERS = (
    "TIMER_PAYLOAD={}",
    "MNS_TOPIC=old",
    "MANIFEST_BUCKET=rota",
    'EVENT_PATTERN={"source": ["my.app"]}',
    f"TRIGGER_ROLE_ARN={ROLE}",
)
#: Changes that an update of the function and its triggers makes.
CHANGED = ("LOG_LEVEL=ERROR", "MNS_TOPIC=new", "TIMER_PAYLOAD=[]", "MANIFEST_BUCKET=rota")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that is never run, since a small one is deployed faster."""
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
def run(
    function_compute: FunctionCompute,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runner:
    """Runs commands in this process, which is faster."""
    return Runner(function_compute.url, tiny, monkeypatch, capsys)


class Runner:
    """The command line.

    Attributes:
        err: what the last command wrote to stderr.
        code: its exit code.
    """

    def __init__(
        self,
        url: str,
        package: Path,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._package = package
        self._capsys = capsys
        self._patch = patch
        self.err = ""
        self.code = 0
        for name, value in {**ACCESS_KEY, "ACCOUNT_ID": "1234567890123456"}.items():
            patch.setenv(name, value)
        patch.setenv("SERVICE_ROLE_ARN", ROLE)
        patch.chdir(ROOT)
        self.at(url)

    def at(self, url: str) -> None:
        """Takes another endpoint."""
        self._patch.setenv("FUNCTION_COMPUTE_ENDPOINT", url)

    def __call__(self, *arguments: str) -> str:
        """Runs one command; returns what it printed."""
        command, *rest = arguments
        if command == "apply" and "--package" not in rest:
            rest = ["--package", str(self._package), *rest]
        self.code = main([command, "--platform", "3.0", *rest])
        printed = self._capsys.readouterr()
        self.err = printed.err
        return printed.out


def test_apply_creates_then_changes_nothing_then_only_what_differs(
    function_compute: FunctionCompute, tiny: Path
) -> None:
    """A first apply creates everything, a second finds all unchanged, a third updates what was
    changed, and serves it; s.yaml alone says that it is 3.0.
    """

    def apply(*arguments: str) -> str:
        options = ("--template", "s.yaml", "--role-arn", ROLE, "--package", str(tiny))
        done = deploy(function_compute.url, "apply", *options, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert actions(apply("--dry-run")) == {"create"}
    first = apply()
    assert actions(first) == {"create"}
    assert "alias live serves version 1\n" in first
    assert "it is called at http://127.0.0.1:" in first
    second = apply()
    assert actions(second) == {"unchanged"}
    assert "alias live serves version 1, as before" in second
    third = apply("--parameters", "LOG_LEVEL=ERROR")
    assert actions(third) == {"unchanged", "update"}
    assert "update     function      contact-groups       environmentVariables" in third
    assert "alias live serves version 2" in third


def test_parameters_come_from_the_environment_too(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parameter may be an environment variable, as for `s`; one that is given goes first."""
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    run("apply")

    assert actions(run("apply", "--parameters", "LOG_LEVEL=ERROR")) == {"unchanged"}
    assert "update" in actions(run("apply", "--parameters", "LOG_LEVEL=DEBUG"))


def test_a_variable_that_goes_is_an_update(run: Runner, tmp_path: Path) -> None:
    """A variable that the function has and the file no longer names is taken away."""
    text = (ROOT / "s.yaml").read_text()
    earlier = tmp_path / "s.yaml"
    earlier.write_text(text.replace("PYTHONPATH: /code", "PYTHONPATH: /code\n        OLD: '1'"))
    run("apply", "--template", str(earlier))

    assert "update     function      contact-groups       environmentVariables" in run("apply")
    assert actions(run("apply")) == {"unchanged"}


def test_dry_run_changes_nothing(run: Runner) -> None:
    """A plan is only printed."""
    run("apply", "--dry-run")

    assert actions(run("apply", "--dry-run")) == {"create"}


def test_triggers_follow_the_parameters(run: Runner) -> None:
    """A trigger whose source changes is made anew, since the API cannot move it; one whose
    parameter is emptied is deleted.
    """
    first = run("apply", "--parameters", *TRIGGERS)
    assert first.count("create trigger") == 5
    assert actions(run("apply", "--parameters", *TRIGGERS)) == {"unchanged"}

    moved = run("apply", "--parameters", *TRIGGERS, "MNS_TOPIC=new", 'EVENT_PATTERN={"a": ["b"]}')

    text = " ".join(moved.split())
    assert "update trigger contact-groups/topic sourceArn" in text
    assert "update trigger contact-groups/eventbridge triggerConfig" in text
    assert "as before" in moved
    emptied = run("apply", "--yes", "--parameters", *TRIGGERS, "MNS_TOPIC=", "EVENT_PATTERN=")
    assert "delete trigger contact-groups/topic" in emptied
    assert "no trigger contact-groups/topic: MNS_TOPIC is empty" in emptied
    again = run("apply", "--parameters", *TRIGGERS, "MNS_TOPIC=", "EVENT_PATTERN=")
    assert actions(again) == {"unchanged"}


def test_a_trigger_that_cannot_be_updated_is_made_anew(
    run: Runner, function_compute: FunctionCompute
) -> None:
    """An MNS trigger whose role changes is deleted and created, since Serverless Devs does not
    update one either (facts/function-compute-3.md §B5); one of OSS is updated.
    """
    run("apply", "--parameters", *TRIGGERS)
    with Unreliable(function_compute.port) as watched:
        run.at(watched.url)

        run("apply", "--parameters", *TRIGGERS, f"TRIGGER_ROLE_ARN={ROLE}-2")

        triggers = "/2023-03-30/functions/contact-groups/triggers"
        assert watched.changes == [
            f"DELETE {triggers}/topic",
            f"POST {triggers}",
            f"PUT {triggers}/manifests",
        ]


def test_rollback_moves_the_alias_back_and_says_so(run: Runner) -> None:
    """The version before serves again; a version that there is not is refused; the next apply
    serves what it was told.
    """
    run("rollback")
    assert "nothing was deployed yet" in run.err
    run("apply")
    run("apply", "--parameters", "LOG_LEVEL=ERROR")

    assert run("rollback") == "alias live serves version 1, before it was 2\n"
    run("rollback")
    assert "version 1 serves, and there is none before it" in run.err
    run("rollback", "--to", "9")
    assert "has no version 9; it has 2, 1" in run.err
    assert "alias live serves version 2\n" in run("apply", "--parameters", "LOG_LEVEL=ERROR")
    assert run("rollback", "--to", "1") == "alias live serves version 1, before it was 2\n"


def test_whatever_call_fails_the_old_version_serves(
    run: Runner, function_compute: FunctionCompute
) -> None:
    """Each call of an update fails once, and each time the alias stays on the version that served,
    the error is one line that names the resource, and the next apply completes it.
    """
    with Unreliable(function_compute.port) as unreliable:
        run("apply", "--parameters", *TRIGGERS)
        run.at(unreliable.url)
        run("apply", "--parameters", *TRIGGERS, *CHANGED)
        calls = len(unreliable.changes)
        assert unreliable.changes[-1].endswith("/aliases/live")
        assert calls >= 5  # the function, a version, two triggers of which one is made anew
        for number in range(1, calls + 1):
            level = f"LOG_LEVEL={'INFO' if number % 2 else 'ERROR'}"
            before = run("rollback", "--to", "1")
            changes = (level, f"TIMER_PAYLOAD={number}", f"MNS_TOPIC=topic-{number}")
            options = ("--parameters", *TRIGGERS, *changes)
            unreliable.changes, unreliable.fails = [], number

            run("apply", *options)

            failed, unreliable.fails = unreliable.changes, 0
            assert "serves version 1" in before
            assert len(failed) == number, failed
            assert (run.code, len(run.err.splitlines())) == (1, 1)
            assert "contact-groups" in run.err
            assert "this call fails (HTTP 500); version 1 still serves" in run.err
            run("rollback")
            assert "version 1 serves, and there is none before it" in run.err
            assert "alias live serves version" in run("apply", *options)
            assert run.code == 0


def test_whatever_call_of_the_first_apply_fails_it_can_be_completed(
    tmp_path: Path, run: Runner, function_compute: FunctionCompute
) -> None:
    """Each call of a first apply fails once, and each time the next apply completes it; there is
    no alias before there is a version of the whole function.
    """
    text = (ROOT / "s.yaml").read_text()
    template, calls, number = tmp_path / "s.yaml", 1, 0
    with Unreliable(function_compute.port) as unreliable:
        run.at(unreliable.url)
        while number < calls:
            number += 1
            name = f"functionName: contact-groups-{number}"
            template.write_text(text.replace("functionName: contact-groups", name))
            options = ("--template", str(template), "--parameters", *TRIGGERS)
            unreliable.changes, unreliable.fails = [], number
            run("apply", *options)
            assert (run.code, len(run.err.splitlines())) == (1, 1), number
            unreliable.fails = 0

            completed = run("apply", *options)

            assert "alias live serves version 1" in completed
            calls = len(unreliable.changes) - 1
            paths = [change.rpartition("/")[2] for change in unreliable.changes]
            assert paths.index("versions") < paths.index("aliases") < paths.index("triggers")
    assert actions(run("apply", *options)) == {"unchanged"}
    assert calls == 10


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["apply", "--parameters", "Colour=blue"], "parameter Colour is unknown; s.yaml has", 2),
        (["apply", "--parameters", "REGION=x"], "parameter REGION is unknown", 2),
        (["apply", "--parameters", "LOG_LEVEL"], "NAME=VALUE", 2),
        (["apply", "--parameters", "LOG_LEVEL=LOUD"], "LOG_LEVEL", 2),
        (["apply", "--parameters", "MNS_TOPIC=t"], "TRIGGER_ROLE_ARN", 2),
        (["apply", "--template", "template.yml"], "template.yml is for 2.0, not for 3.0", 2),
        (["apply", "--template", "none.yml"], "none.yml cannot be read", 2),
        (["apply", "--package", "none.zip"], "none.zip does not exist", 2),
        (["apply", "--role-arn", ""], "--role-arn", 2),
        (["apply", "--endpoint", "here"], "'here' is no URL", 2),
        (["apply", "--endpoint", "http://127.0.0.1:9"], "cannot be reached", 1),
        (["invoke", "contact-groups"], "--path", 2),
        (["invoke", "contact-groups", "none.json"], "none.json cannot be read", 2),
        (["invoke", "no-function", "events/payload.json"], "FunctionNotFound", 1),
        (["invoke", "no-function", "--path", "/"], "FunctionNotFound", 1),
        (["rollback", "--service", "other"], "function other has no alias live", 1),
    ],
)
def test_wrong_use_is_told_in_one_line(
    run: Runner, arguments: list[str], says: str, code: int
) -> None:
    """Each mistake is named, with what to do, an exit code and no traceback."""
    run(*arguments)

    assert (run.code, says in run.err) == (code, True), run.err
    assert len(run.err.splitlines()) == 1


def test_a_property_that_the_api_does_not_have_is_refused(run: Runner, tmp_path: Path) -> None:
    """What the SDK would leave out in silence is named, and nothing is deployed."""
    changed = tmp_path / "s.yaml"
    text = (ROOT / "s.yaml").read_text()
    changed.write_text(text.replace("port: 9000", "port: 9000, ports: [1]"))

    run("apply", "--template", str(changed))

    assert (run.code, "no property customRuntimeConfig.ports" in run.err) == (2, True)
    assert actions(run("apply", "--dry-run")) == {"create"}


def test_a_wrong_secret_is_refused_without_being_shown(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform refuses the signature; neither secret nor signature are printed."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret")

    run("rollback")

    assert (run.code, "SignatureNotMatch" in run.err or "Signature" in run.err) == (1, True)
    assert "not-the-secret" not in run.err
    assert "ACS3" not in run.err


def test_role_prints_what_s_yaml_asks_for(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of the function has the policy of its parameters, and needs no role to be
    printed.
    """
    monkeypatch.delenv("SERVICE_ROLE_ARN")

    printed = run("role", "--parameters", "DELETES_ENABLED=true", "MANIFEST_BUCKET=rota")

    assert "reads are\n# on, deletes on" in printed
    assert printed.count('"cms:DeleteContactGroup"') == 1
    assert "acs:oss:*:*:rota/contact-groups/*" in printed
    assert "oss:GetObject" not in run("role")
    run("role", "--parameters", "DELETES_ENABLED=yes")
    assert (run.code, "DeletesEnabled" in run.err) == (2, True)


def test_invoke_shows_status_headers_body_and_log(
    run: Runner, function_compute: FunctionCompute
) -> None:
    """An HTTP call and an event show all there is to see, and exit by how they ended."""
    package = ROOT / TARGETS["3.0"].output
    build(ROOT / "function", package, package.parent / "dependencies", "3.0")
    run("apply", "--package", str(package))
    body = '{"contactGroupName": "invoked", "contactNames": ["a"], "describe": "d"}'

    def put(query: str) -> str:
        path = f"/v1/contact-groups?dryRun={query}"
        return run("invoke", "contact-groups", "--path", path, "--data", body)

    done = put("tr%75e")
    assert (run.code, run.err) == (0, "")
    for part in ("200 OK", "X-Fc-Request-Id", '"contactGroupName": "invoked"'):
        assert part in done
    assert "400 Bad Request" in put("may+be")
    assert run.code == 1
    rejected = run("invoke", "contact-groups", "events/unclaimed.json")
    assert (run.code, "1 of 1 items was not applied" in run.err) == (1, True)
    for part in ("done\n", "x-fc-request-id", '"rejected": 1', "log:", '"message": "event"'):
        assert part in rejected
    failed = run("invoke", "contact-groups", "events/payload.json")
    assert (run.code, "the function failed\n" in failed) == (1, True)
    background = run("invoke", "contact-groups", "events/unclaimed.json", "--async")
    assert (run.code, "accepted" in background) == (0, True)
    assert function_compute.wait_idle(30)
