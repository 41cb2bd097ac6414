"""The main job, step by step, through the HTTP API: what `demo --once` runs and the demo's families live."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from casework.demo import world
from casework.demo.families import family
from casework.kernel import clock
from casework.kernel.rate import Bucket

if TYPE_CHECKING:
    from fastapi import FastAPI

ROLES = {username: str(role) for username, _, role, *_ in world.USERS}


class StepFailed(Exception):
    """A step of the journey did not answer as it should; carries what it did answer."""


@dataclass(slots=True)
class Story:
    """Acts as the demo's users on the in-process application, and keeps a line for each request."""

    app: FastAPI
    steps: list[dict[str, Any]] = field(default_factory=list)
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def act(self, who: str, name: str, method: str, path: str, expect: int, **request: Any) -> httpx.Response:
        """One request as `who`; raises StepFailed unless it answers with the status expected."""
        answer = await self._client(who).request(method, path, **request)
        role = ROLES.get(who, "partner")
        held = answer.status_code == expect
        self.steps.append({"step": name, "role": role, "status": answer.status_code, "ok": held})
        if not held:
            raise StepFailed(f"{name}: {answer.status_code} {answer.text[:300]}")
        return answer

    def _client(self, who: str) -> httpx.AsyncClient:
        if who not in self._clients:
            headers = {}
            if who in ROLES:
                headers["Authorization"] = f"Bearer {self.app.state.issuer.issue(world.key(who), 'demo')}"
            self._clients[who] = httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url=self.app.state.issuer.url,
                headers=headers,
            )  # fmt: skip
        return self._clients[who]

    async def sign_in_partner(self) -> None:
        """OAuth2 client credentials, as a partner's own system does."""
        answer = await self.act(
            world.CLIENT, "partner_token", "POST", "/oauth/token", 200,
            data={"grant_type": "client_credentials"}, auth=(str(world.key(world.CLIENT)), world.CLIENT_SECRET),
        )  # fmt: skip
        self._client(world.CLIENT).headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def take_in(self, seed: int, by: str = "octave", *, draft: bool = False, **shape: Any) -> dict[str, Any]:
        body = {**family(seed, **shape).body, "draft": draft, "caseworker_id": str(world.key("camille"))}
        case: dict[str, Any] = (await self.act(by, "intake", "POST", "/v1/cases", 201, json=body)).json()
        return case

    async def recommend(self, case: dict[str, Any]) -> dict[str, Any]:
        path = f"/v1/cases/{case['id']}/recommendations"
        found: dict[str, Any] = (await self.act("camille", "recommendation", "POST", path, 201)).json()
        return found

    async def offer(
        self, case: dict[str, Any], recommendation: dict[str, Any], partner: str | None = None
    ) -> dict[str, Any]:
        """The best place, or the best one of `partner`."""
        wanted = str(world.key(partner)) if partner else None
        place = next(p for p in recommendation["ranked"] if wanted in {None, p["organization_id"]})
        body = {"case_id": case["id"], "capacity_id": place["capacity_id"], "recommendation_id": recommendation["id"],
                "reason": "Premier choix réalisable, discuté avec le ménage."}  # fmt: skip
        made: dict[str, Any] = (await self.act("camille", "offer", "POST", "/v1/offers", 201, json=body)).json()
        return made

    async def accept(self, case: dict[str, Any], offer: dict[str, Any]) -> dict[str, Any]:
        """Each adult for themself; returns the offer as it then stands."""
        for person_id in adults(case):
            answer = await self.act(
                "camille", "acceptance", "POST", f"/v1/offers/{offer['id']}/accept", 200, headers=if_match(offer),
                json={"person_id": person_id, "channel": "in_person", "language": "fr"},
            )  # fmt: skip
            offer = answer.json()
        return offer

    async def decline(self, case: dict[str, Any], offer: dict[str, Any], reason: str) -> None:
        await self.act(
            "camille", "decline", "POST", f"/v1/offers/{offer['id']}/decline", 200, headers=if_match(offer),
            json={"person_id": adults(case)[0], "channel": "phone", "language": "fr", "reason_code": reason},
        )  # fmt: skip

    async def step(
        self, who: str, assignment: dict[str, Any], name: str, days_ago: int | None = None, **body: Any
    ) -> dict[str, Any]:
        """One step of an assignment: acknowledge, refuse, depart, arrive or end."""
        if days_ago is not None:
            body["occurred_on"] = (clock.today() - timedelta(days=days_ago)).isoformat()
        path = f"/v1/assignments/{assignment['id']}/{name}"
        answer = await self.act(who, name, "POST", path, 200, headers=if_match(assignment), json=body or None)
        moved: dict[str, Any] = answer.json()
        return moved

    async def milestone(
        self, who: str, case: dict[str, Any], code: str, person_id: str | None, days_ago: int = 0
    ) -> None:
        day = (clock.today() - timedelta(days=days_ago)).isoformat()
        body = {
            "code": code,
            "person_id": person_id,
            "outcome": "done",
            "occurred_on": {"value": day, "precision": "day"},
        }
        await self.act(who, f"milestone {code}", "POST", f"/v1/cases/{case['id']}/milestones", 201, json=body)


def unhurried(app: FastAPI) -> None:
    """Two people write the whole demo; nobody is held back at the door here."""
    app.state.callers = app.state.addresses = Bucket(1_000_000, 1_000_000)


def if_match(resource: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{resource["version"]}"'}


def adults(case: dict[str, Any]) -> list[str]:
    return [member["person_id"] for member in case["household"]["members"] if member["is_adult"] is not False]
