"""The names that template.yml and s.yaml point at, and nothing else."""

import gc as _gc
import os as _os
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from contact_groups.compute.entry import Function as _Function


def _load() -> "_Function":
    # Nothing that is being imported is garbage: to look for some meanwhile takes 5 ms of a cold start (bench/RESULTS.md).
    _gc.disable()
    try:
        from contact_groups.compute.entry import Function

        return Function(_os.environ)
    finally:
        _gc.enable()


_function = _load()
handler = _function.handler
initializer = _function.initializer
event_handler = _function.event_handler
