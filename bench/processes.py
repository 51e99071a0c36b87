"""Workers and the stub upstream as processes, ended with their `with`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).parent


@contextlib.contextmanager
def stub(delay_ms: int = 0, groups: int = 1) -> Iterator[int]:
    """The upstream, which lists so many groups; gives its port."""
    command = [sys.executable, str(HERE / "stub.py"), str(delay_ms), str(groups)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


class Worker:
    """One variant in one fresh process.

    Attributes:
        cold: its cold start, as worker.py tells it.
    """

    def __init__(
        self,
        interpreter: str,
        path: Sequence[Path],
        module: str,
        port: int,
        log: TextIO,
        *,
        pyc: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Starts it, which takes as long as its cold start.

        Args:
            interpreter: which Python.
            path: the folders it imports from.
            module: what it imports, see worker.py.
            port: the upstream's.
            log: where its standard output goes, since each request of ours writes a line.
            pyc: whether it may write compiled code.
            settings: more settings of ours.
        """
        reading, writing = os.pipe()
        flags = ["-I", "-S"] if pyc else ["-I", "-S", "-B"]
        self._module = module
        self._process = subprocess.Popen(
            [
                interpreter,
                *flags,
                str(HERE / "worker.py"),
                os.pathsep.join(map(str, path)),
                module,
                str(writing),
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            pass_fds=[writing],
            env={**_environment(port), **(settings or {})},
            text=True,
        )
        os.close(writing)
        self._answers = os.fdopen(reading, encoding="ascii")
        self.cold: dict[str, float] = self._answer()

    def ask(self, command: str, *arguments: Any) -> Any:
        """Has the worker measure something; see worker.py."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(
                f"the worker of {self._module} ended early; what it wrote to standard error says"
                " why"
            )
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._process.communicate()


def _environment(port: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
        "UPSTREAM": f"127.0.0.1:{port}",
        "CLOUDMONITOR_ENDPOINT": f"http://127.0.0.1:{port}",
        # Out of the way: the account's 20 a second would be all there is to see.
        "CLOUDMONITOR_CALLS_PER_SECOND": "10000",
    }
