"""An authenticator app: what a person's telephone shows."""

import base64
import hmac
import time


def code_of(secret: str) -> str:
    """Return the code of this half minute (RFC 6238: SHA-1, 30 seconds, six digits)."""
    counter = int(time.time()) // 30
    key = base64.b32decode(secret)
    digest = hmac.digest(key, counter.to_bytes(8, "big"), "sha1")
    # RFC 4226, section 5.3: the last four bits say where the number begins.
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06d}"
