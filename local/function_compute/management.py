"""The management API 2016-08-15: which call a method and a path are."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from .errors import Refusal, not_supported, service_not_found
from .functions import Functions
from .names import is_home
from .on_demand import OnDemandConfigs
from .packages import Packages
from .resources import Call, Resources, etag, public
from .services import Services
from .store import Document
from .triggers import AsyncConfigs, Triggers
from .wire import Request, Response

Operation = Callable[[Call], Document | None]


class Management:
    """Answers the calls that a deployment makes.

    Args:
        resources: Where everything is kept.
        packages: Where code is kept.
    """

    def __init__(self, resources: Resources, packages: Packages) -> None:
        services, functions = Services(resources), Functions(resources, packages)
        triggers, configs = Triggers(resources), AsyncConfigs(resources)
        instances = OnDemandConfigs(resources)
        function = "services/*/functions/*"
        self._operations: dict[tuple[str, str], Operation] = {
            ("POST", "services"): services.create,
            ("GET", "services"): services.list,
            ("GET", "services/*"): services.get,
            ("PUT", "services/*"): services.update,
            ("DELETE", "services/*"): services.delete,
            ("POST", "services/*/versions"): services.publish,
            ("GET", "services/*/versions"): services.list_versions,
            ("DELETE", "services/*/versions/*"): services.delete_version,
            ("POST", "services/*/aliases"): services.create_alias,
            ("GET", "services/*/aliases"): services.list_aliases,
            ("GET", "services/*/aliases/*"): services.get_alias,
            ("PUT", "services/*/aliases/*"): services.update_alias,
            ("DELETE", "services/*/aliases/*"): services.delete_alias,
            ("POST", "services/*/functions"): functions.create,
            ("GET", "services/*/functions"): functions.list,
            ("GET", function): functions.get,
            ("PUT", function): functions.update,
            ("DELETE", function): functions.delete,
            ("GET", f"{function}/code"): functions.code,
            ("POST", f"{function}/triggers"): triggers.create,
            ("GET", f"{function}/triggers"): triggers.list,
            ("GET", f"{function}/triggers/*"): triggers.get,
            ("PUT", f"{function}/triggers/*"): triggers.update,
            ("DELETE", f"{function}/triggers/*"): triggers.delete,
            ("PUT", f"{function}/async-invoke-config"): configs.put,
            ("GET", f"{function}/async-invoke-config"): configs.get,
            ("DELETE", f"{function}/async-invoke-config"): configs.delete,
            ("GET", f"{function}/async-invoke-configs"): configs.list,
            ("PUT", f"{function}/on-demand-config"): instances.put,
            ("GET", f"{function}/on-demand-config"): instances.get,
        }

    def answer(self, request: Request, segments: list[str]) -> Response:
        """Answers one call.

        Args:
            request: Whose signature is checked.
            segments: Of the path behind the API's version: collections and names in turn,
                percent-encoded.

        Raises:
            Refusal: The call is refused.
        """
        shape = "/".join("*" if number % 2 else segment for number, segment in enumerate(segments))
        operation = self._operations.get((request.method, shape))
        if operation is None:
            raise not_supported(request.method, request.path)
        names = tuple(unquote(name) for name in segments[1::2])
        if names and is_home(names[0]):
            raise service_not_found(names[0][1:])
        if_match = request.headers.get("if-match", "")
        call = Call(names, query_of(request), document_of(request), if_match)
        document = operation(call)
        if document is None:
            return Response(204)
        body = json.dumps(public(document)).encode()
        return Response(200, [("Content-Type", "application/json"), ("ETag", etag(document))], body)


def query_of(request: Request) -> dict[str, str]:
    """The first value of each parameter."""
    return dict(reversed(parse_qsl(request.query, keep_blank_values=True)))


def document_of(request: Request) -> Document:
    """The body; raises 400 where it is no JSON object."""
    if not request.body:
        return {}
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refusal(400, "MalformedPOSTRequest", "the request body is no JSON object")
    return document
