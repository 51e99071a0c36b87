"""The bodies of the gateway and of CloudMonitor, as JSON or XML (facts/cloudmonitor.md
§1.3, §5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from datetime import datetime, timezone
from typing import Any
from xml.sax.saxutils import escape

from .refusals import Refusal
from .wire import Answer

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>'
_NOT_XML = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # section 2.2 of XML 1.0 has no place for them


def success(
    action: str,
    members: Mapping[str, Any],
    request_id: str,
    form: str,
    forms: Set[str] = frozenset(),
) -> Answer:
    """The answer to a call that was carried out, its own members beside the four that each has;
    `form` JSON or XML, `forms` the kinds of fault that change how it looks (`faults.FORMS`).
    """
    common = {"Code": "200", "Message": "success", "RequestId": request_id, "Success": True}
    return answer(_reshaped({**common, **members}, forms), form, root=f"{action}Response")


def _reshaped(value: Any, forms: Set[str], name: str = "") -> Any:
    """An answer in the forms that other documents and clients show
    (facts/contact-group-operations.md §A2).
    """
    if isinstance(value, list):
        return [_reshaped(item, forms) for item in value]
    if not isinstance(value, Mapping):
        return _reshaped_text(value, forms, name)
    items = list(value.values())
    if "flat" in forms and len(items) == 1 and isinstance(items[0], list):
        return _reshaped(items[0], forms)
    return {
        key[:1].lower() + key[1:] if "lower-case" in forms else key: _reshaped(item, forms, key)
        for key, item in value.items()
    }


def _reshaped_text(value: Any, forms: Set[str], name: str) -> Any:
    if name == "Code" and "integer-code" in forms:
        return int(value)
    if name in ("CreateTime", "UpdateTime") and "iso-times" in forms:
        return f"{datetime.fromtimestamp(value / 1000, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return value


def refused(refusal: Refusal, request_id: str, host: str, form: str) -> Answer:
    """The answer to a refused call; `host` is the host asked for."""
    members = {
        "RequestId": request_id,
        "HostId": host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={refusal.code}&product=Cms&requestId={request_id}",
    }
    return answer(members, form, root="Error", status=refusal.status)


def answer(members: Mapping[str, Any], form: str, *, root: str, status: int = 200) -> Answer:
    """Any members as a body; `form` is JSON or XML, in XML inside an element `root`."""
    code = (
        str(next((value for name, value in members.items() if name.lower() == "code"), "")) or None
    )
    if form == "XML":
        text = _XML_HEAD + _element(root, members)
        return Answer(status, text.encode("utf-8", "surrogatepass"), XML_TYPE, code=code)
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text.encode("utf-8", "surrogatepass"), JSON_TYPE, code=code)


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(_NOT_XML.sub("\ufffd", str(value)))
    return f"<{name}>{inner}</{name}>"
