"""A caller, or an address, that asks too often waits; the others do not notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from casework.kernel import rate
from casework.kernel.problems import TooManyRequests
from casework.kernel.rate import Bucket

if TYPE_CHECKING:
    from tests.conftest import World


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def granted(bucket: Bucket, key: str, asked: int) -> int:
    count = 0
    for _ in range(asked):
        try:
            bucket.spend(key)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    bucket = Bucket(2.0, 10, clock)
    assert granted(bucket, "a", 50) == 10
    clock.now += 3
    assert granted(bucket, "a", 50) == 6
    clock.now += 3_600
    assert granted(bucket, "a", 50) == 10


def test_a_refusal_says_when_and_then_it_is_so() -> None:
    clock = Clock()
    bucket = Bucket(0.25, 2, clock)
    assert granted(bucket, "a", 3) == 2
    with pytest.raises(TooManyRequests) as refused:
        bucket.spend("a")
    clock.now += int(refused.value.headers["Retry-After"])
    bucket.spend("a")


def test_one_key_does_not_spend_what_is_anothers() -> None:
    bucket = Bucket(1.0, 5, Clock())
    assert (granted(bucket, "a", 99), granted(bucket, "b", 99)) == (5, 5)


def test_a_flood_of_keys_is_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "KEYS_REMEMBERED", 10)
    bucket = Bucket(1.0, 1, Clock())
    for key in range(1_000):
        bucket.spend(key)
    assert len(bucket._full_at) == 10
    assert granted(bucket, "a", 2) == 1
    with pytest.raises(TooManyRequests):
        bucket.spend(999)


@pytest.mark.anyio
async def test_a_caller_who_asks_too_often_waits_and_others_do_not(world: World) -> None:
    world.app.state.callers = Bucket(0.001, 3)
    statuses = [(await world.client("camille").get("/v1/me")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    refused = await world.client("camille", **{"Accept-Language": "en"}).get("/v1/me")
    assert (refused.json()["title"], int(refused.headers["retry-after"]) > 0) == ("Too many requests", True)
    assert (await world.client("prosper").get("/v1/me")).status_code == 200


@pytest.mark.anyio
async def test_an_address_is_slowed_before_anything_is_looked_at(world: World) -> None:
    world.app.state.addresses = Bucket(0.001, 4)
    statuses = [(await world.client(None).get("/v1/cases")).status_code for _ in range(6)]
    assert statuses == [401] * 4 + [429] * 2


@pytest.mark.anyio
async def test_a_refused_request_stores_nothing(world: World) -> None:
    world.app.state.callers = Bucket(0.001, 1)
    assert (await world.client("camille").get("/v1/regions")).status_code == 200
    with world.owner() as owner:
        before = owner.execute("SELECT count(*) FROM read_entries").fetchone()
        assert (await world.client("camille").get("/v1/cases")).status_code == 429
        assert owner.execute("SELECT count(*) FROM read_entries").fetchone() == before
