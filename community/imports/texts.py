"""Making of a text of another forum one of this forum: Markdown whose links lead on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.html import strip_tags
from markdownify import markdownify

from core.clock import now

# Before any of the three forums was; what is older is a slip of a program.
_FIRST_YEAR = 1995
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Discourse names a file by its SHA-1 written with sixty-two signs.
_UPLOAD = re.compile(r"upload://(?P<name>[0-9A-Za-z]{1,30})(?P<end>\.\w{1,10})?")
# ``[quote="ada, post:3, topic:12"]`` and its end, each on a line of its own or not.
_QUOTE = re.compile(r'\[quote(?:="?(?P<who>[^\]"]*)"?)?\]|\[/quote\]')
# Quotations within quotations; people write no deeper ones.
_MOST_QUOTES = 8
# Addresses of topics and posts, as each of the three writes them.
_OLD_PATH = r"/(?:t|p|questions|q|a|discussions)/[\w\-/%]+"


def moment(text: str | None) -> str | None:
    """Return a time of an export in UTC, as ISO 8601; None for what is none.

    Without a zone it is UTC, as all three mean it. What is before there were forums, or
    is still to come, is a slip.
    """
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    try:
        at = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except OverflowError:
        return None
    # A day for clocks that go wrong.
    if at.year < _FIRST_YEAR or at > now() + timedelta(days=1):
        return None
    return at.isoformat()


def markdown_of(html: str) -> str:
    """Return HTML as Markdown; its bare words where nobody wrote it by hand."""
    try:
        text = markdownify(
            html,
            heading_style="ATX",
            bullets="-",
            strip=["script", "style"],
            escape_misc=False,
        )
    except RecursionError:
        # Hundreds of elements within each other: nobody laid that out.
        text = strip_tags(html)
    return str(text).strip()


@dataclass(frozen=True, slots=True)
class OldPlaces:
    """Where things of the other forum are now.

    ``files`` are the paths of uploaded files by SHA-1, ``files_at`` the address they
    are served from, ``address`` the one the forum had, ``old`` what answers for it
    here.
    """

    old: str
    address: str = ""
    files_at: str = ""
    files: Mapping[str, str] | None = None


def retold(text: str, places: OldPlaces) -> str:
    """Return a text of the other forum with links that lead on and quotations."""
    text = _with_quotations(text)
    if places.files_at and places.files is not None:
        text = _UPLOAD.sub(lambda found: _file(found, places), text)
    if places.address:
        host = re.escape(places.address.rstrip("/").partition("://")[2])
        text = re.sub(
            rf"https?://{host}(?P<path>{_OLD_PATH})",
            lambda found: f"{places.old}{found['path'].lstrip('/')}",
            text,
        )
    return text


def _file(found: re.Match[str], places: OldPlaces) -> str:
    path = (places.files or {}).get(_sha1(found["name"]))
    if path is None:
        return found[0]
    return (
        f"{places.files_at.rstrip('/')}/{path.partition('://')[2] or path.lstrip('/')}"
    )


def _sha1(name: str) -> str:
    number = 0
    for sign in name:
        number = number * 62 + _ALPHABET.index(sign)
    return f"{number:040x}"


def _with_quotations(text: str) -> str:
    """Write ``[quote]`` as Markdown does; what is opened and not closed stays."""
    if "[quote" not in text:
        return text
    # Each open quotation: its heading, and what was written in it so far.
    open_ones: list[tuple[str, list[str]]] = []
    whole: list[str] = []
    position = 0
    for found in _QUOTE.finditer(text):
        target = open_ones[-1][1] if open_ones else whole
        target.append(text[position : found.start()])
        position = found.end()
        if found[0] != "[/quote]" and len(open_ones) < _MOST_QUOTES:
            who = (found["who"] or "").partition(",")[0].strip()
            open_ones.append((who, []))
        elif found[0] == "[/quote]" and open_ones:
            who, parts = open_ones.pop()
            target = open_ones[-1][1] if open_ones else whole
            target.append(_quotation(who, "".join(parts)))
        else:
            target.append(found[0])
    for who, parts in open_ones:
        whole += [f"[quote={who}]" if who else "[quote]", *parts]
    whole.append(text[position:])
    return "".join(whole)


def _quotation(who: str, said: str) -> str:
    lines = ([f"**{who}:**", ""] if who else []) + said.strip().splitlines()
    return "\n\n" + "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"
