"""Where the emulator listens, keeps its state and sends its webhooks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

DEFAULT_KEY = "sk_test_doorstone_emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One emulator's configuration, read from the environment once."""

    host: str = "127.0.0.1"
    port: int = 8001
    var_dir: Path = Path("var")
    key: str = DEFAULT_KEY
    webhook_url: str = ""
    webhook_secret: str = ""
    public_url: str = ""

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read the settings that ``python -m embedded.stripe`` documents."""
        port = env.get("STRIPE_EMULATOR_PORT", "8001")
        if not port.isdecimal():
            raise ValueError(f"STRIPE_EMULATOR_PORT must be a number, not {port!r}.")
        key = env.get("STRIPE_EMULATOR_KEY") or DEFAULT_KEY
        # A real key typed here would be written into logs and folders of play.
        if not key.startswith("sk_test_"):
            raise ValueError("STRIPE_EMULATOR_KEY must begin with sk_test_.")
        return cls(
            host=env.get("HOST") or "127.0.0.1",
            port=int(port),
            var_dir=Path(env.get("VAR_DIR") or "var"),
            key=key,
            webhook_url=env.get("STRIPE_EMULATOR_WEBHOOK_URL", ""),
            webhook_secret=env.get("STRIPE_EMULATOR_WEBHOOK_SECRET", ""),
            public_url=env.get("STRIPE_EMULATOR_PUBLIC_URL", ""),
        )

    @property
    def base_url(self) -> str:
        """The address a browser reaches the hosted pages at."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def database(self) -> Path:
        """The SQLite file that holds every object, event and delivery."""
        return self.var_dir / "stripe-emulator" / "state.sqlite3"
