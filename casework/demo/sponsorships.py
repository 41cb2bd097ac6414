"""The demo's collective sponsorship: one year's draw, and undertakings in every state, lived on their own dates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from casework.demo.story import if_match
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.demo.story import Story

Json = dict[str, Any]
KNOWN = "SELECT EXISTS (SELECT FROM draws)"
# Spokesperson, members of the group, destination: two regional requests to one for the metropolis.
GROUPS = (
    ("sidonie", ("Aubane Tilleroy", "Corvin Dessaules", "Maïna Ruellan"), "10043"),
    ("sidonie", ("Léonce Aigremont", "Ysaline Courvoy"), "43027"),
    ("sylvain", ("Gaspar Nivreux", "Odeline Sartoux", "Blaise Ormevent", "Tamsin Belroc"), "12072"),
    ("sylvain", ("Rosaire Valombrin", "Élia Montcendre"), "66023"),
)
COPIES, CAP, RESERVE = 2, 6, 2
DUTIES = ("housing", "furniture", "food", "clothing", "transport", "health_costs", "job_search", "school", "services")
# What became of those drawn, in their turn: (state, how many days ago), a reason where one is due.
LIVES: tuple[tuple[tuple[str, int], ...], ...] = (
    (("under_review", 380), ("accepted", 375), ("household", 374), ("csq_issued", 373), ("arrived", 370),
     ("report1_due", 365), ("report 1", 300), ("report 2", 40), ("completed", 2)),
    (("under_review", 300), ("accepted", 290), ("household", 280), ("csq_issued", 270), ("arrived", 130),
     ("report1_due", 120)),  # its first report is overdue
    (("under_review", 250), ("accepted", 240), ("household", 230), ("csq_issued", 220), ("arrived", 100),
     ("report1_due", 95), ("report 1", 30)),
    (("under_review", 200), ("accepted", 190), ("household", 180), ("csq_issued", 100)),
    (("under_review", 150), ("refused", 140)),
    (),
)  # fmt: skip


def ago(days: int) -> datetime:
    """An instant so many days ago, in the middle of that day."""
    return clock.now() - timedelta(days=days)


async def live(story: Story) -> None:
    """Only in a database that knows no draw; what an interruption left unfinished stays as it is."""
    with clock.frozen(ago(392)):
        draw = await _committed(story)
    with clock.frozen(ago(390)):
        for who, names, place in GROUPS:
            await _handed_in(story, who, names, place)
    with clock.frozen(ago(385)):
        for action in ("freeze", "run"):
            draw = await _post(story, "prosper", f"/v1/draws/{draw['id']}/{action}", None, draw)
    listed = (await story.act("prosper", "drawn", "GET", "/v1/undertakings?state=drawn", 200)).json()["items"]
    for number, undertaking in enumerate(sorted(listed, key=lambda one: str(one["id"]))):
        await _lived(story, undertaking, LIVES[number % len(LIVES)], 9_000 + number)


async def _committed(story: Story) -> Json:
    year = ago(-2).astimezone(clock.QUEBEC).year  # of the submissions, two days later
    wanted = {"year": year, "pool": "groups", "cap": CAP, "reserve": RESERVE, "cap_source": "Plafond fictif de la démo"}
    return await _post(story, "prosper", "/v1/draws", wanted, status=201)


async def _handed_in(story: Story, who: str, names: tuple[str, ...], place: str) -> None:
    joined = clock.today().isoformat()
    members = [{"name": name, "joined_on": joined} for name in names]
    sponsor = await _post(
        story, who, "/v1/sponsors", {"category": "group", "region_code": "01", "members": members}, status=201
    )
    for _ in range(COPIES):
        body = {"sponsor_id": sponsor["id"], "geo_code": place, "persons": 3}
        draft = await _post(story, who, "/v1/undertakings", body, status=201)
        await _post(story, who, f"/v1/undertakings/{draft['id']}/submit", None, draft)


async def _lived(story: Story, undertaking: Json, life: tuple[tuple[str, int], ...], seed: int) -> None:
    case: Json = {}
    path = f"/v1/undertakings/{undertaking['id']}"
    for step, days in life:
        with clock.frozen(ago(days)):
            today = clock.today().isoformat()
            undertaking = (await story.act("prosper", "undertaking", "GET", path, 200)).json()
            if step == "household":
                case = await story.take_in(seed, size=3, programme="collective_sponsorship")
                await _post(story, "prosper", f"{path}/household", {"case_id": case["id"]}, undertaking)
            elif step.startswith("report "):
                body: Json = {"number": int(step[-1]), "occurred_on": today, "duties": dict.fromkeys(DUTIES, "met")}
                await _post(story, "camille", f"/v1/cases/{case['id']}/settlement-reports", body, status=201)
            else:
                body = {"to": step, "occurred_on": today} | ({"reason": "means"} if step == "refused" else {})
                await _post(story, "prosper", f"{path}/steps", body, undertaking)


async def _post(
    story: Story, who: str, path: str, body: Json | None, version_of: Json | None = None, status: int = 200
) -> Json:
    headers = if_match(version_of) if version_of else {}
    answer = await story.act(who, path.rpartition("/")[2], "POST", path, status, headers=headers, json=body)
    found: Json = answer.json()
    return found
