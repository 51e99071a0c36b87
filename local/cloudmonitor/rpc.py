"""A request read as an RPC call: parameters from query and form, common parameters from wherever
the signature puts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from local import acs3

from .wire import Request

Pairs = list[tuple[str, str]]

V3 = acs3.ALGORITHM
RPC = "HMAC-SHA1"

# Where each common parameter travels: its name in RPC 1.0, its header in V3 (facts/cloudmonitor.md
# §4).
_HEADERS = {
    "Action": "x-acs-action",
    "Version": "x-acs-version",
    "Timestamp": "x-acs-date",
    "SignatureNonce": "x-acs-signature-nonce",
    "SecurityToken": "x-acs-security-token",
}


@dataclass(frozen=True)
class Rpc:
    """One call.

    Attributes:
        request: What it was read from.
        query: The decoded parameters of the query, in order.
        form: The decoded parameters of the form body, in order; empty for other content types.
    """

    request: Request
    query: Pairs
    form: Pairs

    @classmethod
    def read(cls, request: Request) -> Rpc:
        """Decodes the parameters."""
        is_form = (
            request.headers.get("content-type", "")
            .lower()
            .startswith("application/x-www-form-urlencoded")
        )
        form = acs3.decode(request.body.decode("latin-1")) if is_form else []
        return cls(request, acs3.decode(request.query), form)

    @cached_property
    def params(self) -> dict[str, str]:
        """All parameters by name; of a repeated one the first."""
        return dict(reversed(self.query + self.form))

    @cached_property
    def signature(self) -> str | None:
        """`ACS3-HMAC-SHA256`, `HMAC-SHA1`, or None for a request that carries no signature."""
        if self.authorization.startswith("ACS3-"):
            return V3
        return RPC if {"Signature", "AccessKeyId", "SignatureMethod"} & self.params.keys() else None

    @property
    def authorization(self) -> str:
        """The header Authorization, empty when there is none."""
        return self.request.headers.get("authorization", "")

    @cached_property
    def credential_fields(self) -> dict[str, str]:
        """`Credential`, `SignedHeaders` and `Signature` of a V3 Authorization header, as far as
        they are there.
        """
        return acs3.credential_fields(self.authorization)

    @cached_property
    def access_key_id(self) -> str:
        """The AccessKey ID, empty when there is none."""
        if self.signature == V3:
            return self.credential_fields.get("Credential", "")
        return self.params.get("AccessKeyId", "")

    @cached_property
    def format(self) -> str:
        """The format asked for, in upper case; without one JSON for V3 and XML for RPC
        (facts/cloudmonitor.md §4.1, §9).
        """
        return (self.params.get("Format") or ("XML" if self.signature == RPC else "JSON")).upper()

    def common(self, name: str) -> str:
        """A common parameter by its RPC name, empty when it is not there.

        Each signature covers its own place, so that one is looked at first: V3 the header, RPC 1.0
        the parameters. Only Action and Version are also taken from the other place: clients send
        them in both.
        """
        header, parameter = self.request.headers.get(_HEADERS[name], ""), self.params.get(name, "")
        if name in ("Action", "Version"):
            return (header or parameter) if self.signature == V3 else (parameter or header)
        return header if self.signature == V3 else parameter
