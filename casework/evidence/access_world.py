"""The world of `drill access`: for every role cases of its own, of its office, region and organization, and others;
drafts, open and closed; every state of an offer, an assignment and a milestone; grants and agreements that ended.

Everything happens through the API, as people do it; only the passing of time is written by hand.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from casework.authz.policy import Role
from casework.demo.families import family
from casework.demo.world import key
from casework.evidence import (
    access_duties,
    access_following,
    access_lodging,
    access_moving,
    access_observing,
    access_offices,
    access_pilots,
    access_sponsoring,
    access_supply,
)
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.lodging.moving import move_next
from casework.placement.expiry import expire_due
from casework.placement.run_solving import solve_next

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from casework.evidence.access_stage import Answer, Player, Stage

Json = dict[str, Any]
# Who takes the household in; the office and the caseworker of the case follow from it.
TAKERS = ("camille", "basile", "ines")
HOSTS = ("le-phare/10043", "racines-d-estrie/43027", "le-phare/ended")
HOST_PEOPLE = {"le-phare": "pelagie", "racines-d-estrie": "raoul"}
UNPLACED = ("draft", "open", "closed", "recommended")
OFFERED = ("held", "half_answered", "declined", "expired", "withdrawn", "offered_again")
PLACED = ("proposed", "acknowledged", "refused", "departed", "arrived", "ended")
# What time did to the grant of a household that has arrived.
ENDED = ("grant_expired", "grant_ended", "grant_to_come", "consent_withdrawn")
SPONSORED = ("sponsored", "sponsorship_expired", "sponsorship_ended")
# Hosts and spokespersons see cases that have a recommendation, which they do not read.
RECOMMENDED = frozenset({"recommended", "arrived", "acknowledged", "sponsored"})
# Stories whose claim is told further.
FOLLOWED = frozenset({"open", "acknowledged", "arrived"})
END_AGREEMENT = "UPDATE agreements SET ended_at = now() - interval '1 day' WHERE id = %s"
TIME_PASSES = {
    "grant_expired": "UPDATE case_grants SET valid_until = now() - interval '1 hour' WHERE case_id = %s",
    "grant_ended": "UPDATE case_grants SET ended_at = now() - interval '1 hour' WHERE case_id = %s",
    "grant_to_come": "UPDATE case_grants SET valid_from = now() + interval '9 days' WHERE case_id = %s",
    "expired": "UPDATE offers SET expires_at = now() - interval '1 hour' WHERE case_id = %s AND status = 'held'",
    "sponsorship_expired": "UPDATE case_grants SET valid_until = now() - interval '1 hour' WHERE case_id = %s",
    "sponsorship_ended": "UPDATE case_grants SET ended_at = now() - interval '1 hour' WHERE case_id = %s",
}
SPONSOR = (
    "INSERT INTO case_grants (id, case_id, office_id, region_code, grantee_user_id, source, source_id, valid_from,"
    " valid_until) SELECT %s, id, office_id, region_code, %s, 'undertaking', id, now() - interval '1 day',"
    " now() + interval '90 days' FROM cases WHERE id = %s"
)


@dataclass(frozen=True, slots=True)
class Plot:
    """One case to come: who takes it in, where it is placed, what happens to it."""

    story: str
    taker: str
    host: str = HOSTS[0]

    @property
    def programme(self) -> str:
        return "collective_sponsorship" if self.story in {*SPONSORED, "sponsored_by_undertaking"} else "asylum"


class WorldNotBuilt(Exception):
    """A step that the world needs was refused."""


def plots(*, short: bool) -> list[Plot]:
    """Every story with every taker and host; in the short form each story once or twice, takers and hosts in turn."""
    alone = [Plot(story, taker) for story in UNPLACED for taker in TAKERS]
    sponsored = [Plot(story, taker) for story in SPONSORED for taker in ("camille", "ines")]
    hosted = [Plot(story, taker, host) for story in (*OFFERED, *PLACED, *ENDED) for taker in TAKERS for host in HOSTS]
    if not short:
        return alone + sponsored + hosted
    turns = itertools.cycle(itertools.product(TAKERS, HOSTS))
    return alone + sponsored[::2] + [Plot(story, *next(turns)) for story in (*OFFERED, *PLACED, *ENDED)]


async def build(stage: Stage, people: Sequence[Player], *, short: bool) -> None:
    """Raises WorldNotBuilt."""
    author = Author(stage, {who.name: who for who in people})
    owner = await stage.superuser()
    await _second_agreement(owner)
    wanted = plots(short=short)
    for number, plot in enumerate(track(wanted, "dossiers / cases", console=Console(stderr=True)), start=1):
        await author.tell(plot, number)
    await access_duties.add(author, len(wanted) + 2)
    await _runs(author, len(wanted) + 20)
    await access_following.change(author, len(wanted) + 60)
    await access_sponsoring.add(author)
    await access_pilots.add(author, len(wanted) + 100)
    await access_moving.add(author, len(wanted) + 220)
    await access_supply.add(author)
    await access_lodging.add(author, len(wanted) + 140)
    await access_offices.add(author, len(wanted) + 180)
    await access_duties.leftovers(owner)
    await owner.execute(END_AGREEMENT, (key("le-phare/ended/agreement"),))
    while await stage.app.state.sequencer.tick():
        pass
    # One more change that nobody has sequenced yet: the queue is not empty either.
    await author.tell(Plot("open", TAKERS[0]), len(wanted) + 1)


async def _runs(author: Author, number: int) -> None:
    """A run of each author who may make one, over a household of its own or another office's: solved, and one that waits."""
    for offset, (taker, by) in enumerate((("camille", "camille"), ("ines", "prosper"), ("basile", "basile"))):
        case = await author.taken_in_as("open", taker, number + offset)
        await author.say(by, "POST", "/v1/placement-runs", {"case_ids": [case["id"]]})
    await author.solved()
    await author.say("prosper", "POST", "/v1/placement-runs", {"case_ids": [case["id"]]})


