"""Errors that end a command, with one line for its user and an exit code."""

from __future__ import annotations


class DeployError(Exception):
    """The command failed; the text names the resource, what is wrong with it, and what to do."""

    exit_code = 1


class UsageError(DeployError):
    """The command was used wrongly: a file, a parameter or a setting of the caller is wrong."""

    exit_code = 2
