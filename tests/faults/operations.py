"""The table of faults of reads and deletes: what CloudMonitor does, and what must come of it. Held
by test_reads_and_deletes.py.
"""

from __future__ import annotations

from typing import NamedTuple

from local.cloudmonitor import Fault

LIST = "DescribeContactGroupList"


class Row(NamedTuple):
    """One row.

    Attributes:
        name: what goes wrong.
        faults: the local CloudMonitor's script.
        status: the REST status; 0 for that of success.
        problem: the problem's slug; empty for success.
        outcome: what the problem of a delete says about the group.
        deleted: whether a delete was carried out.
    """

    name: str
    faults: tuple[Fault, ...]
    status: int = 0
    problem: str = ""
    outcome: str = "unknown"
    deleted: bool = False


def _works(name: str, *faults: Fault) -> Row:
    return Row(name, faults, deleted=True)


def _error(code: str, times: int | None = None) -> Fault:
    return Fault("error", times=times, code=code)


def _list(name: str, **members: object) -> Row:
    return Row(name, (Fault("answer", times=None, members=members),), 502, "bad-upstream-answer")


#: For a GET of one group, for the list, and for a DELETE.
ROWS = (
    _works("throttled twice", _error("Throttling.User", 2)),
    _works("unavailable once", _error("ServiceUnavailable", 1)),
    _works("dropped once", Fault("drop")),
    _works("late once", Fault("delay", seconds=2.0)),
    _works("token expired once", _error("InvalidSecurityToken.Expired", 1)),
    _works("carried out, and the answer lost", Fault("drop", at="answered")),
    _works("code as a number", Fault("integer-code", times=None)),
    _works("lower-case members", Fault("lower-case", times=None)),
    _works("flat lists", Fault("flat", times=None)),
    _works("ISO times", Fault("iso-times", times=None)),
    Row("throttled", (_error("Throttling.User"),), 429, "throttled", "not-applied"),
    Row("unavailable", (_error("ServiceUnavailable"),), 503, "upstream-unavailable"),
    Row("internal error", (_error("InternalError"),), 502, "upstream-error"),
    Row("forbidden", (_error("Forbidden.RAM"),), 403, "permission-denied", "not-applied"),
    Row("dropped", (Fault("drop", times=None),), 504, "upstream-timeout"),
    Row("half", (Fault("half", times=None, at="signed"),), 504, "upstream-timeout"),
    Row(
        "late",
        (Fault("delay", times=None, seconds=0.8), Fault("empty", times=None)),
        504,
        "upstream-timeout",
    ),
    Row("HTML", (Fault("html", times=None, status=200),), 502, "bad-upstream-answer"),
    Row("empty", (Fault("empty", times=None),), 502, "bad-upstream-answer"),
    Row("redirect", (Fault("redirect", times=None),), 502, "bad-upstream-answer"),
    Row("JSON breaks off", (Fault("malformed-json", times=None),), 502, "bad-upstream-answer"),
    Row("XML breaks off", (Fault("malformed-xml", times=None),), 502, "bad-upstream-answer"),
    Row("a billion laughs", (Fault("billion-laughs", times=None),), 502, "bad-upstream-answer"),
    Row("no HTTP", (Fault("garbage", times=None),), 502, "bad-upstream-answer"),
    Row("10 MB", (Fault("huge", times=None),), 502, "bad-upstream-answer"),
    Row("unknown code", (_error("Brand.New"),), 502, "unrecognised-upstream-code"),
)

_ONE = {"ContactGroup": [{"Name": "ops", "Contacts": {"Contact": ["Alice"]}}]}
#: For a GET of one group and for the list: lists that cannot be read.
LISTS = (
    _list("no list at all"),
    _list("no Total", ContactGroupList=_ONE, ContactGroups={"ContactGroup": ["ops"]}),
    _list("Total is a word", Total="many", ContactGroupList=_ONE),
    _list("Total is negative", Total=-1, ContactGroupList=_ONE),
    _list("the list is text", Total=1, ContactGroupList="ops"),
    _list("a group is a number", Total=1, ContactGroupList={"ContactGroup": [5]}),
    _list("a name is a number", Total=1, ContactGroupList={"ContactGroup": [{"Name": 5}]}),
    _list(
        "members are no names",
        Total=1,
        ContactGroupList={"ContactGroup": [{"Name": "ops", "Contacts": {"Contact": [[]]}}]},
    ),
)
