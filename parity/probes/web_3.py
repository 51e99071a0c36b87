"""Tells what a web function of 3.0 is given."""

import json
import os
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INSTANCE = uuid.uuid4().hex


class Handler(BaseHTTPRequestHandler):
    """Answers with what came."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """One request."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(1 if self.path == "/sleep" else 0)
        shown = {
            "path": self.path.partition("?")[0],
            "headers": sorted({name.lower() for name in self.headers}),
            "scheme": (self.headers.get("Authorization") or "").partition(" ")[0],
            "context": "x-fc-access-key-id" in self.headers,
            "variables": sorted(name for name in os.environ if name.startswith("ALIBABA_CLOUD_")),
            "instance": INSTANCE,
        }
        body = json.dumps(shown).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server calls it so


PORT = int(os.environ.get("FC_CUSTOM_LISTEN_PORT") or 9000)
ThreadingHTTPServer(("0.0.0.0", PORT), Handler).serve_forever()  # noqa: S104 - as it is required
