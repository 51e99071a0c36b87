"""The function over the model of CloudMonitor, and what can become of one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from tests.function.upstream import Model
from tests.support import ENVIRONMENT, Reply, Time, answer, call, refusal

BODY = {"contactNames": ["a", "b"], "describe": "d"}
ONE = "/v1/contact-groups/g"
Work = Callable[[], RawAnswer]


def lost_before(_: Work) -> RawAnswer:
    """No answer, and not carried out."""
    raise NoAnswer("late")


def lost_after(work: Work) -> RawAnswer:
    """Carried out, and the answer is lost."""
    work()
    raise NoAnswer("late")


def failed(_: Work) -> RawAnswer:
    """CloudMonitor says that it failed."""
    return refusal("InternalError", 500)


def failed_after(work: Work) -> RawAnswer:
    """CloudMonitor says that it failed, and carried it out."""
    work()
    return refusal("ServiceUnavailable", 503)


def gateway(_: Work) -> RawAnswer:
    """A load balancer answers."""
    return answer(b"<html>", 502)


def garbage(_: Work) -> RawAnswer:
    """Something that is not CloudMonitor answers with success."""
    return answer(b"<html>")


def new_code(_: Work) -> RawAnswer:
    """A code that nobody listed."""
    return refusal("Brand.New")


def new_failure(_: Work) -> RawAnswer:
    """A code that nobody listed, with status 500."""
    return refusal("Brand.New", 500)


def refused(_: Work) -> RawAnswer:
    """CloudMonitor refuses the values."""
    return refusal("InvalidParameterValue")


def nonce(_: Work) -> RawAnswer:
    """A nonce that was used already."""
    return refusal("SignatureNonceUsed")


def well(work: Work) -> RawAnswer:
    """All goes well."""
    return work()


def forbidden(_: Work) -> RawAnswer:
    """The role lacks the right."""
    return refusal("NoPermission", 403)


@dataclass
class World:
    """The function over a model, on one clock."""

    reads: bool = True
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.model = Model(self.time)
        self.client = Client(
            Endpoint("https", "metrics.cn-hangzhou.aliyuncs.com", 443),
            self.model,
            SIGNERS["ACS3-HMAC-SHA256"],
            max_attempts=3,
            calls_per_second=float("inf"),
            clock=self.time.wall,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            jitter=lambda: 1.0,
        )
        groups = Groups(self.client, reads=self.reads, deletes=True)
        self.app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=self.time.monotonic))

    def put(self, headers: dict[str, str] | None = None, **changes: Any) -> Reply:
        """Puts the group."""
        return call(self.app, "PUT", ONE, {**BODY, **changes}, headers=headers)
