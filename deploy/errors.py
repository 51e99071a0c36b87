"""What ends a command: one line for whoever ran it, and an exit code."""

from __future__ import annotations


class DeployError(Exception):
    """The command failed; the text names the resource, what is wrong with it, and what to do."""

    exit_code = 1


class UsageError(DeployError):
    """The command was used wrongly: a file, parameter or setting of the caller's is not as it must
    be.
    """

    exit_code = 2
