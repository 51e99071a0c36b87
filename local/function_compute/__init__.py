"""Function Compute 2.0 on 127.0.0.1: driven by the unmodified aliyun-fc2, it runs the deployed
package as the real one does.

What it leaves out: triggers other than HTTP never fire; there is one instance a function and
qualifier, and callers beyond its InstanceConcurrency wait; destinations are files, whatever their
kind, with the documented limits of a message: a larger record is lost, as the real platform does in
all likelihood (inferred: the documentation says that its delivery may fail); aliases share no
traffic; no layers, no object store, no custom domains (see `PlainPort`), no provisioned instances,
no PreStop and PreFreeze; memory and CPU are not limited.
"""

from .interpreter import NoPython
from .plain_port import PlainPort
from .server import ACCESS_KEYS, FunctionCompute
from .store import UnusableState
from .wire import CannotListen

__all__ = [
    "ACCESS_KEYS",
    "CannotListen",
    "FunctionCompute",
    "NoPython",
    "PlainPort",
    "UnusableState",
]
