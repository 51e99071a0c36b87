"""The process of a custom runtime."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


class ServerProcess:
    """A started program with everything that it starts, which ends with the platform.

    Args:
        command: The program with its arguments.
        folder: Where it starts.
        environment: Its environment, complete.
        log: File that its output is added to.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self._lock = threading.Lock()
        self._memory_mb = 0.0
        self._failed = ""
        self._process: subprocess.Popen[bytes] | None = None
        reading, self._lifeline = os.pipe()
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603  (the command is the function's)
                    command,
                    executable=_find(command[0], folder, environment),
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[reading],
                    start_new_session=True,  # Ctrl-C is for the platform, which ends its instances
                )
            _end_with_lifeline(reading, self._process.pid)
        except OSError as error:
            self._failed = f"{command[0]}: {error.strerror or error}"
            os.close(self._lifeline)
        finally:
            os.close(reading)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> str:
        """How it ended, for people."""
        if self._process is None:
            return self._failed
        code = self._process.poll()
        if code is not None and code < 0:
            return f"signal {-code}"
        return f"exit code {code}"

    @property
    def memory_mb(self) -> float:
        """The most that it has used, as far as that is known."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self._memory_mb = int(line.split()[1]) / 1024
        return self._memory_mb

    def wait(self, seconds: float) -> bool:
        """Waits for its end; returns whether that came."""
        if self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
        return True

    def kill(self) -> None:
        """Ends it at once, with everything that it started."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._close()

    def terminate(self, grace_seconds: float) -> None:
        """SIGTERM; SIGKILL where it still runs after a while."""
        if self.alive and self._process is not None:
            self._process.terminate()
            self.wait(grace_seconds)
        self.kill()

    def _close(self) -> None:
        """Ends what the program has started and left behind."""
        with self._lock:
            lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def _find(program: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The program as a shell finds it: by the PATH of the function, not of the platform."""
    if "/" in program:
        return str(folder / program)
    for entry in environment.get("PATH", "").split(":"):
        path = folder / entry / program
        if entry and path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(2, f"not found in PATH={environment.get('PATH', '')}")


def _end_with_lifeline(reading: int, process: int) -> None:
    """Has the system end a process group when the platform is gone, whatever that is doing.

    The child inherits the reading end of a pipe that nobody writes to. Its end is a SIGIO, which
    ends a process that does not handle it. Flags and owner belong to the pipe, so the platform
    can set them.
    """
    fcntl.fcntl(reading, fcntl.F_SETOWN, -process)
    fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)
