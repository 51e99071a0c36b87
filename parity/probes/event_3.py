"""Tells what a function of 3.0 on a built-in runtime is given for an HTTP request."""

import json
import os
import time
import uuid

INSTANCE = uuid.uuid4().hex


def handler(event, context):
    """Answers with what came."""
    request = json.loads(event)
    path = request["rawPath"]
    if path == "/raise":
        raise ValueError("the probe failed as it was asked to")
    if path == "/plain":
        return "no statusCode"
    time.sleep(1 if path == "/sleep" else 0)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    held = context.credentials
    shown = {
        "path": path,
        "query": request.get("queryParameters"),
        "headers": sorted(headers),
        "scheme": headers.get("authorization", "").partition(" ")[0],
        "context": bool(held and held.access_key_id),
        "variables": sorted(name for name in os.environ if name.startswith("ALIBABA_CLOUD_")),
        "instance": INSTANCE,
    }
    return {"statusCode": 200, "headers": {}, "body": json.dumps(shown)}
