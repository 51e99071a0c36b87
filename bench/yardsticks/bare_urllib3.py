"""A bare prototype over urllib3: no retries, no logs, no table."""

import json
import os
from typing import Any

import urllib3
from facade import create_app, parameters
from signing import sign

upstream = os.environ["UPSTREAM"]
pool = urllib3.HTTPConnectionPool(*upstream.split(":"), maxsize=50)


def put(group: dict[str, Any]) -> str:
    target, headers = sign(upstream, parameters(group))
    answer = pool.urlopen("POST", target, headers=headers, retries=False, redirect=False)
    return str(json.loads(answer.data)["RequestId"])


app = create_app(put)
