"""Where a request comes from: found out once, for pages and for the gateway.

A stranger is counted by what they cannot change at will. The header is only as true as
the proxy that wrote it, and who has one address of IPv6 has 2⁶⁴ of them.
"""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

# Some proxies name the port, too: ``203.0.113.9:4711``, ``[2001:db8::1]:4711``.
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")


def read_address(forwarded: str, peer: str) -> str:
    """Return the address the outermost trusted proxy saw, as it is written plainly.

    ``forwarded`` is all that was sent as X-Forwarded-For, ``peer`` who is connected.
    Nobody is believed but our own proxies (``TRUSTED_PROXIES``); where they name no
    address, it is that of the peer.
    """
    trusted = settings.TRUSTED_PROXIES
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    named = hops[-trusted] if trusted and len(hops) >= trusted else ""
    return _plain(named) or _plain(peer) or peer


def address_of(request: HttpRequest) -> str:
    """Return the address a request came from, as ``trusted_proxies`` settled it."""
    return str(request.META.get("REMOTE_ADDR", ""))


def place_of(request: HttpRequest) -> str:
    """Return what a stranger is counted by: an address, of IPv6 its network of /64.

    That is what one household or one rented server is given.
    """
    return _network(address_of(request), four=32, six=64) or address_of(request)


def network_of(address: str) -> str:
    """Return the network of an address: enough to notice a stranger, no more."""
    return _network(address, four=24, six=48)


def _plain(text: str) -> str:
    """Return an address without port, zone and IPv6 clothes; nothing for no address."""
    found = _WITH_PORT.fullmatch(text)
    bare = (found[1] or found[2]) if found else text
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    # Of a socket that takes both: ``::ffff:203.0.113.9``.
    return str(getattr(address, "ipv4_mapped", None) or address)


def _network(address: str, *, four: int, six: int) -> str:
    plain = _plain(address)
    if not plain:
        return ""
    bits = six if ":" in plain else four
    return str(ipaddress.ip_network(f"{plain}/{bits}", strict=False))
