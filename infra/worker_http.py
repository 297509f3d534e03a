"""What a worker answers over HTTP: its metrics, whether it lives, and whether its store answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

JSON = (("Content-Type", "application/json"),)
Missing = Callable[[], list[str]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Nothing: a line a scrape is no news."""


def serve(host: str, port: int, missing: Missing) -> WSGIServer:
    """Serve `/metrics`, `/health/live` and `/health/ready` from a thread; answers with the server.

    `missing` says what is not ready, a sentence each; ready is then 503. Raises `OSError` where the
    port is taken.
    """
    server = make_server(host, port, _application(missing), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, name="worker-http", daemon=True).start()
    return server


def _application(missing: Missing) -> Callable[..., Iterable[bytes]]:
    metrics: Any = make_wsgi_app()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/health/live":
                start_response("200 OK", [*JSON])
                return [b'{"status": "live"}']
            case "/health/ready":
                found = missing()
                start_response("503 Service Unavailable" if found else "200 OK", [*JSON])
                status = "not ready" if found else "ready"
                return [json.dumps({"status": status, "missing": found}).encode()]
            case _:
                return metrics(environ, start_response)

    return application
