"""Reads an answer in XML into the members that the same answer has in JSON.

The vendor shows the list of groups in XML too (facts/contact-group-operations.md §A2), and so the
other answers (facts/cloudmonitor.md §1.3, §5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PairsHook = Callable[[list[tuple[str, Any]]], dict[str, Any]]

#: Bytes. Most answers have 1 KB, a page of 100 groups of 5 contacts has 40 KB, and reading 64 KB of
#: empty elements takes 12 ms.
XML_MAX = 64 * 1024
#: The arrays of the answers: XML alone does not tell one element from an array with one element.
_ARRAYS = frozenset({"contactgrouplist", "contactgroups", "contacts"})


def read_xml(body: bytes, pairs_hook: PairsHook) -> dict[str, Any]:
    """The members of an answer, texts without the space around them; none where it is too long.

    Args:
        body: the answer.
        pairs_hook: makes an object of its members, as `object_pairs_hook` of json does.

    Raises:
        Exception: it is no XML, has a DTD, or pairs_hook refuses an object.
    """
    if len(body) > XML_MAX:
        return {}
    root = fromstring(body, forbid_dtd=True)
    members = pairs_hook([(child.tag, _member(child, pairs_hook)) for child in root])
    if root.tag == "Error":  # never a success, whatever it says
        members = {name: value for name, value in members.items() if name.lower() != "success"}
    elif not root.tag.endswith("Response"):
        return {}
    return {name: _stripped(value) for name, value in members.items()}


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _member(element: Element, pairs_hook: PairsHook) -> Any:
    """A text, an array, or None for anything else that has elements: nobody reads that."""
    if element.tag.lower() in _ARRAYS:
        return [_item(child, pairs_hook) for child in element]
    return None if len(element) else element.text or ""


def _item(element: Element, pairs_hook: PairsHook) -> Any:
    """An item of an array: an object, or a text; None where it is empty."""
    if len(element):
        return pairs_hook([(child.tag, _member(child, pairs_hook)) for child in element])
    return element.text
