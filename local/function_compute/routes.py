"""What a request to the local Function Compute is: a call of either API, or of a function."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from . import signature_3
from .account import Account
from .custom_runtime import Languages
from .errors import Refusal, not_modelled, not_supported
from .gateway import Gateway
from .hosts import Hosts
from .instances import Closed
from .management import Management, query_of
from .management_3 import Management3
from .names import home, is_home
from .packages import Packages
from .resources import Resources
from .store import Store
from .troubles import tell
from .wire import Request, Response

_VERSION, _VERSION_3 = "2016-08-15", "2023-03-30"


class Routes:
    """Answers requests.

    Args:
        account: Whose functions.
        store: Where they are configured.
        packages: Where their code is.
        languages: What custom runtimes run on.
        gateway: Calls functions.
        host: Address that HTTP triggers of 3.0 listen on.
    """

    def __init__(
        self,
        account: Account,
        store: Store,
        packages: Packages,
        languages: Languages,
        gateway: Gateway,
        host: str,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._hosts = Hosts(host, self._answer_trigger)
        resources = Resources(store, account.clock)
        self._management = Management(resources, packages)
        arn = f"acs:fc:{account.region}:{account.id}:functions/"
        self._management_3 = Management3(resources, packages, languages, self._hosts, arn)

    def open(self) -> None:
        """Opens the addresses of the HTTP triggers of 3.0."""
        self._management_3.resume()

    def close(self) -> None:
        """Closes them."""
        self._hosts.close_all()

    def answer(self, request: Request) -> Response:
        """Answers a request to the API."""
        in_3 = request.path.startswith(f"/{_VERSION_3}/")
        route = self._route_3 if in_3 else self._route
        return _answer(lambda request_id: route(request, request_id), in_3)

    def answer_plain(self, request: Request, service: str, function: str) -> Response:
        """Answers a request to a function's own host: its path is the path, and nothing needs to be
        signed.

        Args:
            request: The request.
            service: Name of the service, or the home, with its qualifier where there is one.
            function: Name of the function.
        """

        def route(request_id: str) -> Response:
            names = service, function, request.path, request_id
            return self._gateway.http(request, *names, signed=False)

        return _answer(route, is_home(service))

    def _answer_trigger(self, request: Request, function: str, trigger: str) -> Response:
        collection = f"services/{home(function)}/functions/{function}/triggers"
        qualifier = (self._store.get(collection, trigger) or {}).get("qualifier")
        service = f"{home(function)}.{qualifier}" if qualifier else home(function)

        def route(request_id: str) -> Response:
            names = service, function, request.path, request_id
            return _for_download(self._gateway.http(request, *names))

        return _answer(route, in_3=True)

    def _route(self, request: Request, request_id: str) -> Response:
        match request.path.split("/"):
            case ["", version, "proxy", service, function, *rest] if (
                version == _VERSION and function
            ):
                path = "/" + "/".join(rest)
                names = unquote(service), unquote(function)
                return _for_download(self._gateway.http(request, *names, path, request_id))
            case ["", version, "services", service, "functions", function, "invocations"] if (
                version == _VERSION
            ):
                self._gateway.authenticate(request, None)
                if request.method != "POST":
                    raise not_supported(request.method, request.path)
                return self._gateway.invoke(
                    request, unquote(service), unquote(function), request_id
                )
            case ["", version, *segments] if version == _VERSION:
                self._gateway.authenticate(request, None)
                return self._management.answer(request, segments)
        raise not_supported(request.method, request.path)

    def _route_3(self, request: Request, request_id: str) -> Response:
        self._gateway.authenticate_3(request, signature_3.API)
        segments = request.path.split("/")[2:]
        match request.method, segments:
            case "POST", ["functions", name, "invocations"]:
                for header in ("x-fc-async-task-id", "x-fc-session-id"):
                    if request.headers.get(header):
                        raise not_modelled(header)
                function, qualifier = unquote(name), query_of(request).get("qualifier")
                service = f"{home(function)}.{qualifier}" if qualifier else home(function)
                return self._gateway.invoke(request, service, function, request_id)
        return self._management_3.answer(request, segments)


def _answer(route: Callable[[str], Response], in_3: bool) -> Response:
    request_id = str(uuid.uuid4())
    try:
        response = route(request_id)
    except Exception as error:
        refusal = _refusal(error)
        response = Response(
            refusal.status,
            [("Content-Type", "application/json"), ("X-Fc-Error-Type", refusal.kind)],
            refusal.body_3(request_id) if in_3 else refusal.body,
        )
    return replace(response, headers=[*response.headers, ("X-Fc-Request-Id", request_id)])


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Closed):
        return Refusal(503, "ServiceUnavailable", "the local Function Compute ends")
    # a mistake of this program; the caller must still get an answer
    tell("".join(traceback.format_exception(error)).rstrip())
    return Refusal(500, "InternalServerError", "an internal error has occurred. Please retry.")


def _for_download(response: Response) -> Response:
    """What comes from the default domain is for download: facts/function-compute.md §1.9."""
    kept = [
        (name, value) for name, value in response.headers if name.lower() != "content-disposition"
    ]
    return replace(response, headers=[*kept, ("Content-Disposition", "attachment")])
