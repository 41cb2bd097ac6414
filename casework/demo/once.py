"""`casework demo --once`: the whole journey on a throw-away database, told as one document."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from casework import installation, verify
from casework.demo import planning, world
from casework.demo.story import StepFailed, Story
from casework.kernel import logs
from casework.kernel.embedded import throwaway_cluster
from casework.main import create_app
from casework.settings import Settings

PAGE = 2


def run_once() -> dict[str, Any]:
    """`ok` is true only when every step answered as it should and the verifier judged both files rightly."""
    logs.configure("error")
    with throwaway_cluster() as cluster:
        settings = Settings(
            database_url=cluster.url("server"), secret=secrets.token_urlsafe(48), sealing_key=secrets.token_urlsafe(48),
            public_url="http://casework.demo", environment="development",
        )  # fmt: skip
        login = make_url(cluster.url("server")).username or ""
        installation.install(cluster.url("owner"), login, settings.key("context"))
        return asyncio.run(_told(settings, cluster.url("owner")))


async def _told(settings: Settings, owner_url: str) -> dict[str, Any]:
    app = create_app(settings)
    world.populate(owner_url, app.state.client_sign_in.hashed)
    outcome: dict[str, Any] = {"ok": False, "started_at": datetime.now(UTC).isoformat()}
    async with app.router.lifespan_context(app):
        story = Story(app)
        try:
            outcome |= await _journey(story)
            outcome["placement"] = await planning.planned(story)
            outcome |= await _audited(story)
            outcome["ok"] = outcome["verified"] and outcome["tampered_rejected"] and all(s["ok"] for s in story.steps)
            outcome["ok"] = outcome["ok"] and outcome["placement"]["checked"]
        except StepFailed as failure:
            outcome["failed"] = str(failure)
        finally:
            await story.close()
    return {**outcome, "steps": story.steps}


async def _journey(story: Story) -> dict[str, Any]:
    """Intake to arrival and milestones, each step by the role whose work it is."""
    await story.sign_in_partner()
    case = await story.take_in(4, size=4)
    recommendation = await story.recommend(case)
    await story.act("pelagie", "partner_sees_nothing_yet", "GET", f"/v1/cases/{case['id']}", 404)
    offer = await story.accept(case, await story.offer(case, recommendation, "le-phare"))
    read = await story.act(
        world.CLIENT, "partner_reads_assignment", "GET", f"/v1/assignments/{offer['assignment_id']}", 200
    )
    await story.act(world.CLIENT, "partner_reads_case", "GET", f"/v1/cases/{case['id']}", 200)
    assignment = await story.step(world.CLIENT, read.json(), "acknowledge")
    assignment = await story.step("camille", assignment, "depart", 3)
    assignment = await story.step(world.CLIENT, assignment, "arrive", 3)
    person = case["household"]["members"][0]["person_id"]
    for code in ("FIRST_VISIT", "ADDR_NOTIFIED", "HEALTH"):
        await story.milestone(world.CLIENT, case, code, person, 1)
    overdue = await story.act("coralie", "overdue_worklist", "GET", "/v1/milestones?state=overdue&region=01", 200)
    return {"case": case["id"], "reference": case["reference"], "offer": offer["id"], "assignment": assignment["id"],
            "overdue": len(overdue.json()["items"])}  # fmt: skip


async def _audited(story: Story) -> dict[str, Any]:
    """The auditor pulls page by page, asks for a proof, and verifies offline; one changed byte is refused."""
    app = story.app
    while await app.state.sequencer.tick():
        pass
    note = (await story.act("aurele", "checkpoint", "GET", "/v1/log/checkpoint?log=milestones", 200)).text
    size = int(note.split("\n")[1])
    proof = await story.act(
        "aurele",
        "inclusion_proof",
        "GET",
        f"/v1/log/proofs/inclusion?log=milestones&index=0&size={size}",
        200,
    )
    pulled, path = b"", f"/v1/milestone-log?limit={PAGE}"
    while path:
        page = await story.act("aurele", "milestone_log_page", "GET", path, 200)
        pulled += page.content
        path = page.links.get("next", {}).get("url", "")
    key = app.state.log_signer.vkey("milestones")
    with tempfile.TemporaryDirectory() as folder:
        sound, edited = Path(folder) / "log.jsonl", Path(folder) / "edited.jsonl"
        sound.write_bytes(pulled)
        edited.write_bytes(_one_byte_changed(pulled))
        report = verify.verify_files([sound], note, key, require_complete=True)
        tampered = verify.verify_files([edited], note, key, require_complete=True)
    return {
        "milestones": report.entries, "checkpoint": note, "inclusion_proof": proof.json(), "log_key": key,
        "verified": report.ok, "tampered_rejected": not tampered.ok and bool(tampered.problems),
    }  # fmt: skip


def _one_byte_changed(file: bytes) -> bytes:
    """The day of the first milestone recorded, moved by one: a plausible forgery, not noise."""
    place = (
        file.index(b'"occurred_on":{')
        + file[file.index(b'"occurred_on":{') :].index(b'"value":"')
        + len(b'"value":"')
        + 9
    )
    return file[:place] + (b"1" if file[place : place + 1] != b"1" else b"2") + file[place + 1 :]
