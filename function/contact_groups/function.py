"""What Function Compute calls: one object per process. It makes each part at its first use, and
none at import.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from contact_groups import logs
from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client, Unconfigured
from contact_groups.cloudmonitor.problems import MISCONFIGURED
from contact_groups.cloudmonitor.transport import NotSent, Pool
from contact_groups.compute.wsgi import App, Environ, Wsgi
from contact_groups.groups import Groups
from contact_groups.guard import Guard
from contact_groups.problems import Problem
from contact_groups.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from contact_groups.events.history import History

#: Seconds that opening the first connection may take, whatever the connect timeout is. It is half
#: of the initializer's timeout in template.yml; the imports have the other half.
WARM_UP_MAX = 5.0


class Function:
    """The parts of the function in one process: settings, one client with its connections, and one
    application.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Args: environment: environment variables, such as os.environ. Settings are read once,
        credentials for each request.
        """
        self._environment = environment
        self._process = logs.Process(environment)

    @cached_property
    def settings(self) -> Settings:
        """The settings. If one is wrong, every access raises SettingsError."""
        settings = read_settings(self._environment)
        logs.configure(settings.log_level)
        return settings

    @cached_property
    def pool(self) -> Pool:
        """The connections to CloudMonitor."""
        settings = self.settings
        return Pool(
            settings.endpoint,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )

    @cached_property
    def groups(self) -> Groups:
        """What can be done with contact groups."""
        settings = self.settings
        client = Client(
            settings.endpoint,
            self.pool,
            SIGNERS[settings.signature],
            max_attempts=settings.max_attempts,
            calls_per_second=settings.calls_per_second,
        )
        return Groups(
            client,
            reads=settings.reads,
            deletes=settings.deletes,
            pages_max=settings.read_pages_max,
            guard=Guard(settings.access_policy, settings.identify, full=settings.audit_full),
        )

    @cached_property
    def application(self) -> Wsgi:
        """The HTTP application."""
        settings = self.settings
        app = create_app(
            self.groups, settings.time_limit, self._environment, docs_url=settings.docs_url
        )
        return Wsgi(app, page=settings.problems_page, process=self._process)

    @cached_property
    def history(self) -> History:
        """What this process remembers of applied events."""
        from contact_groups.events.history import History

        return History()

    def prepare(self) -> None:
        """Makes every part now, for a server whose threads would otherwise make some of them twice:
        since Python 3.12, cached_property has no lock.

        Raises:
            SettingsError: a setting is wrong.
        """
        _ = self.application, self.history

    def initializer(self, context: Any) -> None:
        """Makes the application and one connection ready before the first request.

        Never raises. After a failed initializer, the platform answers every request with an error
        that says nothing (facts/function-compute.md §1.11). The handler's own response names the
        wrong setting.
        """
        try:
            _ = self.application
            self.pool.warm(time.monotonic() + WARM_UP_MAX)
        except (SettingsError, NotSent) as error:
            logs.write(logging.WARNING, "initializer", detail=str(error))

    def handler(self, request: Any, second: Any) -> Any:
        """Serves both kinds of function; the second argument says which it is
        (facts/function-compute.md §1.1).

        Args:
            request: a WSGI environ, or an event as bytes.
            second: start_response, or the context.

        Returns:
            The WSGI body, or the event's result.
        """
        if callable(second):
            return self._answering()(request, second)
        return self._event(request, second, from_trigger=True)

    def event_handler(self, event: bytes, context: Any) -> dict[str, Any]:
        """The event function: HTTP requests that come as events, and every event source.

        Raises:
            SettingsError: a setting is wrong.
            EventFailed: the platform shall try the event again.
        """
        return self._event(event, context, from_trigger=False)

    def _event(self, event: bytes, context: Any, *, from_trigger: bool) -> dict[str, Any]:
        """Args: from_trigger: whether HTTP requests come from an HTTP trigger or API Gateway alone.
        Whoever may invoke an event function can write an event that looks like one.
        """
        # Imported late: the HTTP function uses none of it.
        from contact_groups.compute.http_events import HttpShape
        from contact_groups.events import dispatcher, payload_log
        from contact_groups.events import handler as events

        value = dispatcher.read(event)
        source = dispatcher.claim(value)
        if isinstance(source, HttpShape):
            return source.answer(self._answering(), value, context, from_trigger=from_trigger)
        try:
            groups, settings = self.groups, self.settings
        except SettingsError as error:
            problem = Problem(MISCONFIGURED, str(error))
            request_id = getattr(context, "request_id", None)
            payload_log.write_unhandled(event, value, problem, request_id)
            raise
        return events.handle(
            source,
            value,
            context,
            groups,
            settings,
            event=event,
            history=self.history,
            environment=self._environment,
            about=self._process.fields(),
        )

    def _answering(self) -> Wsgi:
        try:
            return self.application
        except SettingsError as error:
            problem = Problem(MISCONFIGURED, str(error), outcome="not-applied")
            return Wsgi(_refusing(problem, self._environment), process=self._process)


def _refusing(problem: Problem, environment: Mapping[str, str]) -> App:
    """An application that answers every request with this problem.

    It reads and validates a write first: the log then keeps the group of one that may be right, as
    it does of every write that fails.
    """
    writes = create_app(Groups(Unconfigured(problem), reads=True), 0.0, environment)

    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in {"PUT", "POST"}:
            return writes(environ, start_response)
        raise problem

    return app
