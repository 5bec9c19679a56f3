"""What an upstream says, without where it runs and what opens it.

A caller may read why a model refused a request; addresses, keys, paths and the
upstream's own names are for the operator alone.
"""

import re
from collections.abc import Iterable, Mapping

LONGEST = 500  # a reason is a few sentences; a page of HTML is none
# Letters are ASCII's: what is hidden ends where Chinese goes on without a space.
_ANY_CASE = re.IGNORECASE | re.ASCII
_SECRETS = (
    # Addresses: with a scheme, numbered, with a port, of a network's own names.
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>)\]}]+", _ANY_CASE), "…"),
    (
        re.compile(
            r"\[?\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}\b\]?(?::\d+)?", re.IGNORECASE
        ),
        "…",
    ),
    (
        re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/[^\s\"']*)?", re.ASCII),
        "…",
    ),
    # Of clouds: a machine by its number, a thing by its path.
    (re.compile(r"\bip(?:-\d{1,3}){4}\b", re.ASCII), "…"),
    (re.compile(r"\barn:[^\s\"']+", _ANY_CASE), "…"),
    (re.compile(r"\b[a-z]{2,20}%3a%2f%2f[^\s\"']+", _ANY_CASE), "…"),
    (re.compile(r"\b[\w.%+-]+@(?:[\w-]+\.)+[a-z]{2,}\b", _ANY_CASE), "…"),
    (re.compile(r"\b[a-z0-9_][\w.-]*:\d{2,5}\b(?:/[^\s\"']*)?", _ANY_CASE), "…"),
    (
        re.compile(
            r"\b(?:[a-z0-9_-]+\.)+(?:com|net|org|io|ai|dev|app|cloud|co|cn|eu|de|us|uk|"
            r"internal|local|localdomain|lan|svc|cluster|corp|intranet|home|arpa|test|"
            r"tech|xyz|gg|run|info|biz|site|online|fr|jp|kr|tw|hk|sg|ca|au|ch|nl|ru|"
            r"prod|staging|example|invalid)\b(?:/[^\s\"']*)?",
            _ANY_CASE,
        ),
        "…",
    ),
    (re.compile(r"\blocalhost\b(?:/[^\s\"']*)?", _ANY_CASE), "…"),
    # Keys: by how they begin, by what stands before them, by how they look.
    (re.compile(r"\bBearer\s+\S+", _ANY_CASE), "…"),
    (
        re.compile(
            r"\b(?:sk|pk|rk|ak|key|hf|gsk|xai|ghp|gho|glpat|nvapi|tok|ds)[-_][\w*.-]{4,}",
            _ANY_CASE,
        ),
        "…",
    ),
    (re.compile(r"\b(?:AKIA|AIza|eyJ)[\w*.-]{8,}", re.ASCII), "…"),
    (
        re.compile(
            r"\b(api[_ -]?key|secret|password|passwd|authorization|credential)s?"
            r"(\s*(?:is|was|:|=)?\s*)[\"']?[^\s\"',;]{4,}[\"']?",
            _ANY_CASE,
        ),
        r"\1 …",
    ),
    (
        re.compile(
            r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{23,}\b", re.ASCII
        ),
        "…",
    ),
    # Files.
    (re.compile(r"(?<!\w)(?:~|\.{0,2})(?:/[\w.@+-]+){2,}/?", re.ASCII), "…"),
    (re.compile(r"\b[A-Za-z]:\\[^\s\"']+", re.ASCII), "…"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def redact(
    text: str, *, renamed: Mapping[str, str] | None = None, hidden: Iterable[str] = ()
) -> str:
    """Return ``text`` as a caller may read it, at most ``LONGEST`` characters.

    ``renamed`` gives the caller's words for the upstream's own; ``hidden`` never
    appears, however it looks.
    """
    # What is searched is bounded: an upstream may send megabytes.
    text = _CONTROL.sub(" ", text[: LONGEST * 4])
    for secret in hidden:
        if secret:
            text = text.replace(secret, "…")
    for theirs, ours in (renamed or {}).items():
        if theirs:
            whole = rf"(?<!\w){re.escape(theirs)}(?!\w)"
            text = re.sub(whole, ours.replace("\\", "\\\\"), text, flags=re.ASCII)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text.strip()[:LONGEST]
