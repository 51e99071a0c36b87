"""What Function Compute calls: the application is made once a process, and never at import."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from contact_groups import logs
from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import CloudMonitor
from contact_groups.cloudmonitor.outcomes import MISCONFIGURED
from contact_groups.cloudmonitor.transport import NotSent, Pool
from contact_groups.compute.wsgi import Wsgi
from contact_groups.problems import Problem
from contact_groups.settings import Settings, SettingsError, read_settings


@cache
def _settings() -> Settings:
    settings = read_settings(os.environ)
    logs.configure(settings.log_level)
    return settings


@cache
def _pool() -> Pool:
    return Pool(_settings().endpoint)


@cache
def cloudmonitor() -> CloudMonitor:
    """The one client of this process, from the settings in the environment.

    Raises:
        SettingsError: a setting is wrong; not cached, so a mended environment is read anew.
    """
    settings = _settings()
    return CloudMonitor(
        settings.endpoint,
        _pool(),
        SIGNERS[settings.signature],
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        max_attempts=settings.max_attempts,
        calls_per_second=settings.calls_per_second,
    )


@cache
def _application() -> Wsgi:
    return Wsgi(create_app(cloudmonitor(), _settings().deadline))


def initializer(context: Any) -> None:  # noqa: ARG001 - the platform passes it
    """Makes the application and one connection ready before the first request.

    Never raises: a failed initializer would answer every request with a platform error that says nothing
    (facts/function-compute.md §1.11), while the handler's own answer names the setting that is wrong.
    """
    logs.configure("INFO")
    try:
        _application()
        _pool().warm(_settings().connect_timeout)
    except (SettingsError, NotSent) as error:
        logs.write(logging.WARNING, "initializer", detail=str(error))


def handler(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The HTTP function."""
    try:
        application = _application()
    except SettingsError as error:
        logs.configure("INFO")
        application = Wsgi(_refuse_all(str(error)))
    return application(environ, start_response)


def _refuse_all(detail: str) -> Any:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        logs.note(problem=MISCONFIGURED.type.slug, detail=detail, level=logging.ERROR)
        context_id = getattr(environ.get("fc.context"), "request_id", None)
        problem = Problem(MISCONFIGURED.type, detail, outcome="not-applied")
        status, headers, body = problem.response(None, context_id)
        start_response(f"{status} {problem.type.title}", list(headers.items()))
        return [body]

    return app
