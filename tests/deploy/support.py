"""What the tests of `./bin/deploy` share: it is run as the operator of the local cloud runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from local.cloud import ACCESS_KEY, ROOT

PLAN = {"create", "update", "delete", "unchanged"}


def deploy(endpoint: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs one command as the operator of the local cloud."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            **ACCESS_KEY,
            "FUNCTION_COMPUTE_ENDPOINT": endpoint,
            "ACCOUNT_ID": "1234567890123456",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def actions(text: str) -> set[str]:
    """What a plan or a deployment did."""
    return {line.split()[0] for line in text.splitlines() if line} & PLAN
