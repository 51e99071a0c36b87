"""A function's own host: plain HTTP, for curl."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from urllib.parse import unquote

from .server import FunctionCompute
from .wire import Listener, Request, Response

Pages = Callable[[str], "tuple[int, str, bytes] | None"]


class PlainPort:
    """Passes plain HTTP requests to one function, as a custom domain would
    (facts/function-compute.md §1.3); a context manager. Nothing needs to be signed, whatever the
    trigger says; the methods of the trigger hold.

    Args:
        function_compute: Where the function is deployed; it must be running before `serve`.
        service: Name of the service; empty for a function of 3.0.
        function: Name of the function.
        qualifier: Version or alias; empty for the latest.
        pages: Answers GET and HEAD of paths of its own, which then do not reach the function: from
            a decoded path to status, content type and body, or None for a path that is the
            function's.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Attributes:
        url: Where it listens.
        port: The port that it listens on.
    """

    def __init__(
        self,
        function_compute: FunctionCompute,
        service: str,
        function: str,
        qualifier: str = "",
        *,
        pages: Pages = lambda _: None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.url, self.port, self._host = "", port, host
        self._function_compute = function_compute
        self._names = service, function, qualifier
        self._pages = pages

    def __enter__(self) -> PlainPort:
        """Takes the port; callers wait until `serve`.

        Raises:
            CannotListen: The port is in use.
        """
        self._listener = Listener("the function", self._host, self.port, self._answer)
        self.url, self.port = self._listener.url, self._listener.port
        return self

    def serve(self) -> None:
        """Begins to answer."""
        self._listener.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _answer(self, request: Request) -> Response:
        found = self._pages(unquote(request.path)) if request.method in {"GET", "HEAD"} else None
        if found:
            status, content_type, body = found
            return Response(status, [("Content-Type", content_type)], body)
        return self._function_compute.answer_plain(request, *self._names)
