"""The problems that a call of CloudMonitor can end in; outcomes.py maps the answers to them."""

from __future__ import annotations

from contact_groups.problems import Actor, ProblemType, Verdict

VALUES_REJECTED = ProblemType(
    "values-rejected",
    422,
    "CloudMonitor refused a value",
    "`upstream.message` says which value; change it. CloudMonitor documents few of its own rules,"
    " so it can refuse a request that passes the schema.",
    Actor.CALLER,
)
CONTACT_NOT_FOUND = ProblemType(
    "contact-not-found",
    404,
    "CloudMonitor does not know a contact",
    "Create the alert contacts in CloudMonitor (CMS, not ARMS) first, spelled exactly as in"
    " `contactNames`, and repeat the request.",
    Actor.CALLER,
)
CONTACT_GROUP_NOT_FOUND = ProblemType(
    "contact-group-not-found",
    404,
    "CloudMonitor has no contact group of that name",
    "Check the name: it is compared exactly, upper and lower case included. `GET"
    " /v1/contact-groups` lists all names. After a DELETE that was repeated, the group is gone as"
    " it was meant to be.",
    Actor.CALLER,
)
READ_INCOMPLETE = ProblemType(
    "read-incomplete",
    503,
    "The list of contact groups could not be read to its end",
    "CloudMonitor has no search by name, so the list is read page by page. `detail` says what"
    " stopped it: the list changed while it was read (repeat the request), its pages are shorter"
    " than was asked for (ask for a smaller `pageSize`), or it is longer than READ_PAGES_MAX allows"
    " (raise it, and CLOUDMONITOR_DEADLINE_SECONDS with it).",
    Actor.OPERATOR,
    retryable=True,
    verdict=Verdict.FAILED,
    retry_after=1,
)
PERMISSION_DENIED = ProblemType(
    "permission-denied",
    403,
    "The function's role is refused",
    "`detail` names the action: grant it to the role of the function's service (`./bin/deploy role`"
    " prints the policy). The caller's own rights play no part in this.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
THROTTLED = ProblemType(
    "throttled",
    429,
    "Too many calls for the moment",
    "Wait as long as `Retry-After` says and repeat the request. The account has 20 calls a second"
    " for all instances together. `cause` says who refused: `instance-pace`, this instance, before"
    " anything was sent; `upstream-quota`, CloudMonitor, in which case all instances together are"
    " too fast: lower CLOUDMONITOR_CALLS_PER_SECOND.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
    retry_after=1,
)
UPSTREAM_UNAVAILABLE = ProblemType(
    "upstream-unavailable",
    503,
    "CloudMonitor is unavailable for the moment",
    "Wait as long as `Retry-After` says and repeat the request. That is safe, since a request"
    " carries the whole group.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
    retry_after=5,
)
UPSTREAM_ERROR = ProblemType(
    "upstream-error",
    502,
    "CloudMonitor failed",
    "Repeat the request later; that is safe. If it lasts, give `upstream.requestId` to Alibaba"
    " Cloud's support.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
)
BAD_UPSTREAM_ANSWER = ProblemType(
    "bad-upstream-answer",
    502,
    "CloudMonitor's answer cannot be read",
    "Something other than CloudMonitor may have answered: check CLOUDMONITOR_ENDPOINT, and proxies"
    " and name resolution on the way. `outcome` is `unknown`; repeating the request is safe.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
UNRECOGNISED_UPSTREAM_CODE = ProblemType(
    "unrecognised-upstream-code",
    502,
    "CloudMonitor answered with a code that the function does not know",
    "Look `upstream.code` up in the vendor's error center, and add it to the table in"
    " cloudmonitor/outcomes.py.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
UPSTREAM_UNREACHABLE = ProblemType(
    "upstream-unreachable",
    503,
    "CloudMonitor could not be reached",
    "Nothing was sent. `detail` says whether name resolution, the connection or TLS failed. Check"
    " the function's network (InternetAccess, VPC) and CLOUDMONITOR_ENDPOINT, and repeat.",
    Actor.OPERATOR,
    retryable=True,
    verdict=Verdict.FAILED,
)
UPSTREAM_TIMEOUT = ProblemType(
    "upstream-timeout",
    504,
    "CloudMonitor's answer did not arrive",
    "The call was sent. Where it was to write or to delete, `outcome` says `unknown`: it may have"
    " been carried out, and repeating the request is safe. `cause` says what happened: `timed-out`"
    " or `connection-broken`.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
)
MISCONFIGURED = ProblemType(
    "misconfigured",
    500,
    "The function is not set up correctly",
    "`detail` names the setting, role or clock to fix. Nothing that the caller sends changes this.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)

#: The problems of reading and deleting that no row of the table has.
READ_PROBLEMS: tuple[ProblemType, ...] = (CONTACT_GROUP_NOT_FOUND, READ_INCOMPLETE)
