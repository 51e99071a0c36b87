"""What Function Compute refuses a request with: status, code and message as its clients
read them.
"""

from __future__ import annotations

import json

from . import names

# facts/function-compute.md §1.9 (HTTP triggers) and §2.3 (invocations), in bytes
MAX_TARGET = 4 * 1024  # path with query
MAX_REQUEST_HEADERS = 8 * 1024
MAX_RESPONSE_HEADERS = 8 * 1024
MAX_BODY = 32 * 1024 * 1024
MAX_ASYNC_BODY = 128 * 1024
MAX_CODE = 100 * 1024 * 1024  # base64 of a package, through the API


class Refusal(Exception):
    """A request that Function Compute answers itself, with an error of its own.

    Attributes:
        status: The HTTP status.
        code: The `ErrorCode`, for example `ServiceNotFound` (facts/function-compute.md §7).
        message: The `ErrorMessage`.
        kind: The `X-Fc-Error-Type` (facts/function-compute.md §1.6).
    """

    def __init__(self, status: int, code: str, message: str, kind: str = "FcCommonError") -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.kind = status, code, message, kind

    @property
    def body(self) -> bytes:
        """JSON with the keys that the SDK reads (facts/function-compute.md §7)."""
        return json.dumps({"ErrorCode": self.code, "ErrorMessage": self.message}).encode()

    def body_3(self, request_id: str) -> bytes:
        """JSON as 3.0 has it (facts/function-compute-3.md §B3)."""
        members = {"Code": self.code, "Message": self.message, "RequestId": request_id}
        return json.dumps(members).encode()


def invalid(message: str) -> Refusal:
    """400 InvalidArgument."""
    return Refusal(400, "InvalidArgument", message)


def too_large(limit: int) -> Refusal:
    """400 EntityTooLarge.

    Args:
        limit: The most that is taken, in bytes.
    """
    return Refusal(
        400, "EntityTooLarge", f"payload size exceeds maximum allowed size ({limit} bytes)"
    )


def bad_response(message: str) -> Refusal:
    """502 BadResponse: the function's answer is over a limit."""
    return Refusal(502, "BadResponse", message, "UnhandledInvocationError")


def not_supported(method: str, path: str) -> Refusal:
    """400 PathNotSupported."""
    return Refusal(400, "PathNotSupported", f"'{path}' against '{method}' is not supported")


def not_modelled(what: str) -> Refusal:
    """400 for what the real platform does, and this one does not."""
    return invalid(f"{what} is not modelled by the local Function Compute")


def service_not_found(service: str) -> Refusal:
    """404 ServiceNotFound; FunctionNotFound for a function of 3.0."""
    code = "FunctionNotFound" if names.is_home(service) else "ServiceNotFound"
    return Refusal(404, code, f"{names.place(service)} does not exist")


def function_not_found(service: str, function: str) -> Refusal:
    """404 FunctionNotFound."""
    if names.is_home(service):
        return service_not_found(service)
    return Refusal(
        404, "FunctionNotFound", f"function '{function}' does not exist in service '{service}'"
    )
