"""The answers that faults give instead of the true one."""

from __future__ import annotations

from collections.abc import Callable

from .answers import JSON_TYPE, XML_TYPE, answer, refused
from .faults import Fault
from .refusals import Refusal
from .wire import Answer

_HTML = """<html>
<head><title>{status}</title></head>
<body bgcolor="white">
<center><h1>{status}</h1></center>
<hr/>Powered by Tengine</body>
</html>
"""

# Ten levels of ten: 10^10 times three bytes when expanded.
_LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [\n<!ENTITY lol0 "lol">\n'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">\n' for n in range(1, 11))
    + "]>\n<PutContactGroupResponse><Code>200</Code><Message>&lol10;</Message>"
    + "<Success>true</Success></PutContactGroupResponse>"
)


def fault_answer(fault: Fault, action: str, request_id: str, host: str, form: str) -> Answer:
    """What a fault answers to a call.

    Args:
        fault: One that ends the call; those that distort an answer get one of success to distort.
        action: The action asked for, for the root of XML; may be empty.
        request_id: The id of the answer.
        host: The host asked for.
        form: The format asked for; what is not XML is answered in JSON.
    """
    if fault.kind == "error":
        refusal = Refusal(fault.code, fault.message, fault.status)
        made = refused(refusal, request_id, host, form)
    elif fault.kind in _BODIES:
        made = _BODIES[fault.kind](fault)
    else:
        members = {
            "Code": "200",
            "Message": "success",
            "RequestId": request_id,
            "Success": True,
            **fault.members,
        }
        members = {name: value for name, value in members.items() if value is not None}
        if fault.lower_case:
            members = {name[:1].lower() + name[1:]: value for name, value in members.items()}
        made = answer(
            members, form, root=f"{action or 'PutContactGroup'}Response", status=fault.status or 200
        )
    made.headers.update(fault.headers)
    return made


_BODIES: dict[str, Callable[[Fault], Answer]] = {
    "body": lambda fault: Answer(
        fault.status or 200, fault.body.encode("utf-8", "surrogatepass"), fault.content_type
    ),
    "html": lambda fault: html_page(fault.status or 502),
    "empty": lambda fault: Answer(fault.status or 200, b""),
    "redirect": lambda fault: Answer(fault.status or 302, b"", headers={"Location": "/redirected"}),
    "malformed-json": lambda fault: Answer(
        fault.status or 200, b'{"Code":"200","Success":tr', JSON_TYPE
    ),
    "malformed-xml": lambda fault: Answer(
        fault.status or 200, b"<PutContactGroupResponse><Code>200</Co", XML_TYPE
    ),
    "billion-laughs": lambda fault: Answer(fault.status or 200, _LAUGHS.encode(), XML_TYPE),
}


def html_page(status: int) -> Answer:
    """The page of the proxy in front of the gateway, which answers when the gateway cannot (its
    looks are inferred).
    """
    return Answer(status, _HTML.format(status=status).encode(), "text/html")
