"""`casework drill erasure`: whole households erased; the log keeps its proofs and tells nothing any more (audit.md §3).

Milestones with notes are recorded for every person over the API, sequenced and pulled by an auditor. Then persons are
erased, asked by one and approved by another. A thief with the database and all of the operator's keys tries to open and
link the leaves before and after. The control is the same theft before, and of those who stay: it must succeed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.progress import track

from casework.audit import merkle
from casework.demo.world import key
from casework.evidence.log_thief import Loot, rob
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel import clock, logs
from casework.main import create_app
from casework.verify import verify_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from uuid import UUID

    from fastapi import FastAPI

    from casework.evidence.stage import Stage

CASES, SHORT_CASES = 1_900, 36
PERSONS, SHORT_PERSONS = 1_000, 15
WORKER, MANAGER, AUDITOR = "camille", "prosper", "aurele"
MEMBERS = """
SELECT case_id, array_agg(person_id ORDER BY person_id) FROM memberships
WHERE case_id IN (SELECT id FROM cases WHERE caseworker_id = %s) GROUP BY 1 ORDER BY 1
"""
LEAF_OF = "SELECT o.subject_id, e.leaf_id, e.index FROM log_openings o JOIN log_entries e USING (leaf_id)"
LOG = "/v1/milestone-log"


@dataclass(slots=True)
class Kept:
    """What the auditor holds from before the erasures."""

    note: str
    export: bytes
    extract: bytes
    proofs: dict[int, dict[str, Any]] = field(default_factory=dict)


class Town:
    """The people of the drill, and the clients that act for its users, in this process."""

    def __init__(self, found: Stage, app: FastAPI) -> None:
        self.app, self.found = app, found
        transport = httpx.ASGITransport(app)
        self.clients = {
            name: httpx.AsyncClient(
                transport=transport,
                base_url="http://casework.drill",
                headers={"Authorization": f"Bearer {found.token(name)}"},
            )
            for name in (WORKER, MANAGER, AUDITOR)
        }

    async def ask(self, who: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        answer = await self.clients[who].request(method, path, json=body)
        answer.raise_for_status()
        return answer

    async def record(self, case_id: UUID, person_id: UUID) -> None:
        body = {
            "code": "DIPLOMAS_GATHERED", "person_id": str(person_id), "outcome": "done", "note": f"H2X {str(person_id)[-3:]}",
            "occurred_on": {"value": clock.today().isoformat(), "precision": "day"},
        }  # fmt: skip
        await self.ask(WORKER, "POST", f"/v1/cases/{case_id}/milestones", body)

    async def erase(self, person_id: UUID) -> int:
        """How many openings went with the key."""
        asked = await self.ask(WORKER, "POST", f"/v1/people/{person_id}/erasures", {"reason": "purpose_achieved"})
        done = await self.ask(MANAGER, "POST", f"/v1/erasures/{asked.json()['id']}/approve")
        return int(done.json()["openings_destroyed"])

    async def sequence(self) -> None:
        while await self.app.state.sequencer.tick():
            pass

    async def pull(self, query: str = "") -> bytes:
        answer = await self.ask(AUDITOR, "GET", f"{LOG}?limit=5000{query}")
        content = answer.content
        while "next" in answer.links:
            answer = await self.ask(AUDITOR, "GET", answer.links["next"]["url"])
            content += answer.content
        return content

    async def checkpoint(self) -> str:
        return (await self.ask(AUDITOR, "GET", "/v1/log/checkpoint?log=milestones")).text

    async def proofs(self, indexes: Iterable[int], size: int) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        for index in indexes:
            path = f"/v1/log/proofs/inclusion?log=milestones&index={index}&size={size}"
            yield index, (await self.ask(AUDITOR, "GET", path)).json()


def run(*, short: bool, seed: int) -> dict[str, Any]:
    logs.configure("error")
    done = Run("erasure", short, seed)
    with stage(SHORT_CASES if short else CASES, seed, servers=()) as found:
        figures, control = asyncio.run(_lived(found, SHORT_PERSONS if short else PERSONS))
    zero = ("opened", "linked", "tagged", "guessed", "older_proofs_failed", "older_exports_refused")
    ok = not any(figures[name] for name in zero) and figures["persons_erased"] >= (SHORT_PERSONS if short else PERSONS)
    return done.outcome(
        ok=ok and figures["erasure_leaves"] == figures["persons_erased"],
        figures=figures,
        control=control,
    )


async def _lived(found: Stage, wanted: int) -> tuple[dict[str, Any], dict[str, Any]]:
    app = create_app(found.settings)
    town, keyring = Town(found, app), found.settings.keyring()
    households = found.owner.execute(MEMBERS, (key(WORKER),)).fetchall()
    for case_id, people in track(households, "jalons / milestones", console=Console(stderr=True)):
        for person_id in people:
            await town.record(case_id, person_id)
    await town.sequence()
    places = {row[0]: (row[1], row[2]) for row in found.owner.execute(LEAF_OF).fetchall()}
    gone = _first(households, wanted)
    theirs = {places[person_id][0] for person_id in gone}
    indexes = [places[person_id][1] for person_id in gone]
    kept = Kept(await town.checkpoint(), await town.pull(), await town.pull("&code=DIPLOMAS_GATHERED"))
    size = int(kept.note.split("\n")[1])
    kept.proofs = {index: proof async for index, proof in town.proofs(indexes[:100], size)}
    before = rob(found.owner, keyring, {})
    destroyed = 0
    for person_id in track(gone, "effacements / erasures", console=Console(stderr=True)):
        destroyed += await town.erase(person_id)
    await town.sequence()
    after = rob(found.owner, keyring, {leaf: before.values[leaf] for leaf in theirs})
    figures = {
        "persons_erased": len(gone),
        "openings_destroyed": destroyed,
        "leaves_of_theirs": len(theirs),
        **{name: len(getattr(after, name) & theirs) for name in ("opened", "linked", "tagged", "guessed")},
        **await _still_proven(town, kept, size),
    }
    await app.state.database.close()
    return figures, _control(before, after, theirs, {leaf for leaf, _ in places.values()})


def _first(households: list[tuple[Any, ...]], wanted: int) -> list[UUID]:
    """Everybody of the first households, until at least `wanted` persons; the others stay."""
    gone: list[UUID] = []
    for _, people in households:
        if len(gone) >= wanted:
            break
        gone += people
    return gone


def _control(before: Loot, after: Loot, theirs: set[UUID], everybody: set[UUID]) -> dict[str, Any]:
    stay = everybody - theirs
    control = {
        "what": "the same theft before the erasures, and of those who stay",
        "leaves": len(everybody),
        "opened_before": len(before.opened & everybody),
        "linked_before": len(before.linked & everybody),
        "leaves_of_those_who_stay": len(stay),
        "opened_of_those_who_stay": len(after.opened & stay),
        "linked_of_those_who_stay": len(after.linked & stay),
    }
    robbed = before.opened >= everybody and before.linked >= everybody and after.opened >= stay and after.linked >= stay
    return {**control, "failed": bool(robbed and stay)}


async def _still_proven(town: Town, kept: Kept, size: int) -> dict[str, Any]:
    """Older exports still verify; the log pulled again extends what was kept; older proofs are given again, unchanged."""
    root = base64.b64decode(kept.note.split("\n")[2])
    failed = 0
    async for index, again in town.proofs(kept.proofs, size):
        old = kept.proofs[index]
        proof = [base64.b64decode(element) for element in old["proof"]]
        proven = merkle.verify_inclusion(base64.b64decode(old["leaf_hash"]), index, size, proof, root)
        failed += not proven or again != old
    grown, as_it_was = await town.pull(), await town.pull(f"&size={size}")
    vkey = town.app.state.log_signer.vkey("milestones")
    exports = [kept.export, kept.extract, grown, as_it_was]
    leaves = [_leaves(kept.export), _leaves(as_it_was)]
    return {
        "older_proofs": len(kept.proofs),
        "older_proofs_failed": failed,
        "exports": len(exports),
        "older_exports_refused": sum(not _accepted(export, kept.note, vkey) for export in exports)
        + (leaves[0] != leaves[1]),
        "erasure_leaves": sum(leaf["type"] == "subject.erased" for leaf in _leaves(grown)),
        "cases_without_pseudonym": grown.count(b'"case":null'),
    }


def _leaves(export: bytes) -> list[dict[str, Any]]:
    return [record["leaf"] for record in map(json.loads, export.splitlines()) if "leaf" in record]


def _accepted(export: bytes, note: str, vkey: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        path.write_bytes(export)
        return verify_files([path], note, vkey).ok
