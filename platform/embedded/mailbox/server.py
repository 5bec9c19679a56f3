"""An SMTP server that keeps what it is sent, and the page that shows it."""

import hmac
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from embedded.mailbox import pages
from embedded.mailbox.mails import Store

# Every mail shows on the page; its connection is nothing to report.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Mailbox:
    """The SMTP server and the page, each in a thread of this process."""

    def __init__(
        self, folder: Path, *, host: str, smtp_port: int, port: int, secret: str
    ) -> None:
        """``secret`` is the first part of every address and the SMTP password.

        Mails hold links that sign people in, and every account of this machine
        reaches a loopback port.
        """
        self.store = Store(folder)
        handler = type("Handler", (_Page,), {"store": self.store, "secret": secret})
        self.http = ThreadingHTTPServer((host, port), handler)
        self.http.daemon_threads = True
        self.smtp = Controller(
            _Catcher(self.store),
            hostname="127.0.0.1",
            port=smtp_port,
            authenticator=_Doorkeeper(secret),
            # The way is this machine's loopback.
            auth_require_tls=False,
        )

    def start(self) -> None:
        self.smtp.start()
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.smtp.stop(no_assert=True)
        self.http.shutdown()
        self.http.server_close()


class _Doorkeeper:
    """Lets in who sends mail with the mailbox's secret as password."""

    def __init__(self, secret: str) -> None:
        self.secret = secret.encode()

    def __call__(
        self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any
    ) -> AuthResult:
        given = getattr(login, "password", b"")
        # Not handled: the server answers 235 or 535 itself.
        return AuthResult(
            success=hmac.compare_digest(given, self.secret), handled=False
        )


class _Catcher:
    """Takes every mail, to any address."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.store.add(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return "250 kept"


class _Page(BaseHTTPRequestHandler):
    """The page, one mail, and the same as JSON."""

    store: ClassVar[Store]
    secret: ClassVar[str]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, given, path = f"{parts.path}//".split("/", 2)
        path = f"/{path.rstrip('/')}"
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            self._answer(pages.closed(self._reader()), status=404)
            return
        recipient = parse_qs(parts.query).get("to", [""])[0]
        mails = list(self.store.newest(to=recipient))
        if path == "/":
            self._answer(pages.index(mails, recipient, self._reader()))
        elif path == "/style.css":
            self._answer(pages.STYLE, "text/css")
        elif path == "/api/messages":
            listed = json.dumps([mail.to_dict() for mail in mails])
            self._answer(listed, "application/json")
        elif path.removeprefix("/mail/").removesuffix("/html").isdecimal():
            self._mail(path)
        else:
            self._answer(pages.missing(self._reader()), status=404)

    def _reader(self) -> pages.Reader:
        return pages.Reader(self.headers.get("Accept-Language", ""), self.secret)

    def _mail(self, path: str) -> None:
        number = int(path.removeprefix("/mail/").removesuffix("/html"))
        mail = self.store.mails.get(number)
        if mail is None:
            self._answer(pages.missing(self._reader()), status=404)
        elif path.endswith("/html"):
            # Shown in a sandboxed frame: no script, no form, no outside request.
            self._answer(
                mail.body("html"),
                policy="sandbox; default-src 'none'; style-src 'unsafe-inline'",
            )
        else:
            self._answer(pages.detail(mail, self._reader()))

    def _answer(
        self,
        text: str,
        kind: str = "text/html",
        *,
        status: int = 200,
        policy: str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'",
    ) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        # A link in a mail must not carry the secret away.
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: looking at mail is no event."""
