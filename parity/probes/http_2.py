"""Tells what an HTTP function of 2.0 is given; of credentials only whether they are there."""

import json
import os
import time
import uuid

INSTANCE = uuid.uuid4().hex


def handler(environ, start_response):
    """Answers with what came."""
    if environ["PATH_INFO"] == "/raise":
        raise ValueError("the probe failed as it was asked to")
    time.sleep(1 if environ["PATH_INFO"] == "/sleep" else 0)
    held, headers = environ["fc.context"].credentials, [n for n in environ if n[:5] == "HTTP_"]
    shown = {
        "path": environ["PATH_INFO"],
        "uri": environ.get("fc.request_uri", ""),
        "headers": sorted(name[5:].lower().replace("_", "-") for name in headers),
        "scheme": environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0],
        "context": bool(held and held.access_key_id),
        "variables": sorted(name for name in os.environ if name.startswith("ALIBABA_CLOUD_")),
        "instance": INSTANCE,
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]
