"""Triggers and asynchronous configurations as 3.0 writes them."""

from __future__ import annotations

import json
from dataclasses import replace

from .errors import invalid, not_modelled
from .hosts import Hosts
from .names import home
from .resources import Call, public, required
from .store import Document, Store
from .triggers import AsyncConfigs, Triggers, triggers_of

_HTTP = {"authType", "methods", "disableURLInternet"}


class Triggers3:
    """The calls on triggers of 3.0, and the addresses of those of type http.

    Args:
        store: Where they are kept.
        triggers: The calls of 2.0, which do the rest.
        hosts: The addresses.
        arn: What the ARN of a function has before its name.
    """

    def __init__(self, store: Store, triggers: Triggers, hosts: Hosts, arn: str) -> None:
        self._store = store
        self._triggers = triggers
        self._hosts = hosts
        self._arn = arn

    def create(self, call: Call) -> Document:
        """CreateTrigger: `triggerConfig` is JSON in a string."""
        document = self._triggers.create(_read(call))
        return self._shown(call, self._opened(call.names[1], document))

    def get(self, call: Call) -> Document:
        """GetTrigger."""
        return self._shown(call, self._triggers.get(call))

    def update(self, call: Call) -> Document:
        """UpdateTrigger: members left out stay as they are."""
        return self._shown(call, self._triggers.update(_read(call)))

    def list(self, call: Call) -> Document:
        """ListTriggers."""
        listed = self._triggers.list(call)
        own = triggers_of(self._store, *call.names)
        shown = [self._shown(call, own[one["triggerName"]]) for one in listed["triggers"]]
        return {**listed, "triggers": [public(one) for one in shown]}

    def delete(self, call: Call) -> None:
        """DeleteTrigger: its address is gone with it."""
        self._triggers.delete(call)
        self._hosts.close(call.names[1], call.names[2])

    def resume(self) -> None:
        """Opens the addresses of all triggers, the same as before wherever they are free."""
        for service in self._store.names("services"):
            if service.startswith(home("")):
                function = service.removeprefix(home(""))
                for document in triggers_of(self._store, service, function).values():
                    self._opened(function, document)

    def _opened(self, function: str, document: Document) -> Document:
        if document["triggerType"] != "http":
            return document
        name = document["triggerName"]
        port = self._hosts.open(function, name, document.get("_port", 0))
        document = {**document, "_port": port}
        self._store.put(f"services/{home(function)}/functions/{function}/triggers", name, document)
        return document

    def _shown(self, call: Call, document: Document) -> Document:
        shown = {**document, "triggerConfig": json.dumps(document.get("triggerConfig", {}))}
        shown["targetArn"] = f"{self._arn}{call.names[1]}"
        if "_port" in document:
            url = self._hosts.url(call.names[1], document["triggerName"])
            shown["httpTrigger"] = {"urlInternet": url, "urlIntranet": url}
        return shown


class AsyncConfigs3:
    """The calls on the configuration of asynchronous invocation as 3.0 writes it.

    Args:
        configs: The calls of 2.0, which do the rest.
        arn: What the ARN of a function has before its name.
    """

    def __init__(self, configs: AsyncConfigs, arn: str) -> None:
        self._configs = configs
        self._arn = arn

    def put(self, call: Call) -> Document:
        """PutAsyncInvokeConfig."""
        if call.document.get("asyncTask"):
            raise not_modelled("asyncTask")
        return self._shown(self._configs.put(call))

    def get(self, call: Call) -> Document:
        """GetAsyncInvokeConfig."""
        return self._shown(self._configs.get(call))

    def list(self, call: Call) -> Document:
        """ListAsyncInvokeConfigs of one function, which `functionName` must name."""
        (function,) = required({**call.query}, "functionName")
        listed = self._configs.list(replace(call, names=(home(function), function)))
        return {**listed, "configs": [self._shown(one) for one in listed["configs"]]}

    def delete(self, call: Call) -> None:
        """DeleteAsyncInvokeConfig."""
        self._configs.delete(call)

    def _shown(self, document: Document) -> Document:
        shown = {**document, "functionArn": f"{self._arn}{document['function']}"}
        return {key: value for key, value in shown.items() if key not in {"service", "function"}}


def _read(call: Call) -> Call:
    text = call.document.get("triggerConfig")
    if text is None:
        return call
    try:
        config = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise invalid("triggerConfig must be a JSON object in a string")
    if call.document.get("triggerType") == "http" or "authType" in config:
        for name in sorted(config.keys() - _HTTP):
            if config[name]:
                raise not_modelled(f"triggerConfig.{name}")
    return replace(call, document={**call.document, "triggerConfig": config})
