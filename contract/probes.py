"""Bodies, names and answers on both sides of every rule of the contract: what contract/mutate.py
looks at.
"""

from __future__ import annotations

import json
from typing import Any

from contact_groups.problem_details import problem_response
from contact_groups.problems import Problem
from contact_groups.schema_fields import CONTACT_NAMES_MAX, DESCRIBE_MAX, NAME_MAX
from contact_groups.schemas import load_contact_group
from contract.scenarios import SCENARIOS, Scenario, play

VALID: dict[str, Any] = {"contactGroupName": "a", "contactNames": ["a"], "describe": "d"}
#: The first and the last character of each range that a pattern names, and the nearest ones that it
#: does not.
CHARACTERS = (
    *"\u0000\u0008\u0009\u000d\u000e\u001b\u001c\u001f"
    " !~\u007f\u0080\u0085\u009f\u00a0\u00a1\u1680\u1681"
    "\u1fff\u2000\u200a\u200b\u2027\u2028\u2029\u202a\u202e\u202f\u2030\u205f\u2060\u3000\u3001",
)


def _texts(most: int) -> list[str]:
    around = [text for c in CHARACTERS for text in (c, f"{c}a", f"a{c}", f"a{c}a")]
    return ["", "a\n", "值班 😀", *around, "x" * most, "x" * (most + 1)]


def _names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


_OTHER_TYPES: tuple[Any, ...] = (None, 1, True, ["a"], {"a": "b"})
NAMES = (*_texts(NAME_MAX), *_OTHER_TYPES)
#: Bodies; the valid ones are as telling as the others.
BODIES: tuple[Any, ...] = (
    VALID,
    *({name: value for name, value in VALID.items() if name != left_out} for left_out in VALID),
    *({**VALID, "enableSubscribed": value} for value in (True, False, None, "true", 1, 0)),
    {**VALID, "other": 1},
    *(
        {**VALID, "contactNames": _names(n)}
        for n in (0, 1, 2, CONTACT_NAMES_MAX, CONTACT_NAMES_MAX + 1)
    ),
    *({**VALID, "contactNames": value} for value in (["a", "b", "a"], None, "a", {"0": "a"})),
    *({**VALID, "contactGroupName": name} for name in NAMES),
    *({**VALID, "contactNames": [name]} for name in NAMES),
    *({**VALID, "describe": text} for text in (*_texts(DESCRIBE_MAX), *_OTHER_TYPES)),
    [],
    None,
    "a",
    1,
)
#: Names in a path, where a slash is a rule of its own.
PATHS: tuple[str, ...] = (*_texts(NAME_MAX), "a/b", "/a", "a/", "/")


#: White space that the published patterns leave out: contact_groups/schema_fields.py.
_WIDE = dict.fromkeys(map(ord, "\u1680\u2028\u2029\u202f\u205f\u3000"), "x") | dict.fromkeys(
    range(0x2000, 0x200B), "x"
)


def coarse(value: Any) -> Any:
    """A value as the published patterns see it, which are a little coarser than the rules of the
    function: wide white space is like any other character, and a last line break is not seen.
    """
    if isinstance(value, list):
        return [coarse(item) for item in value]
    if isinstance(value, dict):
        return {name: coarse(item) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    text = value.translate(_WIDE)
    return text[:-1] + text[-2] if len(text) > 1 and text.endswith("\n") else text


def name_of(body: Any) -> str:
    """The name in the path that suits a body: its own, where it has one that is a text."""
    name = body.get("contactGroupName") if isinstance(body, dict) else None
    return name if isinstance(name, str) else "a"


def is_accepted_path(name: str) -> bool:
    """Whether the application takes this name in the path of PUT."""
    body = {"contactNames": ["a"], "describe": "d"}
    path = f"/v1/contact-groups/{name}".encode().decode("latin-1")  # as WSGI has it
    return play(Scenario(method="PUT", path=path, body=body))[0] == 200


def answers() -> list[dict[str, Any]]:
    """An answer of every problem type that HTTP can meet, and one with every code that `errors` can
    hold.
    """
    of_types = [play(scenario)[2] for scenario in SCENARIOS.values()]
    too_large = {
        **VALID,
        "contactNames": [f"{number:03}{'值' * 200}" for number in range(CONTACT_NAMES_MAX)],
    }
    refused = [(body, None) for body in BODIES] + [(VALID, "b"), (too_large, None)]
    slash = play(Scenario(method="PUT", path="/v1/contact-groups/a/b"))[2]
    return [
        *of_types,
        slash,
        *(problem for body, name in refused if (problem := _refusal(body, name))),
    ]


def _refusal(body: Any, name: str | None) -> dict[str, Any] | None:
    try:
        load_contact_group(body, name)
    except Problem as problem:
        document: dict[str, Any] = json.loads(problem_response(problem, None, None)[2])
        return document
    return None
