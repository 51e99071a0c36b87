"""An upstream that costs next to nothing: accepts every call at once, or after a delay, over
kept-alive raw sockets.

`python bench/stub.py [delay in ms [groups]]` prints its port and serves until its standard input
ends. It lists that many groups, the one that is asked for last: the most pages to read.
"""

from __future__ import annotations

import heapq
import json
import re
import selectors
import socket
import sys
import threading
import time
from typing import Any

BODY = (
    b'{"Code":"200","Message":"success","RequestId":"06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",'
    b'"Success":true}'
)
#: The headers that the gateway is known to send (facts/cloudmonitor.md §5).
_ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Mon, 02 Jan 2023 03:04:05 GMT\r\n"
    b"Content-Type: application/json;charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: keep-alive\r\n"
    b"Keep-Alive: timeout=25\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"x-acs-request-id: 06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83\r\n"
    b"x-acs-trace-id: 0123456789abcdef0123456789abcdef\r\n"
    b'ETag: "0123456789abcdef0123456789abcdef0"\r\n'
    b"\r\n%b"
)
ANSWER = _ANSWER % (len(BODY), BODY)
PAGE_SIZE = 100
_PAGE = re.compile(rb"PageNumber=(\d+)")


def _lists(groups: int) -> list[bytes]:
    """The answers to DescribeContactGroupList, page by page."""
    names = [f"group {number:04d}" for number in range(groups - 1)] + ["payments"]
    answers = []
    for first in range(0, groups, PAGE_SIZE):
        page = names[first : first + PAGE_SIZE]
        listed = [
            {
                "Name": name,
                "Describe": "On-call engineers of the payment service",
                "CreateTime": 1507070598000,
                "UpdateTime": 1589447759000,
                "EnabledWeeklyReport": True,
                "EnableSubscribed": False,
                "Contacts": {"Contact": ["Alice", "Bob", "Carol"]},
            }
            for name in page
        ]
        more = {
            "Total": groups,
            "ContactGroups": {"ContactGroup": page},
            "ContactGroupList": {"ContactGroup": listed},
        }
        body = json.dumps({**json.loads(BODY), **more}).encode()
        answers.append(_ANSWER % (len(body), body))
    return answers


class Stub:
    """Serves on a free port of 127.0.0.1 until it is closed; counts what it saw.

    Attributes:
        port: where it listens.
        connections: how many were opened so far.
        requests: how many were answered so far.
    """

    def __init__(self, delay: float = 0.0, groups: int = 1) -> None:
        """Args: delay: seconds from the end of a request to its answer; groups: how many it lists,
        `payments` as the last one.
        """
        self._delay = delay
        self._lists = _lists(groups)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests = 0
        self._stop, self._stopped = socket.socketpair()
        self._pending: list[tuple[float, int, socket.socket, bytes]] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Ends its thread and every connection."""
        self._stop.close()
        self._thread.join()
        self._stopped.close()

    def __enter__(self) -> Stub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(self._until_due()):
                    if key.fileobj is self._stopped:
                        _close_all(selector, self._stopped)
                        return
                    self._react(selector, key)
                self._answer_due()

    def _react(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            accepted, _ = self._listener.accept()
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            selector.register(accepted, selectors.EVENT_READ, bytearray())
            return
        connection: Any = key.fileobj
        received: bytearray = key.data
        try:
            data = connection.recv(262_144)
        except OSError:
            data = b""
        if not data:
            selector.unregister(connection)
            connection.close()
            return
        received += data
        while (end := _end_of_request(received)) is not None:
            answer = self._answer_to(received[:end])
            del received[:end]
            self.requests += 1
            if self._delay:
                heapq.heappush(
                    self._pending,
                    (time.monotonic() + self._delay, self.requests, connection, answer),
                )
            else:
                connection.sendall(answer)

    def _answer_to(self, sent: bytearray) -> bytes:
        if b"DescribeContactGroupList" not in sent:
            return ANSWER
        page = _PAGE.search(sent)
        return self._lists[int(page[1]) - 1 if page else 0]

    def _until_due(self) -> float | None:
        return max(self._pending[0][0] - time.monotonic(), 0.0) if self._pending else None

    def _answer_due(self) -> None:
        now = time.monotonic()
        while self._pending and self._pending[0][0] <= now:
            _, _, connection, answer = heapq.heappop(self._pending)
            if connection.fileno() >= 0:
                connection.sendall(answer)


def _end_of_request(received: bytearray) -> int | None:
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    end = head + 4
    for line in bytes(received[:head]).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            end += int(value)
    return end if len(received) >= end else None


def _close_all(selector: selectors.BaseSelector, stopped: socket.socket) -> None:
    for key in list(selector.get_map().values()):
        connection: Any = key.fileobj
        if connection is not stopped:
            connection.close()


if __name__ == "__main__":
    delay_ms, groups = (sys.argv[1:] + ["0", "1"][len(sys.argv) - 1 :])[:2]
    with Stub(float(delay_ms) / 1000, int(groups)) as stub:
        print(stub.port, flush=True)
        sys.stdin.read()
