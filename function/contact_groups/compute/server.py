"""The web server of a web function: waitress, with the limits of Function Compute and a graceful
end. docs/scale.md has the figures behind the choice.
"""

from __future__ import annotations

import io
import logging
import select
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask

from contact_groups import logs
from contact_groups.compute.web import CONTROL_PATH, INVOKE
from contact_groups.compute.wsgi import App
from contact_groups.problem_details import problem_response
from contact_groups.problems import BODY_TOO_LARGE, INTERNAL_ERROR, MALFORMED_REQUEST, Problem

#: The most requests at once that ROS and the API of 3.0 both allow for an instance
#: (facts/function-compute-3.md §B1). More wait for a thread.
CONCURRENCY_MAX = 100
#: Connections, idle ones included. Further ones wait in the backlog of the socket.
CONNECTIONS_MAX = 1_000
#: Seconds. The platform keeps idle connections for 15 minutes, and must not find one closed
#: (facts/function-compute.md §4.3).
IDLE_MAX = 16 * 60
#: Bytes. The platform passes on synchronous events of up to 32 MB (facts/function-compute.md §2.3);
#: chunks need a little more. A longer body ends the connection.
BODY_MAX = 33 * 1024 * 1024
#: Bytes of the body of an HTTP request that are kept. The application refuses it by its length at
#: half of that, so that no byte that it would read is missing.
KEPT_MAX = 512 * 1024
#: Bytes of the request line and all headers.
HEADERS_MAX = 64 * 1024
#: Seconds that an idle loop sleeps at most. A signal wakes it up.
_POLL = 1.0


class _Kept(io.BytesIO):
    """The buffer of a body. It keeps the beginning and counts the rest, so that the caller can send
    all of it and then reads why it was refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self._size = 0

    def append(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= KEPT_MAX:
            position = self.tell()
            self.seek(0, io.SEEK_END)
            self.write(data)
            self.seek(position)

    def __len__(self) -> int:
        return self._size

    def getfile(self) -> _Kept:
        return self


class _Adjustments(Adjustments):
    """The options of waitress, and whether `x-fc-*` headers are the platform's."""

    headers_trusted = False


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        line, _, headers = header_plus.partition(b"\r\n")
        # waitress refuses a target that is not ASCII, but a name may be sent as it is.
        line = quote(line, safe=bytes(range(128))).encode()
        try:
            super().parse_header(line + b"\r\n" + headers)
        except ValueError:
            raise ParsingError("the request target is no URL") from None
        self._refuse_ambiguous()
        if self.body_rcv is not None and not self._is_event():
            self.body_rcv.buf = _Kept()

    def _refuse_ambiguous(self) -> None:
        """Refuses what waitress lets pass, but another server may read as a different request (RFC
        9112, sections 3.2 and 6.3).
        """
        length, host = self.headers.get("CONTENT_LENGTH"), self.headers.get("HOST", "")
        if "TRANSFER_ENCODING" in self.headers:  # waitress takes out the one that it obeys
            raise ParsingError("HTTP/1.0 has no Transfer-Encoding")
        if self.chunked and length is not None:
            raise ParsingError("Content-Length and Transfer-Encoding are both there")
        if self.version == "1.1" and (not host or "," in host):
            raise ParsingError("there must be one Host")

    def _is_event(self) -> bool:
        return (
            self.adj.headers_trusted
            and self.headers.get(CONTROL_PATH) == INVOKE == self.request_uri
        )


class _Task(WSGITask):
    def build_response_header(self) -> bytes:
        if self.channel.server.stopping:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _ErrorTask(ErrorTask):
    """What waitress itself refuses, as a problem like any other."""

    def execute(self) -> None:
        problem = _problem(self.request.error)
        logs.write(
            logging.INFO,
            "request",
            status=problem.type.status,
            problem=problem.type.slug,
            detail=problem.detail,
        )
        status, headers, body = problem_response(problem, None, None)
        self.status = f"{status} {problem.type.title}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def _problem(error: Any) -> Problem:
    if error.code == 413:
        return Problem(BODY_TOO_LARGE, f"The body must be under {BODY_MAX:,} bytes.")
    if error.code == 500:
        return Problem(INTERNAL_ERROR, "The function failed; its log says why.")
    return Problem(MALFORMED_REQUEST, f"The request is not valid HTTP/1.1: {error.body}.")


class _Channel(HTTPChannel):
    parser_class = _Parser
    task_class = _Task
    error_task_class = _ErrorTask

    @property
    def busy(self) -> bool:
        """Whether a request has begun to arrive, is being answered, or its answer is being sent."""
        begun = self.request is not None and (self.request.header_plus or self.request.headers)
        return bool(self.requests or self.total_outbufs_len or begun)


class Server(TcpWSGIServer):
    """The server: `run` answers until `stop`."""

    channel_class = _Channel
    stopping = False

    def __init__(
        self, app: App, listener: socket.socket, *, headers_trusted: bool, end_max: float
    ) -> None:
        """Args:
        app: a WSGI application.
        listener: where to listen; the server closes it.
        headers_trusted: as for `web.Web`.
        end_max: seconds that requests have to finish after `stop`.
        """
        logging.getLogger("waitress").handlers = [_Log()]
        logging.getLogger("waitress.queue").disabled = True  # waiting for a thread is no fault
        self._end_max = end_max
        adjustments = _Adjustments(
            sockets=[listener],
            threads=CONCURRENCY_MAX,
            connection_limit=CONNECTIONS_MAX,
            channel_timeout=IDLE_MAX,
            max_request_header_size=HEADERS_MAX,
            max_request_body_size=BODY_MAX,
            inbuf_overflow=BODY_MAX,  # no temporary files
            recv_bytes=64 * 1024,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # they mean nothing to the application
            ident=None,
        )
        adjustments.headers_trusted = headers_trusted
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(app, adj=adjustments, _sock=listener, sockinfo=address, bind_socket=False)

    def run(self) -> None:
        """Answers requests. Returns after `stop`, when what was accepted is answered, or `end_max`
        seconds later.
        """
        while not self.stopping:
            self._poll(_POLL)
        end = time.monotonic() + self._end_max
        while select.select([self.socket], [], [], 0)[0]:
            self.handle_accept()  # what waits in the backlog
        self.accepting = False
        self.del_channel()
        self.socket.close()
        self._poll(0)  # reads what they have sent
        while time.monotonic() < end and self._close_idle():
            self._poll(_POLL / 10)
        self.task_dispatcher.shutdown(timeout=1)
        if not self.task_dispatcher.threads:  # a thread would write to what has been closed
            self.trigger.close()

    def stop(self, *_signal: Any) -> None:
        """Makes `run` end; a handler of signals."""
        self.stopping = True
        self.pull_trigger()

    def _poll(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, map=self._map, use_poll=True, count=1)

    def _close_idle(self) -> int:
        """Closes the connections without a request; returns how many others there are."""
        for channel in list(self.active_channels.values()):
            if not channel.busy:
                channel.handle_close()
        return len(self.active_channels)


class _Log(logging.Handler):
    """What waitress logs, as lines of our log."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        fields: Mapping[str, Any] = logs.describe_exception(error) if error else {}
        logs.write(record.levelno, "web server", detail=record.getMessage(), **fields)
