"""What every client is asked to do, by whichever protocol it speaks.

A program names its checks; each prints a line of JSON: the protocol, the check, and
``ok`` or what went wrong. What they call is in the environment: ``BASE_URL`` is where
``/v1`` is, ``KEY`` opens it, ``LIMITED_KEY`` has no request left in this minute.
"""

import json
import os
import traceback
from collections.abc import Callable
from typing import Any

BASE_URL = os.environ["BASE_URL"]
# Anthropic's clients add ``/v1`` themselves.
ROOT_URL = BASE_URL.removesuffix("/v1")
KEY = os.environ["KEY"]
LIMITED_KEY = os.environ["LIMITED_KEY"]
# One answers by tools and JSON, one is of a plan the key's organisation has not.
MODEL = os.environ["MODEL"]
PREMIUM = os.environ["PREMIUM"]
IS_REAL = os.environ.get("IS_REAL") == "1"
UNKNOWN = "no-such-model"
WRONG_KEY = "ds_live_wrong"
QUESTION = "Say hello."
GREETING = "Hello there!"
WEATHER = "It is 21 degrees in Paris."
LONG = "word " * 20_000
HUGE = "x" * 21_000_000
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


def check(protocol: str, name: str, run: Callable[[], object]) -> None:
    """Run one check and say how it went."""
    try:
        run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what went wrong
        said = "".join(traceback.format_exception_only(error)).strip()
        frames = traceback.extract_tb(error.__traceback__)
        own = [f.lineno for f in frames if "_python.py" in f.filename]
        where = own[-1] if own else 0
        told = f"line {where}: {said[:400]}"
    else:
        told = "ok"
    print(json.dumps({"protocol": protocol, "check": name, "told": told}), flush=True)


def same(got: object, wanted: object) -> None:
    """Refuse anything but what is wanted; a real model says what it likes."""
    if IS_REAL and isinstance(got, str) and got:
        return
    if got != wanted:
        raise AssertionError(f"{got!r} is not {wanted!r}")


def refused(
    run: Callable[[], object], *, status: int, wait: bool = False, kind: Any = None
) -> None:
    """Ask for a refusal of one status, and of one class where one is named."""
    try:
        run()
    except Exception as error:
        found = status_of(error)
        if found != status:
            raise AssertionError(f"{found} is not {status}: {error!r}"[:300]) from error
        if kind is not None and not isinstance(error, kind):
            raise AssertionError(f"{type(error)} is no {kind}") from error
        if wait and not wait_of(error):
            raise AssertionError("no retry-after") from error
        return
    raise AssertionError("was not refused")


def status_of(error: BaseException | None) -> int:
    """Return the status a library's error, or one behind it, has."""
    while error is not None:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return 0


def wait_of(error: BaseException | None) -> str:
    while error is not None:
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", None)
        if headers and headers.get("retry-after"):
            return str(headers["retry-after"])
        error = error.__cause__ or error.__context__
    return ""
