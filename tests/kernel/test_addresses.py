"""Where a request comes from, and how it stands in the log."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from starlette.requests import Request

from casework.kernel.addresses import Addresses, neighbourhood, within

HERE = Addresses(["10.0.0.0/8", "2001:db8:ffff::/48"], b"k" * 32)


def request(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.1, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.1", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1, nonsense",), "10.0.0.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.2, 10.0.0.3",), "10.0.0.2"),
        ("2001:db8:ffff::1", ("2001:db8::9",), "2001:db8::9"),
        ("::ffff:10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("not an address", ("198.51.100.1",), None),
        (None, ("198.51.100.1",), None),
    ],
)
def test_the_nearest_hop_that_is_not_ours_counts(
    peer: str | None, forwarded: tuple[str, ...], found: str | None
) -> None:
    assert HERE.of(request(peer, *forwarded)) == (None if found is None else ip_address(found))


def test_no_address_at_all_is_outside_every_network() -> None:
    assert within(None, [])
    assert not within(None, ["0.0.0.0/0"])
    assert within(ip_address("192.0.2.1"), ["2001:db8::/32", "192.0.2.0/24"])
    assert not within(ip_address("2001:db9::1"), ["2001:db8::/32", "192.0.2.0/24"])


def test_an_ipv6_subscriber_is_one_source() -> None:
    def source(text: str) -> str:
        return neighbourhood(ip_address(text))

    assert source("2001:db8:1:2:3::4") == source("2001:db8:1:2:ffff::9") != source("2001:db8:1:3::4")
    assert (source("192.0.2.7"), source("192.0.2.8"), neighbourhood(None)) == ("192.0.2.7", "192.0.2.8", "")


def test_a_hash_names_a_neighbourhood_to_nobody_without_the_key() -> None:
    def hashed(text: str, where: Addresses = HERE) -> str:
        return where.hashed(ip_address(text))

    assert hashed("2001:db8::1") == hashed("2001:db8::ffff")
    assert len({hashed("2001:db8::1"), hashed("2001:db8:0:1::1"), hashed("192.0.2.1"), hashed("192.0.2.2")}) == 4
    assert hashed("192.0.2.1") != hashed("192.0.2.1", Addresses([], b"l" * 32))
