"""What runs can be reached: the addresses of a running product, for its commands.

``make run`` writes ``var/environment``; ``manage.py`` beside it reads that. The
file counts only while the process that wrote it holds ``var/running``, so what a
killed start left behind misleads nobody.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from embedded.process import claim, is_claimed, write_private

_FILE = "environment"
_LOCK = "running"
# Those of one process, not of the product.
_OWN = {"PYTHONPATH", "PYTHONUNBUFFERED", "DJANGO_SETTINGS_MODULE"}


def occupy(var_dir: Path) -> IO[str]:
    """Hold ``var_dir`` for one product. Raises ``ServiceUnavailable``."""
    return claim(
        var_dir / _LOCK,
        f"Doorstone already runs on {var_dir} (process {{holder}}). Stop it first, or "
        "set VAR_DIR, PORT, STRIPE_EMULATOR_PORT and MAILBOX_PORT for a second one.",
    )


def write(var_dir: Path, variables: Mapping[str, str]) -> None:
    """Tell the commands beside this product where its servers are."""
    told = {name: value for name, value in variables.items() if name not in _OWN}
    lines = [f"{name}={json.dumps(value)}\n" for name, value in sorted(told.items())]
    write_private(var_dir / _FILE, "".join(lines))


def forget(var_dir: Path) -> None:
    (var_dir / _FILE).unlink(missing_ok=True)


def read(var_dir: Path) -> dict[str, str]:
    """Return the variables of the product that runs on ``var_dir``, or none."""
    if not is_claimed(var_dir / _LOCK):
        return {}
    try:
        text = (var_dir / _FILE).read_text()
    except OSError:
        return {}
    found = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {name: json.loads(value) for name, value in found}
