"""What ``docs/operations.md`` says to do: its fenced blocks, by name."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "operations.md"

# In the order they are run, which is the order of the guide but for the last two parts:
# an upgrade is tried before a backup is restored.
RUN = (
    "postgresql",
    "redis",
    "environment",
    "environment-of-python",
    "shell",
    "check",
    "tables",
    "start",
    "proxy",
    "staff",
    "call",
    "prepare",
    "replace",
    "backup",
    "restore",
    "after-restore",
)
# Blocks that are files: written where their name says.
FILES = (
    "/etc/systemd/system/doorstone-web@.service",
    "/etc/systemd/system/doorstone-gateway@.service",
    "/etc/systemd/system/doorstone-worker.service",
    "/etc/systemd/system/doorstone-beat.service",
    "/etc/nginx/conf.d/doorstone.conf",
)
LEFT_OUT = {
    "packages": "it changes the machine; what lacks is named instead",
    "code": "this checkout is what is tried, under the account that tries it",
    "new-code": "there is no newer code than this checkout",
    "import": "no other forum moves in on the first day",
    "old-forum": "it is of the server that another forum had",
}

# What the guide says, and what stands in its place here: a folder that is thrown away,
# ports nobody has, a name that leads to this machine. ``{names}`` are filled in.
STAND_INS = {
    "/srv/doorstone/.venv": "{venv}",
    "/srv/doorstone": "{root}",
    "/var/lib/doorstone": "{folder}/var",
    "/var/backups": "{folder}",
    "/etc/doorstone.env": "{folder}/doorstone.env",
    "/etc/redis/redis.conf": "{folder}/redis.conf",
    "/etc/systemd/system": "{folder}/units",
    "/etc/nginx/conf.d": "{folder}/nginx",
    "/etc/ssl/example.com": "{folder}/site",
    "nginx -t -q": "nginx -t -q -c {folder}/nginx.conf",
    "listen 80;": "listen 127.0.0.1:{http};",
    "listen 443 ssl": "listen 127.0.0.1:{https} ssl",
    "https://example.com": "https://localhost:{https}",
    "https://$host$": "https://$host:{https}$",
    "server_name example.com": "server_name localhost",
    "127.0.0.1:5432": "127.0.0.1:{postgresql}",
    "127.0.0.1:6379": "127.0.0.1:{redis}",
    "8000": "{web}",
    "8010": "{other_web}",
    "8001": "{gateway}",
    "8011": "{other_gateway}",
    "smtp+tls://user:PASSWORD@mail.example.com:587": "smtp://127.0.0.1:{smtp}",
    "YOUR_PASSWORD": "{password}",
    "sk_test_YOURS": "sk_test_firstday",
    "whsec_YOURS": "whsec_firstday",
    "you@example.com": "operator@example.com",
    "Bearer KEY": "Bearer {key}",
}

_FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str | None = None) -> dict[str, str]:
    """Return every fenced block of the guide by its name, the word after its language.

    Raises ``ValueError`` for a block without a name and for a name that is given twice.
    """
    found: dict[str, str] = {}
    for _language, name, content in _FENCE.findall(text or GUIDE.read_text()):
        if not name or name in found:
            raise ValueError(f"A block needs a name of its own: {content[:60]!r}")
        found[name] = content
    return found


def stand_in(text: str, **values: object) -> str:
    """Put in place what ``STAND_INS`` says, in one pass, longer words first."""
    words = sorted(STAND_INS, key=len, reverse=True)
    pattern = re.compile(
        "|".join(
            rf"(?<!\d){re.escape(word)}(?!\d)" if word.isdigit() else re.escape(word)
            for word in words
        )
    )
    return pattern.sub(lambda found: STAND_INS[found[0]].format(**values), text)
