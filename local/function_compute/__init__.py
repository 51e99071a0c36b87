"""Function Compute 2.0 on 127.0.0.1: driven by the unmodified aliyun-fc2, it runs the deployed package as the real one does."""

from .plain_port import PlainPort
from .server import ACCESS_KEYS, FunctionCompute
from .store import UnusableState
from .wire import CannotListen

__all__ = ["ACCESS_KEYS", "CannotListen", "FunctionCompute", "PlainPort", "UnusableState"]
