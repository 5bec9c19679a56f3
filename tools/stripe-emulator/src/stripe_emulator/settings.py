"""Where the emulator listens, keeps its state and sends its webhooks."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

PREFIX = "STRIPE_EMULATOR_"
HELP = {
    "host": "the address it listens at",
    "port": "the port it listens at",
    "key": "the one secret key it accepts; begins with sk_test_",
    "data": "the SQLite file of its state; a restart goes on where it stopped",
    "webhook_url": "an endpoint for all events, registered at the start",
    "webhook_secret": "what deliveries to that endpoint are signed with",
    "public_url": "what links to its pages begin with, behind a proxy",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One emulator's configuration, read once from its command and environment."""

    host: str = "127.0.0.1"
    port: int = 8001
    key: str = "sk_test_emulator"
    data: Path = Path("stripe-emulator.sqlite3")
    webhook_url: str = ""
    webhook_secret: str = "whsec_emulator"  # noqa: S105 - it signs events of play
    public_url: str = ""

    @classmethod
    def read(
        cls, arguments: Sequence[str], environment: Mapping[str, str] = os.environ
    ) -> Self:
        """Return what ``python -m stripe_emulator`` was told.

        An argument wins over its variable; an empty one leaves the default. Raises
        ``ValueError`` with a sentence that names the variable.
        """
        parser = argparse.ArgumentParser(
            prog="python -m stripe_emulator",
            description="A service that speaks Stripe's wire format. No money moves.",
            epilog=f"Each can be a variable instead: {PREFIX}PORT for --port.",
        )
        for field in fields(cls):
            option = f"--{field.name.replace('_', '-')}"
            shown = f"{HELP[field.name]} (default: {field.default or 'none'})"
            parser.add_argument(option, dest=field.name, metavar="…", help=shown)
        given = vars(parser.parse_args(arguments))
        told = {
            name: value or environment.get(f"{PREFIX}{name.upper()}", "")
            for name, value in given.items()
        }
        port = told.pop("port") or str(cls.port)
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{PREFIX}PORT must be a port number, not {port!r}.")
        # A real key typed here would be written into logs and folders of play.
        if told["key"] and not told["key"].startswith("sk_test_"):
            raise ValueError(f"{PREFIX}KEY must begin with sk_test_.")
        data = Path(told.pop("data") or cls.data)
        kept = {name: value for name, value in told.items() if value}
        return cls(port=int(port), data=data, **kept)

    @property
    def base_url(self) -> str:
        """The address a browser reaches the hosted pages at."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
