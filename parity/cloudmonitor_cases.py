"""The open questions to CloudMonitor about contact groups."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from contact_groups.contact_group import StoredGroup

from .asking import Asker, Case
from .wire import outcome

#: Longer than any limit that is likely; a binary search below it takes 12 steps.
_NAME_MOST, _DESCRIBE_MOST = 1_024, 4_096
_LAG_LOOKS = 8


def create(ask: Asker) -> None:
    """Creates a group and reads it."""
    name = ask.name("create")
    ask.found("create", outcome(ask.put(name, ask.contacts[:1], Describe=ask.name("first"))))
    ask.found("read", _shown(ask.group(name)))
    ask.delete(name)


def modify(ask: Asker) -> None:
    """Writes an existing group again, with everything changed."""
    name = ask.name("modify")
    ask.put(name, ask.contacts[:1], Describe=ask.name("first"), EnableSubscribed="false")
    again = ask.put(name, ask.contacts[1:2], Describe=ask.name("second"), EnableSubscribed="true")
    ask.found("modify", outcome(again))
    group = ask.group(name)
    if group:
        ask.found("describe", "new" if group.describe == ask.name("second") else "old")
        ask.found("contacts", "new" if group.contact_names == ask.contacts[1:2] else "other")
        ask.found("enableSubscribed", group.enable_subscribed)
    ask.delete(name)


def _left_out(ask: Asker, member: str) -> None:
    name = ask.name("left-out")
    ask.put(name, ask.contacts[:1], Describe=ask.name("first"), EnableSubscribed="true")
    ask.found(
        "answer",
        outcome(
            ask.put(
                name,
                None if member == "contacts" else ask.contacts[:1],
                Describe=None if member == "describe" else ask.name("first"),
                EnableSubscribed=None if member == "subscribed" else "true",
            )
        ),
    )
    group = ask.group(name)
    if group:
        kept = {
            "contacts": bool(group.contact_names),
            "describe": bool(group.describe),
            "subscribed": bool(group.enable_subscribed),
        }[member]
        ask.found("becomes", "kept" if kept else "cleared")
    ask.delete(name)


def left_out_contacts(ask: Asker) -> None:
    """Leaves the contacts out of a second write."""
    _left_out(ask, "contacts")


def left_out_describe(ask: Asker) -> None:
    """Leaves the description out of a second write."""
    _left_out(ask, "describe")


def left_out_subscribed(ask: Asker) -> None:
    """Leaves the subscription out of a second write."""
    _left_out(ask, "subscribed")


def empty_describe(ask: Asker) -> None:
    """Sends an empty description to a group that has one."""
    name = ask.name("empty-describe")
    ask.put(name, ask.contacts[:1], Describe=ask.name("first"))
    ask.found("answer", outcome(ask.put(name, ask.contacts[:1], Describe="")))
    group = ask.group(name)
    if group:
        ask.found("becomes", "kept" if group.describe else "cleared")
    ask.delete(name)


def empty_list(ask: Asker) -> None:
    """Creates a group without contacts, and one with a blank contact."""
    name, blank = ask.name("empty-list"), ask.name("blank-contact")
    ask.found("none", outcome(ask.put(name, Describe=ask.name("first"))))
    ask.found("group", "there" if ask.group(name) else "absent")
    ask.found("blank", outcome(ask.put(blank, ("",), Describe=ask.name("first"))))
    ask.delete(name)
    ask.delete(blank)


def unknown_contact(ask: Asker) -> None:
    """Names a contact that does not exist."""
    name = ask.name("unknown-contact")
    answer = ask.put(name, (ask.name("nobody"),), Describe=ask.name("first"))
    ask.found("answer", outcome(answer))
    ask.found("group", "there" if ask.group(name) else "absent")
    ask.delete(name)


def unactivated_contact(ask: Asker) -> None:
    """Names a contact that has not opened its activation link."""
    name = ask.name("unactivated")
    contact = str(ask.options["unactivated_contact"])
    ask.found("answer", outcome(ask.put(name, (contact,), Describe=ask.name("first"))))
    group = ask.group(name)
    ask.found("member", bool(group and group.contact_names))
    ask.delete(name)


def missing_group(ask: Asker) -> None:
    """Deletes a group that is not there."""
    ask.found("answer", outcome(ask.delete(ask.name("missing"))))


def deleted_twice(ask: Asker) -> None:
    """Deletes a group twice."""
    name = ask.name("twice")
    ask.put(name, ask.contacts[:1], Describe=ask.name("first"))
    ask.found("first", outcome(ask.delete(name)))
    ask.found("second", outcome(ask.delete(name)))


def _distinct(ask: Asker, first: str, second: str) -> None:
    """Whether two names name two groups."""
    ask.put(first, ask.contacts[:1], Describe=ask.name("first"))
    ask.found("second", outcome(ask.put(second, ask.contacts[:1], Describe=ask.name("second"))))
    one, other = ask.group(first), ask.group(second)
    ask.found("names", "distinct" if one and other else "the same")
    ask.found("first", _shown(one))
    ask.delete(first)
    ask.delete(second)


def case_of_names(ask: Asker) -> None:
    """Writes two names that differ by case."""
    _distinct(ask, ask.name("Case"), ask.name("cASE"))


def forms_of_names(ask: Asker) -> None:
    """Writes two names that differ by their normal form of Unicode."""
    name = ask.name("caf\u00e9")
    _distinct(ask, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))


def spaces_of_names(ask: Asker) -> None:
    """Writes two names that differ by a space at the end."""
    _distinct(ask, ask.name("space"), ask.name("space "))


def _longest(most: int, fits: Callable[[int], bool], tried: tuple[int, ...]) -> int:
    """The longest that fits, by binary search; `tried` narrows it first."""
    low, high = 0, most + 1
    for length in tried:
        if low < length < high:
            low, high = (length, high) if fits(length) else (low, length)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def length_of_names(ask: Asker) -> None:
    """Looks for the longest name that is taken."""

    def fits(length: int) -> bool:
        name = ask.name("n" * (length - len(ask.prefix)))
        taken = ask.put(name, ask.contacts[:1], Describe=ask.name("long")).succeeded
        ask.delete(name)
        return taken

    longest = _longest(_NAME_MOST, fits, (64, 255, _NAME_MOST))
    ask.found("longest", "all" if longest == _NAME_MOST else longest)


def length_of_descriptions(ask: Asker) -> None:
    """Looks for the longest description that is taken."""
    name = ask.name("describe-length")

    def fits(length: int) -> bool:
        text = ask.prefix + "d" * (length - len(ask.prefix))
        return ask.put(name, ask.contacts[:1], Describe=text).succeeded

    longest = _longest(_DESCRIBE_MOST, fits, (128, 2_048, _DESCRIBE_MOST))
    ask.found("longest", "all" if longest == _DESCRIBE_MOST else longest)
    ask.delete(name)


def number_of_contacts(ask: Asker) -> None:
    """Sends one contact a hundred and one times, and leaves a number out."""
    name = ask.name("contacts")
    ask.found("101", outcome(ask.put(name, ask.contacts[:1] * 101, Describe=ask.name("first"))))
    gap = {"ContactNames.1": ask.contacts[0], "ContactNames.3": ask.contacts[1]}
    answer = ask.put(ask.name("gap"), None, Describe=ask.name("first"), **gap)
    ask.found("a gap", outcome(answer))
    group = ask.group(ask.name("gap"))
    ask.found("with a gap", len(group.contact_names) if group else "absent")
    ask.delete(name)
    ask.delete(ask.name("gap"))


def order_of_contacts(ask: Asker) -> None:
    """Writes two contacts in both orders, and one twice."""
    name = ask.name("order")
    for order in (ask.contacts[:2], ask.contacts[1::-1]):
        ask.put(name, order, Describe=ask.name("first"))
        group = ask.group(name)
        kept = group is not None and group.contact_names == order
        ask.found(" ".join(_numbers(ask, order)), "kept" if kept else "changed")
    ask.found("twice", outcome(ask.put(name, ask.contacts[:1] * 2, Describe=ask.name("first"))))
    group = ask.group(name)
    ask.found("twice becomes", len(group.contact_names) if group else "absent")
    ask.delete(name)


def read_after_write(ask: Asker) -> None:
    """Counts the reads until each of three writes is seen, and until a delete is."""
    name = ask.name("lag")
    looks = 0
    for number in range(3):
        text = ask.name(f"write-{number}")
        ask.put(name, ask.contacts[:1], Describe=text)
        looks = max(looks, _looks(ask, name, text))
    ask.found("a write is seen by read", looks)
    ask.delete(name)
    gone = _looks(ask, name, None)
    ask.found("a delete is seen by read", gone)


def _looks(ask: Asker, name: str, describe: str | None) -> int:
    """How many reads it takes until the group has this description, or is gone (None)."""
    for look in range(1, _LAG_LOOKS + 1):
        group = ask.group(name)
        if (group.describe if group else None) == describe:
            return look
        ask.wait(0.25)
    return _LAG_LOOKS + 1


def page_sizes(ask: Asker) -> None:
    """Asks for pages of several sizes, and for one behind the end."""
    for size in ("1", "100", "101", "1000", "0", "x"):
        answer = ask.call("DescribeContactGroupList", {"PageNumber": "1", "PageSize": size})
        ask.found(f"size {size}", outcome(answer))
    for page in ("0", "9999"):
        answer = ask.call("DescribeContactGroupList", {"PageNumber": page, "PageSize": "100"})
        ask.found(f"page {page}", outcome(answer))
    ask.found("no size", outcome(ask.call("DescribeContactGroupList")))


def booleans(ask: Asker) -> None:
    """Sends `EnableSubscribed` in several cases."""
    name = ask.name("booleans")
    for text in ("True", "true", "TRUE", "1"):
        answer = ask.put(name, ask.contacts[:1], Describe=ask.name("b"), EnableSubscribed=text)
        group = ask.group(name)
        read = group.enable_subscribed if group else None
        ask.found(text, f"{outcome(answer)}, {read}")
        ask.put(name, ask.contacts[:1], Describe=ask.name("b"), EnableSubscribed="false")
    ask.delete(name)


def forms(ask: Asker) -> None:
    """Asks for JSON and XML, by both signatures and methods."""
    name = ask.name("forms")
    ask.put(name, ask.contacts[:2], Describe=ask.name("first"))
    for algorithm in ("ACS3-HMAC-SHA256", "HMAC-SHA1"):
        for form in ("JSON", "XML"):
            for method in ("POST", "GET"):
                answer = ask.call(
                    "DescribeContactGroupList",
                    {"PageNumber": "1", "PageSize": "100"},
                    algorithm=algorithm,
                    form=form,
                    method=method,
                )
                kind = answer.headers.get("content-type", "").partition(";")[0]
                ask.found(f"{algorithm} {form} {method}", f"{outcome(answer)}, {kind}")
    ask.delete(name)


def gateway_errors(ask: Asker) -> None:
    """Makes each mistake that the gateway has a code for, by both signatures."""
    for algorithm in ("ACS3-HMAC-SHA256", "HMAC-SHA1"):
        for wrong in ("key", "secret", "time", "version"):
            answer = ask.call("DescribeContactGroupList", algorithm=algorithm, wrong=wrong)
            ask.found(f"{algorithm}, wrong {wrong}", outcome(answer))
        nonce = ask.name(f"nonce-{algorithm[:4]}")
        for _ in range(2):
            answer = ask.call("DescribeContactGroupList", algorithm=algorithm, nonce=nonce)
        ask.found(f"{algorithm}, used nonce", outcome(answer))
        answer = ask.call("DescribeContactGroups", algorithm=algorithm)
        ask.found(f"{algorithm}, unknown operation", outcome(answer))
        answer = ask.call("PutContactGroup", algorithm=algorithm)
        ask.found(f"{algorithm}, nothing given", outcome(answer))


def throttling(ask: Asker) -> None:
    """Calls without a pause until it is refused, or 60 times."""
    for _ in range(60):
        answer = ask.call("DescribeContactGroupList", {"PageNumber": "1", "PageSize": "1"})
        if not answer.succeeded:
            ask.found("refused", outcome(answer))
            ask.found("hints", sorted(h for h in answer.headers if "limit" in h or "retry" in h))
            return
    ask.found("refused", "never")


def idle(ask: Asker) -> None:
    """Lets a connection idle, each time longer, until it has ended."""
    answer = ask.call("DescribeContactGroupList", {"PageNumber": "1", "PageSize": "1"})
    ask.found("announced", answer.headers.get("keep-alive", "nothing"))
    longest = 0
    for seconds in (5, 15, 24, 30, 60):
        if seconds > float(ask.options["idle"]) or not ask.survives(seconds):
            break
        longest = seconds
    ask.found("survives seconds", longest)


def other_region(ask: Asker) -> None:
    """Looks for a group of this region at the endpoint of another."""
    other: Asker = ask.options["other_region"]
    name = ask.name("region")
    ask.put(name, ask.contacts[:1], Describe=ask.name("first"))
    ask.found("seen there", other.sees(name))
    ask.delete(name)


def _numbers(ask: Asker, order: tuple[str, ...]) -> list[str]:
    return [str(ask.contacts.index(name) + 1) for name in order]


def _shown(group: StoredGroup | None) -> str:
    if group is None:
        return "absent"
    members = len(group.contact_names)
    described = "described" if group.describe else "not described"
    return f"{members} contacts, {described}, subscribed {group.enable_subscribed}"


CASES = (
    Case(
        "create",
        "How is a new group answered and listed?",
        ("facts/cloudmonitor.md §1.3", "facts/contact-group-operations.md §A2"),
        4,
        create,
        1,
    ),
    Case(
        "modify",
        "Does a second write change everything that it sends?",
        ("facts/cloudmonitor.md §1.2",),
        4,
        modify,
        2,
    ),
    Case(
        "left-out-contacts",
        "Are contacts that a write leaves out kept?",
        ("facts/cloudmonitor.md §1.2",),
        4,
        left_out_contacts,
        1,
    ),
    Case(
        "left-out-describe",
        "Is a description that a write leaves out kept?",
        ("facts/cloudmonitor.md §1.2",),
        4,
        left_out_describe,
        1,
    ),
    Case(
        "left-out-subscribed",
        "Is a subscription that a write leaves out kept?",
        ("facts/cloudmonitor.md §1.2",),
        4,
        left_out_subscribed,
        1,
    ),
    Case(
        "empty-describe",
        "Does `Describe=` clear the description?",
        ("facts/cloudmonitor.md §1.2", "facts/contact-group-operations.md §A1"),
        4,
        empty_describe,
        1,
    ),
    Case(
        "empty-list",
        "May a group have no contacts?",
        ("facts/cloudmonitor.md §1.2", "facts/contact-group-operations.md §A4"),
        5,
        empty_list,
    ),
    Case(
        "unknown-contact",
        "Which code does an unknown contact get?",
        ("facts/cloudmonitor.md §1.4", "facts/contact-group-operations.md §A3"),
        3,
        unknown_contact,
    ),
    Case(
        "unactivated-contact",
        "May a contact be a member before it is activated?",
        ("facts/contact-group-operations.md §A4",),
        3,
        unactivated_contact,
        0,
        "unactivated_contact",
    ),
    Case(
        "missing-group",
        "Which code does the delete of a missing group get?",
        ("facts/contact-group-operations.md §A3",),
        1,
        missing_group,
    ),
    Case(
        "deleted-twice",
        "Which code does the second delete of a group get?",
        ("facts/contact-group-operations.md §A3",),
        3,
        deleted_twice,
        1,
    ),
    Case(
        "case-of-names",
        "Do names that differ by case name two groups?",
        ("facts/contact-group-operations.md §A4",),
        6,
        case_of_names,
        1,
    ),
    Case(
        "forms-of-names",
        "Do names in other normal forms name two groups?",
        ("facts/contact-group-operations.md §A4",),
        6,
        forms_of_names,
        1,
    ),
    Case(
        "spaces-of-names",
        "Does a space at the end make another name?",
        ("facts/contact-group-operations.md §A4",),
        6,
        spaces_of_names,
        1,
    ),
    Case(
        "length-of-names",
        "How long may a name be?",
        ("facts/cloudmonitor.md §1.1",),
        30,
        length_of_names,
        1,
    ),
    Case(
        "length-of-descriptions",
        "How long may a description be?",
        ("facts/cloudmonitor.md §1.1",),
        20,
        length_of_descriptions,
        1,
    ),
    Case(
        "number-of-contacts",
        "What becomes of too many contacts, and of a gap in their numbers?",
        ("facts/cloudmonitor.md §1.1",),
        5,
        number_of_contacts,
        2,
    ),
    Case(
        "order-of-contacts",
        "Is the order of the contacts kept, and one that stands twice?",
        ("facts/contact-group-operations.md §A4",),
        7,
        order_of_contacts,
        2,
    ),
    Case(
        "read-after-write",
        "Does a read show the write before it?",
        ("facts/contact-group-operations.md §A4",),
        4 + 4 * (_LAG_LOOKS + 1),
        read_after_write,
        1,
    ),
    Case(
        "page-sizes",
        "Which page sizes and numbers are taken?",
        ("facts/contact-group-operations.md §A1",),
        9,
        page_sizes,
    ),
    Case(
        "booleans",
        "In which cases is a boolean read?",
        ("facts/cloudmonitor.md §1.1",),
        13,
        booleans,
        1,
    ),
    Case(
        "forms",
        "How do JSON and XML look, by both signatures?",
        (
            "facts/cloudmonitor.md §1.3",
            "facts/cloudmonitor.md §4.2",
            "facts/contact-group-operations.md §A2",
        ),
        10,
        forms,
        2,
    ),
    Case(
        "gateway-errors",
        "Which codes does the gateway have for each mistake?",
        ("facts/cloudmonitor.md §4.1", "facts/cloudmonitor.md §5"),
        16,
        gateway_errors,
    ),
    Case(
        "throttling",
        "How is throttling told?",
        (
            "facts/cloudmonitor.md §1.5",
            "facts/cloudmonitor.md §5",
            "facts/contact-group-operations.md §A1",
        ),
        60,
        throttling,
        0,
        "throttling",
    ),
    Case(
        "idle", "How long may a connection idle?", ("facts/cloudmonitor.md §5",), 1, idle, 0, "idle"
    ),
    Case(
        "other-region",
        "Do contact groups belong to the account?",
        ("facts/cloudmonitor.md §6",),
        2,
        other_region,
        1,
        "other_region",
    ),
)
