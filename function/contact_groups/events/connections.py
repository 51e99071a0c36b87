"""The open connections of a fetch, so that another thread can shut them."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any


class Connections:
    """A context. At its end it shuts every open connection, and every later one at once."""

    def __init__(self) -> None:
        self._opened: list[socket.socket] = []
        self._lock = threading.Lock()
        self._shut = False

    def watch(self, manager: Any, scheme: str) -> None:
        """Adds the connections that a pool manager will open.

        Args:
            manager: a PoolManager of urllib3 1.26 (facts/function-compute.md §4.5) or 2.
            scheme: http or https.
        """
        pool = manager.pool_classes_by_scheme[scheme]
        add = self._add

        class Connection(pool.ConnectionCls):  # type: ignore[misc, name-defined]  # of either version
            def _new_conn(self) -> Any:
                opened = super()._new_conn()
                add(opened.dup())  # a copy, since TLS takes over the socket
                return opened

        manager.pool_classes_by_scheme = {
            **manager.pool_classes_by_scheme,
            scheme: type("Pool", (pool,), {"ConnectionCls": Connection}),
        }

    def _add(self, opened: socket.socket) -> None:
        with self._lock:
            self._opened.append(opened)
            if self._shut:
                self._close()

    def _close(self) -> None:
        while self._opened:
            with (
                self._opened.pop() as opened,
                contextlib.suppress(OSError),
            ):  # the server closed it first
                opened.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._shut = True
            self._close()
