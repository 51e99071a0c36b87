"""The least that signs a call by ACS3-HMAC-SHA256, for the bare prototypes."""

import hashlib
import hmac
import os
import time
import uuid
from urllib.parse import quote

KEY_ID = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
SECRET = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"].encode()
EMPTY = hashlib.sha256(b"").hexdigest()


def sign(host: str, parameters: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The target and the headers."""
    query = "&".join(
        f"{quote(name, '')}={quote(parameters[name], '')}" for name in sorted(parameters)
    )
    headers = {
        "host": host,
        "x-acs-action": "PutContactGroup",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-signature-nonce": str(uuid.uuid4()),
        "x-acs-version": "2019-01-01",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{EMPTY}"
    signed = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(SECRET, signed.encode(), "sha256").hex()
    headers["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={names},Signature={signature}"
    )
    headers["accept"] = "application/json"
    return f"/?{query}", headers
