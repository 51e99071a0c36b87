"""Takes out of requests and answers what must not be published.

What is kept is listed, not what is removed: texts that are not known to be harmless become
placeholders. Only groups of this run are kept of a list; the others are counted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

#: Headers whose values are kept: they are among the questions.
HEADERS = frozenset(
    "content-type connection keep-alive retry-after x-acs-retry-after x-ratelimit-user"
    " x-ratelimit-user-api x-fc-error-type".split()
)
#: Members whose values are texts of the gateway. Every other text must be the run's own.
_GATEWAY = frozenset(
    "code message success errorcode errormessage errortype enablesubscribed"
    " enabledweeklyreport".split()
)
_LONG = 80
_FEW = 10
_PATTERNS = (
    (r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", "<uuid>"),
    (r"\b1-[0-9a-f]{8}-[0-9a-f-]{12,}\b", "<request-id>"),
    (r"\bacs:[^\s\"'<>]+", "<arn>"),
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<address>"),
    (r"\b(?:LTAI|STS\.)[\w.]+", "<access-key-id>"),
    (r"https?(?::|%3A|%253A)[^\s\"'<>]+", "<url>"),
    (r"\d{4}-\d\d-\d\dT\d\d(?::|%3A|%253A)\d\d(?::|%3A|%253A)\d\d(?:\.\d+)?Z?", "<time>"),
    (r"\b[0-9a-fA-F]{32,}\b", "<hex>"),
    (r"\d{8,}", "<number>"),
    (r"(?<=is:)[A-Z]+&.*|(?<=StringToSign is )\[.*", "<string to sign>"),
)


class Leak(Exception):
    """Something that must not be published is in a record; it is not written."""


class Redactor:
    """Makes exchanges fit to be published.

    Args:
        prefix: of the run's names; it becomes `<run>`.
        known: placeholders by text, such as the AccessKey and the contacts.

    Attributes:
        others: how many groups the account had before the run.
    """

    def __init__(self, prefix: str, known: Mapping[str, str]) -> None:
        self.others = 0
        self._prefix = prefix
        placeholders = {prefix: "<run>", **{text: name for text, name in known.items() if text}}
        self._known = [
            (form, name)
            for text, name in sorted(placeholders.items(), key=lambda item: -len(item[0]))
            for form in _forms(text)
        ]

    def text(self, text: str) -> str:
        """A text without what is known, or looks, like something private."""
        for form, name in self._known:
            text = text.replace(form, name)
        for pattern, name in _PATTERNS:
            text = re.sub(pattern, name, text, flags=re.DOTALL)
        return text

    def own(self, text: str) -> str:
        """A text that only this run may have written: its beginning tells."""
        shown = self.text(text)
        if not shown.startswith(("<run>", "<contact-")) and shown:
            return "<other text>"
        return shown if len(text) <= _LONG else f"<run><{len(text)} characters>"

    def parameters(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The business parameters of a call."""
        free = ("ContactGroupName", "ContactNames.", "Describe")
        shown = {
            name: self.own(value) if name.startswith(free) else self.text(value)
            for name, value in parameters.items()
        }
        contacts = [name for name in shown if name.startswith("ContactNames.")]
        if len(contacts) > _FEW:
            shown = {name: value for name, value in shown.items() if name not in contacts[1:]}
            shown["ContactNames.…"] = f"<{len(contacts)} names>"
        return shown

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """An answer: status, headers and body."""
        shown = {
            name: self.text(value) if name in HEADERS else "…"
            for name, value in sorted(headers.items())
        }
        return {"status": status, "headers": shown, "body": self.body(body)}

    def body(self, body: bytes) -> Any:
        """The body of an answer, in JSON or XML."""
        try:
            if body.lstrip().startswith(b"<"):
                root = fromstring(body, forbid_dtd=True)
                return {"xml": self.text(root.tag), "members": self._value(_members(root), "")}
            return self._value(json.loads(body), "")
        except Exception:  # whatever came, nothing of it is published
            return "<neither JSON nor XML>" if body else "<empty>"

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {self.text(name): self._value(item, name) for name, item in value.items()}
        if isinstance(value, list):
            kept = (item for item in value if key.lower() != "contactgroup" or self._is_own(item))
            return [self._value(item, key) for item in kept]
        if key.lower() == "total" and str(value).isdigit():
            return f"<others>+{int(value) - self.others}"
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= 1e6:
            return "<number>"
        return value

    def _text(self, value: str, key: str) -> str:
        name = key.lower()
        if name in _GATEWAY:
            return self.text(value)
        if name.endswith("time"):
            return "<number>" if value.isdigit() else "<time>" if value else ""
        if name in ("requestid", "hostid", "recommend"):
            return f"<{name}>"
        return self.own(value)

    def _is_own(self, item: Any) -> bool:
        if isinstance(item, dict):
            names = [value for key, value in item.items() if key.lower() == "name"]
            item = names[0] if names else ""
        return isinstance(item, str) and item.startswith(self._prefix)


def check(text: str, secrets: Iterable[str], names: Iterable[str]) -> None:
    """Looks through a record once more before it is written.

    Args:
        text: the record, in JSON.
        secrets: what may stand nowhere in it, in no usual encoding.
        names: what no value may be.

    Raises:
        Leak: one of them is in it.
    """
    found = any(form in text for secret in secrets for form in _forms(secret))
    if found or any(f'"{form}"' in text for name in names for form in _forms(name)):
        raise Leak("the record holds a secret or a name of the account: it is not written")


def _forms(text: str) -> tuple[str, ...]:
    once = quote(text, safe="")
    escaped = json.dumps(text)[1:-1]
    coded = base64.b64encode(text.encode()).decode().rstrip("=")
    return tuple(dict.fromkeys((text, once, quote(once, safe=""), escaped, coded)))


def _members(element: Element) -> Any:
    if not len(element):
        return element.text or ""
    members: dict[str, Any] = {}
    for child in element:
        value = _members(child)
        if child.tag in ("ContactGroup", "Contact"):
            members.setdefault(child.tag, []).append(value)
        else:
            members[child.tag] = value
    return members