async def _second_agreement(owner: psycopg.AsyncConnection[Any]) -> None:
    """Le Phare hosts under two agreements; the second ends when all is told, and its own region's view with it."""
    columns = "funding, edition, stream, programmes, region_code, starts_on, ends_on, version, created_at"
    await owner.execute(
        f"INSERT INTO agreements (id, organization_id, volume, {columns}) SELECT %s, organization_id, 50, {columns}"
        " FROM agreements WHERE id = %s",
        (key("le-phare/ended/agreement"), key("le-phare/agreement")),
    )
    await owner.execute(
        "INSERT INTO capacities (id, version, created_at, geo_code, region_code, organization_id, agreement_id,"
        " resource, starts_on, ends_on, total, held, used) SELECT %s, 1, created_at, geo_code, region_code,"
        " organization_id, %s, resource, starts_on, ends_on, 200, 0, 0 FROM capacities WHERE id = %s",
        (key("le-phare/ended"), key("le-phare/ended/agreement"), key("le-phare/10043")),
    )
    await owner.execute("UPDATE capacities SET total = 400 WHERE total < 400")
    await owner.execute("UPDATE agreements SET volume = 4000 WHERE volume < 4000")


class Author:
    def __init__(self, stage: Stage, people: dict[str, Player]) -> None:
        self._stage, self._people = stage, people

    async def tell(self, plot: Plot, number: int) -> Json:
        case = await self.taken_in(plot, number)
        if plot.story in RECOMMENDED:
            made = await self.say("prosper", "POST", f"/v1/cases/{case['id']}/recommendations")
            await access_observing.add(self, case | {"taker": plot.taker}, made)
        if plot.story in {*OFFERED, *PLACED, *ENDED}:
            await self._offered(plot, case)
        await self._milestones(plot, case)
        if plot.programme == "asylum" and plot.story in FOLLOWED:
            await access_following.add(self, case | {"taker": plot.taker}, arrived=plot.story == "arrived")
        if plot.story == "closed":
            await self.say("prosper", "POST", f"/v1/cases/{case['id']}/close", {"reason": "Parti."}, case)
        await self._time_passes(plot, case)
        return case

    async def on_the_way(self, taker: str, number: int) -> Json:
        return await self.tell(Plot("departed", taker), number)

    async def solved(self) -> None:
        while await solve_next(self._stage.app.state.database) is not None:
            pass

    async def moved(self) -> None:
        while await move_next(self._stage.app.state.database) is not None:
            pass

    async def taken_in_as(self, story: str, taker: str, number: int) -> Json:
        return await self.taken_in(Plot(story, taker), number)

    async def taken_in(self, plot: Plot, number: int) -> Json:
        wanted = family(number, size=2 + number % 2, programme=plot.programme).body
        wanted |= {"external_id": f"drill-{number}", "draft": plot.story == "draft"}
        wanted["preferences"] = {"choices": [], "occupations": []}
        return await self.say(plot.taker, "POST", "/v1/cases", wanted, key=f"intake-{number}")

    async def _offered(self, plot: Plot, case: Json) -> None:
        body = {"case_id": case["id"], "capacity_id": str(key(plot.host)), "reason": "Place libre."}
        offer = await self.say("prosper", "POST", "/v1/offers", body)
        said = {"channel": "in_person", "language": "fr"}
        path = f"/v1/offers/{offer['id']}"
        if plot.story == "withdrawn":
            await self.say("prosper", "POST", f"{path}/withdraw", {"reason": "Place perdue."}, offer)
        if plot.story == "declined":
            answer = {**said, "person_id": adults(case)[0], "reason_code": "distance"}
            await self.say("prosper", "POST", f"{path}/decline", answer, offer)
        if plot.story == "offered_again":
            # Two organizations' offers stand on one case: neither reads the other's.
            await self.say("prosper", "POST", f"{path}/withdraw", {"reason": "Place perdue."}, offer)
            elsewhere = HOSTS[1] if plot.host != HOSTS[1] else HOSTS[0]
            await self.say("prosper", "POST", "/v1/offers", {**body, "capacity_id": str(key(elsewhere))})
        if plot.story in {"held", "expired", "withdrawn", "declined", "offered_again"}:
            return
        for person in adults(case)[: 1 if plot.story == "half_answered" else None]:
            offer = await self.say("prosper", "POST", f"{path}/accept", {**said, "person_id": person}, offer)
        if offer["assignment_id"]:
            await self._placed(plot, f"/v1/assignments/{offer['assignment_id']}")

    async def _placed(self, plot: Plot, path: str) -> None:
        host = HOST_PEOPLE[plot.host.partition("/")[0]]
        today = {"occurred_on": clock.today().isoformat()}
        arrived = plot.story in {"arrived", "ended", *ENDED}
        steps = [
            (plot.story == "refused", host, "refuse", {"reason_code": "no_staff"}),
            (plot.story not in {"proposed", "refused", "half_answered"}, host, "acknowledge", None),
            (arrived or plot.story == "departed", "prosper", "depart", today),
            (arrived, host, "arrive", today),
            (plot.story == "ended", "prosper", "end", {**today, "reason": "Déménagement."}),
        ]
        for happens, who, step, body in steps:
            if happens:
                current = await self.say("prosper", "GET", path)
                # Keyed, so that the world holds remembered answers of several actors.
                await self.say(who, "POST", f"{path}/{step}", body, current, key=f"{step}-{path[-12:]}")

    async def _milestones(self, plot: Plot, case: Json) -> None:
        person = case["household"]["members"][0]["person_id"]
        intake = "ines" if plot.taker == "ines" else "octave"
        if plot.programme == "asylum":
            await self._record(intake, case, "CLAIM_DOC", person)
        if plot.story in {"arrived", "ended", *ENDED}:
            host = HOST_PEOPLE[plot.host.partition("/")[0]]
            if plot.story != "ended":
                await self._record(host, case, "HOUSING", None)
                voided = await self._record(host, case, "AID", person)
                await self.say(host, "POST", f"/v1/milestones/{voided['id']}/void", {"reason": "Erreur."}, voided)
            if plot.taker != "ines":
                await self._record(plot.taker, case, "SKILLS_DECLARED", person)

    async def _record(self, who: str, case: Json, code: str, person: str | None) -> Json:
        told = {
            "code": code, "person_id": person, "outcome": "done",
            "occurred_on": {"value": clock.today().isoformat(), "precision": "day"},
            "note": "Mot du drill.", "evidence": {"kind": "letter", "reference": "Classeur 7"},
        }  # fmt: skip
        return await self.say(who, "POST", f"/v1/cases/{case['id']}/milestones", told)

    async def _time_passes(self, plot: Plot, case: Json) -> None:
        owner = await self._stage.superuser()
        if plot.story in SPONSORED:
            await owner.execute(SPONSOR, (new_id(), key("sidonie"), case["id"]))
            if plot.story == "sponsored":
                await self._record("sidonie", case, "HOUSING_READY", None)
        if plot.story in TIME_PASSES:
            await owner.execute(TIME_PASSES[plot.story].encode(), (case["id"],))
        if plot.story == "expired":
            await expire_due(self._stage.app.state.database)
        if plot.story == "consent_withdrawn":
            current = await self.say("prosper", "GET", f"/v1/cases/{case['id']}")
            no = {
                "person_id": adults(case)[0], "purpose": "partner_sharing", "given": False,
                "notice_version": "2026-01", "notice_language": "fr", "channel": "phone",
                "occurred_on": (clock.today() - timedelta(days=1)).isoformat(),
            }  # fmt: skip
            taker = self._people[plot.taker]
            who = plot.taker if taker.role in {Role.caseworker, Role.intake_worker} else "camille"
            await self.say(who, "POST", f"/v1/cases/{case['id']}/consents", no, current)

    async def say(
        self, who: str, method: str, path: str, body: Json | None = None, version_of: Json | None = None, key: str = ""
    ) -> Json:
        headers = {"Idempotency-Key": f"drill-{key}"} if key else {}
        if version_of is not None:
            headers["If-Match"] = f'"{version_of["version"]}"'
        answer: Answer = await self._stage.ask(self._people[who], method, path, body, headers)
        if answer.status not in {200, 201}:
            raise WorldNotBuilt(f"{who} {method} {path}: {answer.status} {answer.body[:300]!r}")
        found: Json = answer.json
        return found


def adults(case: Json) -> list[str]:
    return [member["person_id"] for member in case["household"]["members"] if member["is_adult"]]
