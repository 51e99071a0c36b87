"""Errors that end a command, with one line for its user and an exit code."""

from __future__ import annotations

from collections.abc import Iterator


class DeployError(Exception):
    """The command failed; the text names the resource, what is wrong with it, and what to do."""

    exit_code = 1


class UsageError(DeployError):
    """The command was used wrongly: a file, a parameter or a setting of the caller is wrong."""

    exit_code = 2


def cause(error: BaseException) -> str:
    """Why a connection failed, in the words of the system: the clients wrap it several times."""
    known = list(_inside(error, set()))
    system = next((one for one in known if type(one).__module__ in _SYSTEM), known[-1])
    text = getattr(system, "strerror", None) or str(system) or type(system).__name__
    return text.splitlines()[0][:200]


_SYSTEM = {"builtins", "socket", "ssl"}


def _inside(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    named = [getattr(error, name, None) for name in ("inner_exception", "reason")]
    for one in (*named, *error.args, error.__cause__, error.__context__):
        if isinstance(one, BaseException):
            yield from _inside(one, seen)
