"""Networks and origins as people write them, and as they are kept."""

from ipaddress import ip_network
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def network_of(text: str) -> str:
    """Return an address or a network as it is kept. Raises ``ValidationError``."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise ValidationError(
            _("“%(text)s” is no address and no network.") % {"text": text[:50]}
        ) from error


def origin_of(text: str) -> str:
    """Return an origin as browsers send it. Raises ``ValidationError``."""
    refused = ValidationError(
        _("“%(text)s” is no origin: write it like https://app.example.")
        % {"text": text[:50]}
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refused from error
    if (
        not (text.isascii() and text.isprintable())
        or len(text) > 200
        or not (parts.scheme and parts.hostname)
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise refused
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    ending = f":{port}" if port and port != usual else ""
    return f"{parts.scheme}://{host}{ending}"
