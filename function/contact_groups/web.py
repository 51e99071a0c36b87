"""The web function of Function Compute 3.0: `python3 -m contact_groups.web`.

It serves HTTP and events with one `Function`, and so with one pace, on 0.0.0.0 at
FC_CUSTOM_LISTEN_PORT.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Mapping

gc.disable()  # imports make no garbage; see index.py
from contact_groups.compute.server import Server  # noqa: E402
from contact_groups.compute.web import Web  # noqa: E402
from contact_groups.function import Function  # noqa: E402
from contact_groups.settings import SettingsError  # noqa: E402

gc.enable()

#: The platform's default (facts/function-compute-3.md §B2).
PORT = "9000"
#: Seconds that requests have to finish after SIGTERM if the settings do not say it.
END_MAX = 30.0


def serve(environment: Mapping[str, str]) -> int:
    """Serves until SIGTERM; returns the exit code.

    Args: environment: environment variables, such as os.environ.
    """
    # Anything but "true" is off, here where the settings may be wrong too.
    trusted = environment.get("PLATFORM_HEADERS_TRUSTED", "").strip() == "true"
    if trusted:
        # The environment's credentials are as old as the instance. Each request brings its own.
        environment = {
            name: value
            for name, value in environment.items()
            if not name.startswith("ALIBABA_CLOUD_")
        }
    function = Function(environment)
    end_max = END_MAX
    try:
        function.prepare()
        end_max = max(function.settings.time_limit, function.settings.event_time_limit) + 1
    except SettingsError:
        pass  # each request says what is wrong
    port = environment.get("FC_CUSTOM_LISTEN_PORT") or PORT
    try:
        listener = _listen(port)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"contact_groups.web: cannot listen on port {port}: {error}\n")
        return 1
    web = Web(function, headers_trusted=trusted, is_logged=_is_logged)
    server = Server(web, listener, headers_trusted=trusted, end_max=end_max)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    server.run()
    return 0


def _is_logged(error: Exception) -> bool:
    from contact_groups.events.report import EventFailed  # late: a cold start has no use for it

    return isinstance(error, EventFailed)


def _listen(port: str) -> socket.socket:
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError("it must be a number from 1 to 65535")
    # The platform reaches no other address than this one.
    return socket.create_server(("0.0.0.0", int(port)), backlog=1024)  # noqa: S104  # nosec B104


if __name__ == "__main__":
    sys.exit(serve(os.environ))
