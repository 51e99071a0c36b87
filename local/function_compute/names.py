"""Where a function of Function Compute 3.0 is kept: as the one function of a service of its own,
which no 2.0 client sees.

Versions, aliases, triggers and asynchronous configurations belong to the service in 2.0 and to the
function in 3.0 (facts/function-compute.md §4.2). So what is written for a service holds for both.
"""

from __future__ import annotations

_MARK = "$"  # no name of a service has it


def home(function: str) -> str:
    """The service that a function of 3.0 is kept in."""
    return f"{_MARK}{function}"


def is_home(service: str) -> bool:
    """Whether a service, qualified or not, is that of a function of 3.0."""
    return service.startswith(_MARK)


def place(service: str) -> str:
    """What an error calls a service: itself, or the function whose home it is."""
    kind, name = ("function", service[1:]) if is_home(service) else ("service", service)
    return f"{kind} '{name}'"
