"""A bare prototype over http.client: one connection a thread, no retries, no logs, no table."""

import http.client
import json
import os
import threading
from typing import Any

from facade import create_app, parameters
from signing import sign

upstream = os.environ["UPSTREAM"]
mine = threading.local()


def put(group: dict[str, Any]) -> str:
    if not hasattr(mine, "connection"):
        mine.connection = http.client.HTTPConnection(upstream)
    target, headers = sign(upstream, parameters(group))
    mine.connection.request("POST", target, headers=headers)
    return str(json.loads(mine.connection.getresponse().read())["RequestId"])


app = create_app(put)
