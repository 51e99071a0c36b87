"""Strict JSON: turns bytes into a Python value, and refuses what could be read in two ways."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

from contact_groups.problems import MALFORMED_REQUEST, Problem

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(body: bytes) -> Any:
    """Reads one JSON document (RFC 8259).

    Raises:
        Problem: malformed-request. It says what was found and where: an empty body, invalid UTF-8,
            a byte order mark, a syntax error, a repeated member, NaN or Infinity, a lone surrogate,
            a number that is too long, nesting that is too deep.
    """
    if not body.strip():
        raise _malformed("The body is empty: send one JSON object.")
    if body.startswith(b"\xef\xbb\xbf"):
        raise _malformed("The body begins with a byte order mark: send UTF-8 without one.")
    try:
        text = body.decode("utf-8")
        value = _decoder.decode(text)
        if "\\" in text and _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8: byte {error.start} cannot be decoded.") from None
    except UnicodeEncodeError:
        raise _malformed(
            "The body contains a lone surrogate (half of a \\uD800 to \\uDFFF pair), which is not a"
            " character."
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"The body is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise _malformed(
            "The body is nested too deeply: a contact group is one flat object."
        ) from None
    except ValueError as error:
        # The interpreter limits the digits of an integer. Our own errors are a Problem.
        raise _malformed("The body contains a number with too many digits.") from error
    return value


def _malformed(detail: str) -> Problem:
    return Problem(MALFORMED_REQUEST, detail)


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise _malformed(
            f"The member {json.dumps(twice[:80])} stands more than once in one object;"
            " send it once."
        )
    return members


def _no_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not JSON: send a number or leave it out.")


_decoder = json.JSONDecoder(object_pairs_hook=_unique_members, parse_constant=_no_constant)
