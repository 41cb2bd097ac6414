"""200 fictional cases in every state, both programmes, lived through the HTTP API by the demo's users."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from rich.progress import Progress

from casework.demo import planning, sponsorships, world
from casework.demo.story import StepFailed, Story, if_match, unhurried
from casework.kernel import clock, logs
from casework.main import create_app
from casework.placement.expiry import expire_due

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from casework.settings import Settings

CASES = 200
AT_ONCE = 6
# Organizations that have a demo user, and that user.
HOSTS = (("le-phare", "pelagie"), ("racines-d-estrie", "raoul"))


def seed(owner_url: str, settings: Settings, console: Console, *, seconds: float | None = None) -> int:
    """Write the demo world, and the cases it does not have yet; returns how many are still missing.

    No new family begins after `seconds`: a slow machine serves soon and gets the rest while it serves. An
    interrupted seeding is taken up again the same way.
    """
    app = create_app(settings)
    unhurried(app)
    world.populate(owner_url, app.state.client_sign_in.hashed)
    with psycopg.connect(owner_url) as connection:
        known = {row[0] for row in connection.execute("SELECT external_id FROM cases")}
        [drawn] = connection.execute(sponsorships.KNOWN).fetchone() or [True]
    missing = [number for number in range(CASES) if f"demo-{programme_of(number)[:2]}-{number}" not in known]
    planned = planning.run_made(owner_url) is not None
    if not missing and drawn and planned:
        return 0
    logs.configure("error")
    return asyncio.run(_lived(app, console, missing, seconds, sponsored=not drawn, planned=planned))


def programme_of(number: int) -> str:
    return "collective_sponsorship" if number % 4 == 3 else "asylum"


async def _lived(
    app: Any, console: Console, numbers: list[int], seconds: float | None, *, sponsored: bool, planned: bool
) -> int:
    story, gate = Story(app), asyncio.Semaphore(AT_ONCE)
    deadline = None if seconds is None else time.monotonic() + seconds
    left = 0
    await story.sign_in_partner()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Dossiers de démonstration / demo cases", total=len(numbers))

        async def one(number: int) -> None:
            nonlocal left
            async with gate:
                if deadline is not None and time.monotonic() > deadline:
                    left += 1
                    return
                try:
                    await live(story, number)
                except StepFailed:
                    # Ctrl-C cancels a request half-way, which answers 503: the interruption is the news, not that.
                    if (current := asyncio.current_task()) and current.cancelling():
                        raise asyncio.CancelledError from None
                    raise
                progress.advance(task)

        await asyncio.gather(*(one(number) for number in numbers))
    if sponsored and not left:
        await sponsorships.live(story)
    await expire_due(app.state.database)
    if not planned and not left:
        await planning.proposed(story)
    while await app.state.sequencer.tick():
        pass
    await story.close()
    await app.state.database.close()
    return left


async def live(story: Story, number: int) -> None:
    """One family's life so far; which one depends on its number alone."""
    waits_without_consent = number % 20 == 1
    case = await story.take_in(number, draft=number % 20 == 2, programme=programme_of(number),
                               consent=not waits_without_consent,
                               by="octave" if number % 2 else "camille")  # fmt: skip
    await LIVES[number % 20](story, number, case)


async def _waiting(_story: Story, _number: int, _case: dict[str, Any]) -> None:
    return


async def _recommended(story: Story, _number: int, case: dict[str, Any]) -> None:
    await story.recommend(case)


async def _offered(story: Story, _number: int, case: dict[str, Any]) -> dict[str, Any]:
    return await story.offer(case, await story.recommend(case))


async def _declined(story: Story, number: int, case: dict[str, Any]) -> None:
    offer = await _offered(story, number, case)
    await story.decline(case, offer, ("family_elsewhere", "employment_elsewhere", "health_care")[number % 3])


async def _withdrawn(story: Story, number: int, case: dict[str, Any]) -> None:
    offer = await _offered(story, number, case)
    await story.act("camille", "withdraw", "POST", f"/v1/offers/{offer['id']}/withdraw", 200, headers=if_match(offer),
                    json={"reason": "Logement retiré par le propriétaire."})  # fmt: skip


async def _expired(story: Story, number: int, case: dict[str, Any]) -> None:
    with clock.frozen(clock.now() - timedelta(days=4)):
        await _offered(story, number, case)


async def _proposed(story: Story, number: int, case: dict[str, Any]) -> dict[str, Any]:
    host, _ = HOSTS[number // 20 % 2]
    offer = await story.accept(case, await story.offer(case, await story.recommend(case), host))
    path = f"/v1/assignments/{offer['assignment_id']}"
    found: dict[str, Any] = (await story.act("camille", "assignment", "GET", path, 200)).json()
    return found


async def _acknowledged(story: Story, number: int, case: dict[str, Any]) -> dict[str, Any]:
    return await story.step(HOSTS[number // 20 % 2][1], await _proposed(story, number, case), "acknowledge")


async def _refused(story: Story, number: int, case: dict[str, Any]) -> None:
    assignment = await _proposed(story, number, case)
    await story.step(HOSTS[number // 20 % 2][1], assignment, "refuse", reason_code="no_staff")


async def _departed(story: Story, number: int, case: dict[str, Any]) -> dict[str, Any]:
    return await story.step("camille", await _acknowledged(story, number, case), "depart", 1 + number % 60)


async def _arrived(story: Story, number: int, case: dict[str, Any]) -> dict[str, Any]:
    """Arrived some weeks ago; half of what was due has been recorded."""
    partner = HOSTS[number // 20 % 2][1]
    days = 1 + number % 60
    assignment = await story.step(partner, await _departed(story, number, case), "arrive", days)
    if case["programme"] == "asylum":
        person = case["household"]["members"][0]["person_id"]
        for code in ("FIRST_VISIT", "INTERP", "ADDR_NOTIFIED")[: 1 + number % 3]:
            await story.milestone(partner, case, code, person, max(0, days - 1))
    return assignment


async def _ended(story: Story, number: int, case: dict[str, Any]) -> None:
    assignment = await _arrived(story, number, case)
    await story.step("camille", assignment, "end", 0, reason="Le ménage a rejoint sa famille.")


async def _closed(story: Story, _number: int, case: dict[str, Any]) -> None:
    await story.act("camille", "close", "POST", f"/v1/cases/{case['id']}/close", 200, headers=if_match(case),
                    json={"reason": "Le ménage s'est établi par lui-même."})  # fmt: skip


LIVES: dict[int, Callable[[Story, int, dict[str, Any]], Awaitable[Any]]] = {
    0: _waiting, 1: _waiting, 2: _waiting, 3: _waiting, 4: _waiting,
    5: _recommended, 6: _offered, 7: _offered, 8: _offered, 9: _declined, 10: _withdrawn, 11: _expired,
    12: _proposed, 13: _acknowledged, 14: _departed, 15: _arrived, 16: _arrived, 17: _refused, 18: _ended, 19: _closed,
}  # fmt: skip
