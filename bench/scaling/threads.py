"""Code that blocks, run by a loop of events: threads of which one runs at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Threads:
    """Code that blocks, inside the loop: one thread of all runs at a time, and hands over when it
    waits.
    """

    def __init__(self) -> None:
        self._loop_runs = _held_lock()
        self._idle: list[_Thread] = []
        self._failures: list[BaseException] = []

    def start(self, work: Callable[[], None]) -> None:
        """Runs `work` until it first waits; called by the loop."""
        thread = self._idle.pop() if self._idle else _Thread(self._ended)
        thread.work = work
        self._run(thread)

    def wait(self, arrange: Callable[[Callable[[Result], None]], None]) -> Result:
        """Waits in `work` until the loop calls what `arrange` was given, and returns what that was
        called with.
        """
        thread = threading.current_thread()
        assert isinstance(thread, _Thread)
        results: list[Result] = []

        def resume(result: Result) -> None:
            results.append(result)
            self._run(thread)

        arrange(resume)
        self._loop_runs.release()
        thread.turn.acquire()
        return results[0]

    def close(self) -> None:
        """Ends the threads; none may be waiting."""
        for thread in self._idle:
            thread.work = None
            thread.turn.release()
            thread.join()

    def _run(self, thread: _Thread) -> None:
        thread.turn.release()
        self._loop_runs.acquire()
        if self._failures:
            raise self._failures.pop()

    def _ended(self, thread: _Thread, failure: BaseException | None) -> None:
        if failure:
            self._failures.append(failure)
        self._idle.append(thread)
        self._loop_runs.release()


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class _Thread(threading.Thread):
    def __init__(self, ended: Callable[[_Thread, BaseException | None], None]) -> None:
        super().__init__(daemon=True)
        self.turn = _held_lock()
        self.work: Callable[[], None] | None = None
        self._ended = ended
        self.start()

    def run(self) -> None:
        while True:
            self.turn.acquire()
            if self.work is None:
                return
            failure = None
            try:
                self.work()
            except BaseException as error:  # raised again where the loop runs
                failure = error
            self._ended(self, failure)
