"""An OIDC issuer of the tests' own: discovery and keys over real HTTP, tokens that it signs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "workledger"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """What it answers can be changed while it runs; what it was asked is counted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Private] = {}
        self.other_jwks: list[dict[str, Any]] = []
        self.is_down = False
        self.asked: list[str] = []

    def add_key(self, key_id: str, private: Private) -> None:
        """Sign with one more key."""
        self.keys[key_id] = private

    def answer(self, path: str) -> tuple[int, Any]:
        """What is at a path."""
        self.asked.append(path)
        if self.is_down:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        keys = [jwk(key_id, private) for key_id, private in self.keys.items()]
        return 200, {"keys": [*self.other_jwks, *keys]}

    def token(self, key_id: str, algorithm: str = "RS256", **claims: Any) -> str:
        """A token in force, of these claims; one that is None is left out."""
        now = int(time.time())
        told = {"iss": self.url, "aud": AUDIENCE, "sub": "ana", "exp": now + 60, "iat": now}
        kept = {name: value for name, value in (told | claims).items() if value is not None}
        return jwt.encode(kept, self.keys[key_id], algorithm, {"kid": key_id})


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A fresh key for RS256."""
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key_id: str, private: Private) -> dict[str, Any]:
    """The public half, as a JWKS holds it."""
    if isinstance(private, rsa.RSAPrivateKey):
        told = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        told = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return told | {"kid": key_id, "use": "sig"}


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer that answers on loopback until the end."""
    issuer: Issuer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, told = issuer.answer(self.path)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its own name)
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
