"""The addresses of HTTP triggers of 3.0: each has a host of its own there, and a port here."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .wire import CannotListen, Listener, Request, Response

#: Answers a request to a trigger: the request, the function, the name of the trigger.
Answer = Callable[[Request, str, str], Response]


class Hosts:
    """The addresses that are open, for use by several threads.

    Args:
        host: Address to listen on.
        answer: Answers their requests.
    """

    def __init__(self, host: str, answer: Answer) -> None:
        self._host = host
        self._answer = answer
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Listener] = {}

    def open(self, function: str, trigger: str, port: int = 0) -> int:
        """Opens the address of a trigger.

        Args:
            function: Its function.
            trigger: Its name.
            port: The port that it had; 0, and one that is in use, mean another.

        Returns:
            The port.
        """

        def answer(request: Request) -> Response:
            return self._answer(request, function, trigger)

        what = f"the trigger {trigger} of {function}"
        try:
            listener = Listener(what, self._host, port, answer)
        except CannotListen:
            listener = Listener(what, self._host, 0, answer)
        with self._lock:
            self._open[function, trigger] = listener
        listener.start()
        return listener.port

    def url(self, function: str, trigger: str) -> str:
        """The address of a trigger, empty where it is closed."""
        with self._lock:
            listener = self._open.get((function, trigger))
        return listener.url if listener else ""

    def close(self, function: str, trigger: str) -> None:
        """Closes the address of a trigger, once the requests that it has are answered."""
        with self._lock:
            listener = self._open.pop((function, trigger), None)
        if listener:
            listener.close()

    def close_all(self) -> None:
        """Closes every address."""
        for function, trigger in list(self._open):
            self.close(function, trigger)
