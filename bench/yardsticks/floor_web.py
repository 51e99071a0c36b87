"""The floor of the web function: the floor on the same web server, with as many threads."""

import logging
import os

from floor import app
from waitress.server import create_server

logging.getLogger("waitress.queue").disabled = True
create_server(
    app,
    listen=f"127.0.0.1:{os.environ['FC_CUSTOM_LISTEN_PORT']}",
    threads=100,
    connection_limit=1000,
    asyncore_use_poll=True,
).run()
