"""Finds a handler by its string, and words its failures: facts/function-compute.md §1.6, §1.7 and
§2.1.
"""

from __future__ import annotations

import datetime
import decimal
import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


class HandlerError(Exception):
    """The handler cannot be found; one subclass for each type that the platform names."""


class ImportModuleError(HandlerError):
    """Its module, or one that it imports, is not there."""


class UserCodeSyntaxError(HandlerError):
    """Its module is no Python."""


class InvalidHandleName(HandlerError):
    """The string names no module and function."""


class UserCodeError(HandlerError):
    """Its module raises."""


class HandlerNotFound(HandlerError):
    """The module has no such handler."""


def find(handler: str, folder: str) -> Callable[..., Any]:
    """The function that `index.handler`, `pkg.mod.handler` or `dir/mod.handler` names.

    Args:
        handler: The string.
        folder: The folder of the code.

    Raises:
        HandlerError: The handler does not exist, or its module fails.
    """
    module_name, dot, name = handler.rpartition(".")
    if not dot or not module_name or not name:
        raise InvalidHandleName(f"Invalid handler '{handler}'")
    try:
        module = _load(module_name, folder)
    except ImportError as error:
        raise ImportModuleError(f"Unable to import module '{module_name}'") from error
    except SyntaxError as error:
        raise UserCodeSyntaxError(f"Syntax error in module '{module_name}'") from error
    except Exception as error:
        raise UserCodeError(f"Module initialization error: '{error}'") from error
    found = getattr(module, name, None)
    if found is None:
        raise HandlerNotFound(f"Handler '{name}' is missing on module '{module_name}'")
    function: Callable[..., Any] = found
    return function


def _load(name: str, folder: str) -> ModuleType:
    directory, slash, last = name.rpartition("/")
    if not slash:
        return importlib.import_module(name)
    if last in sys.modules:
        return sys.modules[last]
    path = Path(folder, directory, f"{last}.py")
    spec = importlib.util.spec_from_file_location(last, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"No module named '{name}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[last] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[last]
        raise
    return module


def result_bytes(result: object) -> bytes:
    """What an event handler returned, as the caller gets it: str and bytes as they are, all else as
    JSON.
    """
    if isinstance(result, bytes):
        return result
    if isinstance(result, str):
        return result.encode()
    return _to_json(result)


def error_bytes(error: Exception, skip: int) -> bytes:
    """An exception as the caller gets it.

    Args:
        error: The exception.
        skip: How many frames, the outermost first, are left out.
    """
    trace: list[Any]
    if isinstance(error, HandlerError):
        cause = error.__cause__
        lines = traceback.format_exception_only(cause) if isinstance(cause, Exception) else []
        trace = [part.strip() for line in lines for part in line.splitlines() if part.strip(" ^\n")]
    else:
        frames = traceback.extract_tb(error.__traceback__)[skip:]
        trace = [
            [f'File "{at.filename}"', f"line {at.lineno}", f"in {at.name}", at.line or ""]
            for at in frames
        ]
    document = {"errorMessage": str(error), "errorType": type(error).__name__}
    return _to_json({**document, "stackTrace": trace} if trace else document)


def _to_json(value: object) -> bytes:
    return json.dumps(value, default=_encode, indent=4, sort_keys=True).encode()


def _encode(value: object) -> object:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")
