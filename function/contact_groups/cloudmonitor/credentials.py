"""Credentials. They are read for each request, because those of the function's role rotate
(facts/function-compute.md §1.4, §4.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contact_groups.cloudmonitor.problems import MISCONFIGURED
from contact_groups.problems import Problem


@dataclass(frozen=True)
class Credentials:
    """An AccessKey, with a security token if it is temporary. The repr shows no secret."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        token = "***" if self.security_token else ""
        return f"Credentials({mask(self.access_key_id)!r}, '***', {token!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be shown."""
        return tuple(text for text in (self.access_key_secret, self.security_token) if text)


def mask(access_key_id: str) -> str:
    """The beginning of an AccessKey ID, enough to recognise it."""
    return access_key_id[:4] + "***"


def read_credentials(context: Any, environment: Mapping[str, str]) -> Credentials:
    """The credentials that sign the next attempt.

    Args:
        context: Function Compute's context, or None. Its credentials come first: they belong to
            this request, but those in the environment are as old as the instance. On python3.12 the
            context has none.
        environment: environment variables, such as os.environ.

    Raises:
        Problem: misconfigured, saying which setting gives the function credentials.
    """
    held = getattr(context, "credentials", None)
    names = ("access_key_id", "access_key_secret", "security_token")
    found = [str(getattr(held, name, None) or "") for name in names]
    if not (found[0] and found[1]):
        variables = (
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
        )
        found = [environment.get(name, "").strip() for name in variables]
    if not (found[0] and found[1]):
        raise _misconfigured(
            "The function has no credentials: give its service a role (Role in template.yml,"
            " --role-arn of deploy apply). Outside Function Compute, set"
            " ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET."
        )
    if not all(text.isascii() and text.isprintable() and " " not in text for text in found):
        raise _misconfigured(
            "The function's credentials contain a character that no AccessKey or token has: set"
            " them again."
        )
    return Credentials(*found)


def _misconfigured(detail: str) -> Problem:
    return Problem(MISCONFIGURED, detail, outcome="not-applied")
