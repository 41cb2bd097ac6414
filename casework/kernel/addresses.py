"""Where a request comes from: the peer itself, unless the peer is a proxy the installation trusts."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import HTTPConnection

Address = IPv4Address | IPv6Address
# An IPv6 subscriber holds 2^64 addresses: the network is the neighbour to count, not the address.
IPV6_PREFIX = 64


class Addresses:
    """`trusted`: networks of our own proxies, whose `X-Forwarded-For` is believed; nobody else's is."""

    def __init__(self, trusted: Sequence[str], secret: bytes) -> None:
        self._trusted = [ip_network(network) for network in trusted]
        self._secret = secret

    def of(self, request: HTTPConnection) -> Address | None:
        """None when the peer has no address (a Unix socket)."""
        found = _read(request.client.host) if request.client else None
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        # From the nearest hop on: what stands left of the first untrusted one is hearsay.
        while found is not None and hops and any(found in network for network in self._trusted):
            nearer = _read(hops.pop().strip())
            if nearer is None:
                break
            found = nearer
        return found

    def hashed(self, address: Address | None) -> str:
        """A keyed hash of the network, so that a log can tell two sources apart and names neither."""
        return hmac.new(self._secret, neighbourhood(address).encode(), hashlib.sha256).hexdigest()[:16]


def within(address: Address | None, networks: Iterable[str]) -> bool:
    """Whether the address stands in one of the networks (CIDR); no network at all allows every address."""
    listed = list(networks)
    return not listed or (address is not None and any(address in ip_network(network) for network in listed))


def _read(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def neighbourhood(address: Address | None) -> str:
    """What counts as one source: an IPv4 address, or the network that one IPv6 subscriber holds whole."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return "" if address is None else str(address)
