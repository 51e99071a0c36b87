"""The instances there are: one a function and qualifier, made when it is needed, replaced when it
is dead or outdated.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from .instance import AnyInstance, Instance, NeverSent, Outcome, Specification, exited
from .names import is_home
from .runtime.frames import Message
from .web_instance import WebInstance

#: AccessKey id, secret and security token.
Credentials = tuple[str, str, str]
NO_CREDENTIALS: Credentials = ("", "", "")
_STARTS = 3  # instances that may die under a request before it is given up


class _Place:
    """Where one instance of a specification runs; callers beyond its concurrency queue up."""

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.slots = threading.BoundedSemaphore(specification.concurrency)
        self.lock = threading.Lock()
        self.instance: AnyInstance | None = None
        self.users = 0


class Instances:
    """Runs requests.

    Args:
        python: The interpreter of the instances.
        logs: Folder of their output: one file a function.
    """

    def __init__(self, python: str, logs: Path) -> None:
        self._python = python
        self._logs = logs
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str, str], _Place] = {}
        self._outdated: set[_Place] = set()
        self._closed = False
        logs.mkdir(parents=True, exist_ok=True)

    def log(self, service: str, function: str) -> Path:
        """The file that the instances of a function write to."""
        name = function if is_home(service) else f"{service}.{function}"
        return self._logs / f"{quote(name, safe='')}.log"

    def run(
        self,
        specification: Specification,
        credentials: Callable[[], Credentials],
        context: Message,
        http: Message | None,
        body: bytes,
    ) -> Outcome:
        """Runs one request in an instance of that specification.

        Args:
            specification: What to run.
            credentials: Those of the role, asked for anew for each request.
            context: Members of the context, without the credentials.
            http: The HTTP request but for its body, or None for an event.
            body: The body, or the event.
        """
        place = self._enter(specification)
        try:
            with place.slots:
                key = credentials()
                for _ in range(_STARTS):
                    with contextlib.suppress(NeverSent):
                        return self._instance(place, key).invoke(
                            {**context, "credentials": key}, http, body
                        )
                return exited(0.0, 0.0)
        finally:
            self._leave(place)

    def kill(self, service: str, function: str) -> int:
        """Kills the instances of a function; returns how many there were."""
        with self._lock:
            places = [
                place for at, place in self._places.items() if (at[0], at[2]) == (service, function)
            ]
        return sum(_kill(place) for place in places)

    def close(self) -> None:
        """Ends every instance; no new one starts."""
        with self._lock:
            self._closed = True
            places = [*self._places.values(), *self._outdated]
        for place in places:
            _end(place)

    def _enter(self, specification: Specification) -> _Place:
        with self._lock:
            place = self._places.get(specification.place)
            if place is None or place.specification.revision != specification.revision:
                if place is not None:
                    self._outdated.add(place)
                    self._end_outdated()
                place = self._places[specification.place] = _Place(specification)
            place.users += 1
            return place

    def _leave(self, place: _Place) -> None:
        with self._lock:
            place.users -= 1
            self._end_outdated()

    def _end_outdated(self) -> None:
        """An instance of an older configuration ends when what it is doing is done."""
        for place in [place for place in self._outdated if not place.users]:
            self._outdated.remove(place)
            _end(place)

    def _instance(self, place: _Place, key: Credentials) -> AnyInstance:
        with place.lock:
            if place.instance is None or not place.instance.alive:
                if self._closed:
                    raise Closed
                if place.instance is not None:
                    place.instance.kill()
                specification = place.specification
                log = self.log(specification.service, specification.function)
                variables = _variables(key)
                if specification.web is None:
                    place.instance = Instance(specification, self._python, log, variables)
                else:
                    place.instance = WebInstance(specification, specification.web, log, variables)
            return place.instance


class Closed(Exception):
    """The platform ends: no instance starts any more."""


def _kill(place: _Place) -> int:
    with place.lock:
        if place.instance is None:
            return 0
        alive = place.instance.alive
        place.instance.kill()
        return int(alive)


def _end(place: _Place) -> None:
    with place.lock:
        if place.instance is not None:
            place.instance.end()


def _variables(key: Credentials) -> dict[str, str]:
    """The credentials as an instance finds them in its environment, where there are any."""
    if key == NO_CREDENTIALS:
        return {}
    names = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
    return {f"ALIBABA_CLOUD_{name}": value for name, value in zip(names, key, strict=True)}
