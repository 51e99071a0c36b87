"""Who may call: AccessKeys and STS tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .refusals import Refusal, missing


@dataclass(frozen=True)
class Credential:
    """An AccessKey, or with a token a temporary one of STS.

    Attributes:
        access_key_id: Its public half.
        access_key_secret: Its secret half.
        security_token: The token that must come with it; None for an AccessKey that lasts.
        expires: Seconds since 1970 from which on the token is expired; None for never.
        active: False for a disabled AccessKey.
        allowed: False for one whose role may not call CloudMonitor.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires: float | None = None
    active: bool = True
    allowed: bool = True


DEFAULT_CREDENTIALS = (
    Credential("testid", "testsecret"),
    Credential("STS.testid", "testsecret", security_token="testtoken"),  # noqa: S106 - the local cloud's token is public
    Credential("forbiddenid", "testsecret", allowed=False),
)


class Credentials:
    """The credentials that the gateway knows; one AccessKey ID may have several tokens, as while
    one is renewed.
    """

    def __init__(self, known: Iterable[Credential]) -> None:
        self._known = tuple(known)

    def find(self, access_key_id: str, token: str, now: float) -> Credential:
        """The credential of an AccessKey ID and a token; an empty token is none.

        Raises:
            Refusal: The AccessKey is unknown or disabled; the token is missing, another's, unknown
                or expired (codes: facts/cloudmonitor.md §5; which of Malformed and Mismatch an
                unknown token gets is inferred).
        """
        mine = [
            credential for credential in self._known if credential.access_key_id == access_key_id
        ]
        if not mine:
            raise Refusal("InvalidAccessKeyId.NotFound")
        matching = [credential for credential in mine if (credential.security_token or "") == token]
        if not matching:
            raise self._wrong_token(token)
        credential = matching[0]
        if not credential.active:
            raise Refusal("InvalidAccessKeyId.Inactive")
        if credential.expires is not None and now >= credential.expires:
            raise Refusal("InvalidSecurityToken.Expired")
        return credential

    def _wrong_token(self, token: str) -> Refusal:
        if not token:
            return missing("SecurityToken")
        if any(credential.security_token == token for credential in self._known):
            return Refusal("InvalidSecurityToken.MismatchWithAccessKey")
        return Refusal("InvalidSecurityToken.Malformed")
