"""Local accounts: one-time passwords, a password of one's own, and attempts that cost time but lock nobody out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.identity import passwords, throttle
from casework.identity.throttle import RULES, Kind
from casework.kernel import clock
from casework.main import install
from casework.settings import Settings, SettingsRefused
from tests.conftest import settings_for
from tests.identity.security_log import events, reasons
from tests.identity.test_security_log import told

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server, World

pytestmark = pytest.mark.anyio

GOOD = "un hibou traverse la cour"
ELSEWHERE = "203.0.113.9"


async def signed_in(world: World, password: str, username: str = "camille", **more: Any) -> httpx.Response:
    """`at`: the address it comes from, through a proxy that is trusted."""
    headers = {"X-Forwarded-For": more.pop("at")} if "at" in more else {}
    body = {"username": username, "password": password, **more}
    return await world.client(None, **headers).post("/v1/sessions", json=body)


async def one_time(world: World, username: str = "camille", by: str = "prosper") -> str:
    answer = await world.client(by).post(f"/v1/users/{world.key(username)}/one-time-passwords")
    assert answer.status_code == 201, answer.text
    password: str = answer.json()["password"]
    return password


@pytest.fixture
async def house(world: World, server: Server) -> World:
    """Behind a trusted proxy, so that a test may come from several addresses; Camille has a password."""
    await world.app.state.database.close()
    install(world.app, settings_for(server, world.database).model_copy(update={"trusted_proxies": "127.0.0.1/32"}))
    answer = await signed_in(world, await one_time(world), new_password=GOOD)
    assert answer.status_code == 200, answer.text
    return world


# --- passwords ------------------------------------------------------------------------------------------------


async def test_a_one_time_password_serves_once_to_choose_ones_own(world: World) -> None:
    once = await one_time(world)
    first = await signed_in(world, once)
    assert (first.status_code, first.json()["type"]) == (403, "/v1/problems/password-must-change")
    chosen = await signed_in(world, once, new_password=GOOD)
    me = await world.client(None, Authorization=f"Bearer {chosen.json()['access_token']}").get("/v1/me")
    assert me.json()["name"] == "camille"
    assert (await signed_in(world, once, new_password="another good password")).status_code == 401
    assert (await signed_in(world, GOOD)).status_code == 200
    kinds = [leaf["type"] for leaf in events(world)]
    assert kinds == ["password.issued", "password.changed", "sign_in.succeeded", "sign_in.failed", "sign_in.succeeded"]


async def test_a_changed_password_ends_every_session_that_the_old_one_began(house: World) -> None:
    begun = [(await signed_in(house, GOOD)).json()["access_token"] for _ in range(2)]
    assert [await _me(house, token) for token in begun] == [200, 200]
    changed = await signed_in(house, GOOD, new_password=f"{GOOD} encore")
    house.app.state.authenticate.forget(house.key("camille"))  # as after its 30 seconds, in another process
    assert [await _me(house, token) for token in begun] == [401, 401]
    assert await _me(house, changed.json()["access_token"]) == 200
    assert reasons(house, "token.refused") == ["password_changed"] * 2


async def test_a_password_handed_out_ends_the_sessions_of_the_lost_one(house: World) -> None:
    token = (await signed_in(house, GOOD)).json()["access_token"]
    await one_time(house)
    house.app.state.authenticate.forget(house.key("camille"))
    assert await _me(house, token) == 401


async def _me(world: World, token: str) -> int:
    return (await world.client(None, Authorization=f"Bearer {token}").get("/v1/me")).status_code


async def test_a_one_time_password_expires(world: World) -> None:
    once = await one_time(world)
    with clock.frozen(clock.now() + timedelta(hours=73)):
        assert (await signed_in(world, once, new_password=GOOD)).status_code == 401
    assert reasons(world, "sign_in.failed") == ["password_expired"]


async def test_two_changes_at_once_leave_one_password(world: World) -> None:
    once = await one_time(world)
    answers = await asyncio.gather(*(signed_in(world, once, new_password=f"{GOOD} {n}") for n in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    with world.owner() as owner:
        [count] = owner.execute("SELECT count(*) FROM passwords WHERE NOT one_time").fetchone() or [0]
    assert count == 1


async def test_an_attempt_that_waited_for_its_turn_is_not_taken_for_one_too_many(house: World) -> None:
    """It read the clock before the one that went first; nothing is owed yet, so neither waits."""
    late = clock.now() + timedelta(seconds=5)
    for at in (late, late - timedelta(seconds=1)):
        with clock.frozen(at):
            assert (await signed_in(house, "not the password")).status_code == 401
    with clock.frozen(late):
        assert (await signed_in(house, GOOD)).status_code == 200
    with clock.frozen(late - timedelta(seconds=1)):
        assert (await signed_in(house, GOOD)).status_code == 200


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("onze lettre", "length"),
        ("x" * 64 + "yzabc" * 20, "length"),
        ("motdepasse1234", "common"),
        ("MotDePasse1234", "common"),
        ("abababababababab", "repetitive"),
        ("camille et son chat", "context"),
        ("casework pour toujours", "context"),
    ],
)
async def test_a_weak_password_is_not_taken(world: World, password: str, weakness: str) -> None:
    answer = await signed_in(world, await one_time(world), new_password=password)
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/problems/password-too-weak")
    assert answer.json()["weakness"] == weakness
    assert password not in answer.text


def test_length_alone_makes_a_password_and_no_kind_of_character_is_asked_for() -> None:
    for password in (GOOD, "éléphant à vélo", "دراجة زرقاء في المطر", "1234 5678 9012 3", "un chemin de terre " * 6):
        assert passwords.weakness(password, "camille") is None
    assert len(passwords.common()) > 70
    assert all(len(word) >= passwords.SHORTEST and word == word.casefold() for word in passwords.common())


async def test_passwords_are_stored_as_argon2_and_nothing_else(house: World) -> None:
    with house.owner() as owner:
        stored = [row[0] for row in owner.execute("SELECT hash FROM passwords").fetchall()]
    assert len(stored) == 2
    assert all(text.startswith("$argon2id$") for text in stored)


# --- the same answer ------------------------------------------------------------------------------------------


async def test_an_unknown_account_is_answered_like_a_wrong_password_and_checked_as_slowly(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    ours = passwords._hasher.verify

    def counted(password: str, stored: str) -> bool:
        verified.append(stored)
        return ours(password, stored)

    monkeypatch.setattr(passwords._hasher, "verify", counted)
    with house.owner() as owner:
        owner.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (house.key("basile"),))
    answers = [
        await signed_in(house, "wrong password"),
        await signed_in(house, "wrong password", "nobody"),
        await signed_in(house, "wrong password", "adele"),
        await signed_in(house, "wrong password", "basile"),
    ]
    assert len({told(answer) for answer in answers}) == 1
    assert answers[0].status_code == 401
    # One slow comparison each, of the same cost.
    assert len(verified) == 4
    assert len({text.split("$")[3] for text in verified}) == 1


async def test_a_closed_account_is_told_apart_in_the_log_alone(house: World) -> None:
    with house.owner() as owner:
        owner.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (house.key("camille"),))
    closed, wrong = await signed_in(house, GOOD), await signed_in(house, "wrong password")
    assert told(closed) == told(wrong)
    assert reasons(house, "sign_in.failed") == ["account_closed", "password"]


async def test_no_password_opens_a_house_whose_people_sign_in_at_a_provider(house: World, server: Server) -> None:
    await house.app.state.database.close()
    changes = {"oidc_issuer": "https://id.example", "local_sign_in": False}
    install(house.app, settings_for(server, house.database).model_copy(update=changes))
    assert (await signed_in(house, GOOD)).status_code == 401
    assert reasons(house, "sign_in.failed") == ["account_closed"]


def test_a_house_without_any_way_in_is_not_opened() -> None:
    with pytest.raises(SettingsRefused, match="nobody could come in"):
        Settings(local_sign_in=False)


def test_a_proxy_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings(trusted_proxies="127.0.0.1/32, the-proxy")


# --- throttled ------------------------------------------------------------------------------------------------


async def fail(world: World, times: int, **more: Any) -> list[int]:
    return [(await signed_in(world, "wrong password", **more)).status_code for _ in range(times)]


@pytest.fixture
def quick(house: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The slow comparison is proven above; here it is made quick, once Camille has her password."""

    async def holds(_checker: Any, password: str, stored: str | None) -> bool:
        return stored is not None and password == GOOD

    monkeypatch.setattr(passwords.Checker, "holds", holds)
    return house


