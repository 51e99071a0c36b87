"""A CloudMonitor on 127.0.0.1 that the vendor's unmodified clients can call."""

from .calls import Call
from .credentials import DEFAULT_CREDENTIALS, Credential
from .faults import KINDS, STAGES, Fault, Faults
from .server import CannotListen, CloudMonitor
from .store import Group, Store, UnusableDatabase
from .switches import Switches

__all__ = [
    "DEFAULT_CREDENTIALS",
    "KINDS",
    "STAGES",
    "Call",
    "CannotListen",
    "CloudMonitor",
    "Credential",
    "Fault",
    "Faults",
    "Group",
    "Store",
    "Switches",
    "UnusableDatabase",
]
