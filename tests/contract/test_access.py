"""The contract under a policy: what is allowed is answered as without one, and what is not is
refused alike everywhere.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from contract.scenarios import EVENTS, GROUP, SCENARIOS, Scenario, play, play_event

EVERYTHING = json.dumps(
    [{"callers": ["*"], "groups": ["*"], "operations": ["put", "get", "delete"]}]
)
NOTHING = "[]"
#: What is refused before the policy is asked: what no route, no reader and no schema lets through.
EARLIER = frozenset(
    "malformed-request invalid-query not-found method-not-allowed not-acceptable body-too-large"
    " unsupported-media-type invalid-contact-group".split()
)
HTTP = sorted(SCENARIOS.keys() - {"not-allowed"})


@pytest.mark.parametrize("slug", HTTP)
def test_what_is_allowed_is_answered_as_without_a_policy(slug: str) -> None:
    """Status, headers and body are the same, for every problem of HTTP."""
    allowed = dataclasses.replace(SCENARIOS[slug], policy=EVERYTHING)

    assert play(allowed) == play(SCENARIOS[slug])


@pytest.mark.parametrize("slug", HTTP)
def test_what_is_not_allowed_is_refused_before_anything_else_of_the_group(slug: str) -> None:
    """Whatever CloudMonitor would do, the answer is not-allowed; a request that is wrong in itself
    is told so, as without a policy.
    """
    plain = SCENARIOS[slug]

    status, _, document = play(dataclasses.replace(plain, policy=NOTHING))

    if slug in EARLIER:
        assert (status, document) == play(plain)[::2]
    else:
        assert (status, document["type"]) == (403, "/docs/problems#not-allowed")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
def test_a_success_is_the_same_with_a_policy(method: str) -> None:
    """The four methods succeed alike where they are allowed."""
    path = f"/v1/contact-groups/{GROUP['contactGroupName']}"
    scenario = Scenario(method=method, path=path if method != "POST" else "/v1/contact-groups")
    if method == "DELETE":
        scenario = dataclasses.replace(scenario, method="PUT", query="dryRun=true")

    assert play(dataclasses.replace(scenario, policy=EVERYTHING)) == play(scenario)
    assert play(scenario)[0] == 200


@pytest.mark.parametrize("slug", EVENTS)
def test_events_meet_their_problems_under_a_policy(slug: str) -> None:
    """What no source makes a contact group of is told so, whatever is allowed."""
    for policy in (EVERYTHING, NOTHING):
        assert play_event(EVENTS[slug], policy) == play_event(EVENTS[slug])


@pytest.mark.parametrize(
    "event", [GROUP, [GROUP], {"contactGroups": [GROUP]}], ids=["one", "array", "list"]
)
def test_an_event_that_is_not_allowed_is_rejected(event: Any) -> None:
    """The problem of the item is that of the request over HTTP."""
    problem = play_event(event, NOTHING)

    assert (problem["type"], problem["status"]) == ("/docs/problems#not-allowed", 403)
    assert "event:payload" in problem["detail"]