async def test_attempts_cost_twice_as_much_each_time_and_waiting_is_enough(quick: World) -> None:
    free = RULES[Kind.both].free
    start = clock.now()
    with clock.frozen(start):
        assert await fail(quick, free + 1) == [401] * (free + 1)
        refused = await signed_in(quick, GOOD)
        assert (refused.status_code, refused.json()["retry_after"]) == (429, 2)
        assert refused.headers["retry-after"] == "2"
    with clock.frozen(start + timedelta(seconds=2)):
        assert await fail(quick, 2) == [401, 429]
    with clock.frozen(start + timedelta(seconds=5)):
        assert (await signed_in(quick, "wrong password")).headers["retry-after"] == "1"
    with clock.frozen(start + timedelta(seconds=6)):
        assert (await signed_in(quick, GOOD)).status_code == 200
        # The account owes nothing any more.
        assert await fail(quick, free) == [401] * free
    assert reasons(quick, "sign_in.throttled") == ["throttled"] * 3


async def test_a_stranger_never_locks_a_person_out_of_their_own_desk(quick: World) -> None:
    """A thousand addresses try Camille's account; the address she signed in from is not concerned."""
    with clock.frozen(clock.now()):
        answers = [await fail(quick, 1, at=f"198.51.100.{n}") for n in range(1, 40)]
        assert [429] in answers
        assert (await signed_in(quick, GOOD, at=ELSEWHERE)).status_code == 429
        assert (await signed_in(quick, GOOD)).status_code == 200
    # And from a new address, a minute at the very most.
    with clock.frozen(clock.now() + timedelta(seconds=RULES[Kind.account].longest)):
        assert (await signed_in(quick, GOOD, at=ELSEWHERE)).status_code == 200


async def test_one_address_that_tries_every_account_is_slowed_down(quick: World) -> None:
    free = RULES[Kind.address].free
    with clock.frozen(clock.now()):
        answers = [(await signed_in(quick, "wrong password", f"user-{n}", at=ELSEWHERE)).status_code
                   for n in range(free + 5)]  # fmt: skip
        assert answers == [401] * (free + 1) + [429] * 4
        assert (await signed_in(quick, GOOD)).status_code == 200


async def test_attempts_sent_at_once_are_paid_one_by_one(quick: World) -> None:
    with clock.frozen(clock.now()):
        answers = await asyncio.gather(*(signed_in(quick, "wrong password", at=ELSEWHERE) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) == RULES[Kind.both].free + 1
    assert statuses.count(429) == 20 - RULES[Kind.both].free - 1


async def test_guessing_names_at_random_cannot_fill_the_disk(house: World) -> None:
    buckets = throttle.Throttle(house.app.state.database, b"k" * 32)
    found = {number for n in range(2_000) for number in buckets._buckets(f"user-{n}", f"10.0.0.{n}").values()}
    assert max(found) < 3 << throttle.BUCKET_BITS
    assert {number >> throttle.BUCKET_BITS for number in found} == set(Kind)
