"""Where no model's server is, whatever its name resolves to.

Addresses come from staff, and models often run on machines of one's own network: those
are as good as any. What is never one is the cloud's own address for its machines, which
hands out their credentials, and what is no single machine's.
"""

import ipaddress
from functools import lru_cache

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Link-local, where clouds answer their machines; Alibaba's and Amazon's other ones;
# those of no host, of every host and reserved ones.
DENIED = (
    *("169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "0.0.0.0/8"),
    *("224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "fd00:ec2::254/128", "::/128"),
    *("ff00::/8", "fec0::/10"),
)
# Addresses of the old kind inside those of the new: mapped, translated, tunnelled.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressDenied(OSError):
    """A name leads where no model's server is."""


def check_address(text: str) -> None:
    """Raise ``AddressDenied`` for an address no model's server has; names pass."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return
    for form in _forms(address):
        if any(
            form.version == network.version and form in network for network in _denied()
        ):
            raise AddressDenied(f"{text} is no address of a model's server.")


def _forms(address: Address) -> list[Address]:
    """Return an address and the older one it stands for, where it does."""
    forms: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            forms.append(inner)
    return forms


def _denied() -> tuple[Network, ...]:
    return _networks(tuple(settings.UPSTREAM_DENIED_NETWORKS))


@lru_cache(maxsize=4)  # the settings of one process, and a test's
def _networks(more: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in (*DENIED, *more))
