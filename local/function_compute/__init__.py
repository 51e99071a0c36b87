"""Function Compute on 127.0.0.1: 2.0 for the unmodified aliyun-fc2 and 3.0 for the unmodified
alibabacloud_fc20230330. It runs the deployed package as the real one does.

What it leaves out: triggers other than HTTP never fire; there is one instance a function and
qualifier, and callers beyond its InstanceConcurrency wait; destinations are files, whatever their
kind, with the documented limits of a message: a larger record is lost, as the real platform does in
all likelihood (inferred: the documentation says that its delivery may fail); aliases share no
traffic; no layers, no object store, no custom domains (see `PlainPort`), no provisioned instances,
no PreFreeze; memory and CPU are not limited.

On 3.0 what would change how a function runs, and is not modelled, is refused by its name: custom
containers, health checks, hooks that are commands, the built-in python3.12, asynchronous tasks.
Scaling and provisioned instances are kept and change nothing. A server of a custom runtime listens
at FC_CUSTOM_LISTEN_PORT, which is another port for each instance, since there is one machine.
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
