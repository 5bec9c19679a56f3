"""What nobody in their right mind sends, each with the weakness it looks for."""

from typing import Any

# Text: in queries, forms, addresses, headers and cookies.
TEXTS: tuple[str, ...] = (
    "\0",  # PostgreSQL cannot keep it
    "a\0b",
    "²",  # str.isdigit, but no number
    "\u0661\u0662",  # str.isdecimal, but no ASCII
    "9" * 25,  # beyond 64 bits
    "-1",
    "9" * 5000,  # beyond what int() reads
    "1e400",  # infinite
    "NaN",
    "0001-01-01",  # no day before it
    "9999-12-31",  # no day after it
    "2026-02-30",
    "\udcff",  # a byte that is no UTF-8
    "\u202e\ufeff\u200d",
    "'\";--%s%(x)s{0}{{1}}${2}`\\",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "//evil.test/",
    "http://[::1",  # an address urlsplit refuses
    "[" * 20_000,  # beyond the recursion limit
    '[{"role": [], "content": {}}]',
    '"\\ud800"',
    "x" * 20_000,
    "\r\nX-Injected: 1",
)

# JSON: in place of every field.
JSON: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, 10**30, 1e300, 0.5),
    *("", "x", [], {}, [[]], [None], {"a": None}, [{"role": []}]),
    *("\0", "²", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "x" * 50_000),
)

# Whole bodies that are no JSON, or the wrong one.
BODIES: tuple[bytes, ...] = (
    *(b"", b"null", b"7", b'"x"', b"[]", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}"),
    *(b"NaN", b'{"a": Infinity}', b'{"a": 1e999}', b'{"a": "\\ud800"}'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"[" + b"[]," * 60_000 + b"[]]"),
    b'{"a": ' + b"9" * 100_000 + b"}",
)

CONTENT_TYPES: tuple[str, ...] = (
    *("", "x", "application/json", "application/json; charset=bogus"),
    *("application/x-www-form-urlencoded; charset=utf-7", "text/plain"),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; x",
    ),
    "multipart/form-data; boundary=\u00e9",
)

HEADERS: tuple[str, ...] = (
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Cookie"),
    *("HX-Request", "HX-Current-URL", "HX-Target", "HX-Trigger", "Idempotency-Key"),
    *("If-Modified-Since", "If-None-Match", "Range", "Referer", "Sec-Purpose"),
    *("User-Agent", "X-Forwarded-For", "X-Requested-With", "X-CSRFToken"),
    *("X-HTTP-Method-Override", "Content-Length"),
)

METHODS: tuple[str, ...] = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
