"""A small OpenID Connect provider on loopback: discovery, code flow, signed tokens.

It signs people in without asking, as whoever the test says, and keeps what it was
asked so that a test can look.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


@dataclass
class Provider:
    """Who signs in next, and what the product asked for."""

    client_id: str
    client_secret: str
    claims: dict[str, Any]
    url: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    # Path → the status and the body it answers with, whatever it is asked.
    faults: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser is sent: back, with a code."""
        if asked["client_id"] != self.client_id or asked["response_type"] != "code":
            raise ValueError("This client is not known.")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{back}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return tokens for a code, once, to the client that may have them."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("client_secret") != self.client_secret:
            return None
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        if "code_challenge" in asked and not self._proves(form, asked):
            return None
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        now = int(time.time())
        identity = {
            **self.claims,
            "iss": self.url,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 60,
        }
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": jwt.encode(
                identity, self.key, algorithm="RS256", headers={"kid": "one"}
            ),
        }

    def _proves(self, form: dict[str, str], asked: dict[str, str]) -> bool:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return made == asked["code_challenge"]


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.provider.requests.append(parts.path)
        if parts.path in self.provider.faults:
            self._answer(*self.provider.faults[parts.path])
        elif parts.path == "/.well-known/openid-configuration":
            self._json(self.provider.discovery())
        elif parts.path == "/keys":
            self._json(self.provider.keys())
        elif parts.path == "/userinfo":
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            is_known = bearer in self.provider.tokens
            self._json(
                self.provider.claims if is_known else {}, 200 if is_known else 401
            )
        elif parts.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(_first(parts.query)))
            self.end_headers()
        else:
            self._json({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.provider.requests.append(self.path)
        if self.path in self.provider.faults:
            self._answer(*self.provider.faults[self.path])
            return
        answer = self.provider.exchange(_first(body))
        self._json(
            answer or {"error": "invalid_grant"}, 200 if answer is not None else 400
        )

    def log_message(self, *args: Any) -> None:
        return

    def _json(self, value: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def running_provider(claims: dict[str, Any]) -> Iterator[Provider]:
    """Run a provider until the block ends."""
    provider = Provider("doorstone", secrets.token_urlsafe(16), claims)
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
