"""Recipes of transfers, and the households of `drill access` that move: one in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import Listed, Recipe, always, conflict, get
from casework.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_aims import Aim
    from casework.evidence.access_world import Author, Json

# Nobody of the world lives there.
ELSEWHERE = str(key("maison-des-rives/23027"))
SHERBROOKE = str(key("racines-d-estrie/43027"))
STATES = ("proposed", "answered", "accepted", "departed", "refused", "withdrawn")
LOST = {"reason_code": "place_lost", "reason": "Bail perdu."}


def _wanted(case_id: str, capacity_id: str) -> dict[str, Any]:
    return {"case_id": case_id, "capacity_id": capacity_id, "asked_by": "household", "reason_code": "family",
            "reason": "Mot du drill."}  # fmt: skip


def _proposing(aim: Aim) -> int:
    """A household with a host, nothing under way, whose case is open, and whose programme the place receives."""
    places = {row["id"]: row["agreement_id"] for row in aim.facts.rows["capacities"]}
    received = aim.facts.agreements[places[ELSEWHERE]]["programmes"]
    stays = aim.statuses("assignments") & {"proposed", "acknowledged", "departed", "arrived"}
    moves = aim.statuses("transfers") & {"proposed", "accepted"} or "held" in aim.statuses("offers")
    unfit = aim.row is None or aim.row["status"] != "open" or aim.row["programme"] not in received
    return conflict(unfit or not stays or bool(moves), 201)


def _in(*before: str) -> Callable[[Aim], int]:
    return lambda aim: conflict(aim.row is None or aim.row["status"] not in before)


def _accepting(aim: Aim) -> int:
    offers = {row["id"]: row["status"] for row in aim.facts.rows["offers"]}
    row = aim.row or {"offer_id": "", "status": ""}
    return conflict(row["status"] != "proposed" or offers.get(row["offer_id"]) != "accepted")


async def add(author: Author, number: int) -> None:
    """Households of two offices on their way to Rimouski that would go to Sherbrooke, one in each state."""
    for offset, state in enumerate(STATES):
        case = await author.on_the_way("ines" if offset % 2 else "camille", number + offset)
        await _moved(author, case, state)


async def _moved(author: Author, case: Json, state: str) -> None:
    transfer = await author.say("prosper", "POST", "/v1/transfers", _wanted(case["id"], SHERBROOKE))
    path = f"/v1/transfers/{transfer['id']}"
    if state == "refused":
        await author.say("raoul", "POST", f"{path}/refuse", {"reason_code": "no_staff"}, transfer)
    if state == "withdrawn":
        await author.say("prosper", "POST", f"{path}/withdraw", LOST, transfer)
    if state in {"proposed", "refused", "withdrawn"}:
        return
    offer = transfer["offer"]
    for person in (one["person_id"] for one in case["household"]["members"] if one["is_adult"]):
        said = {"person_id": person, "channel": "in_person", "language": "fr"}
        offer = await author.say("prosper", "POST", f"/v1/offers/{offer['id']}/accept", said, offer)
    if state in {"accepted", "departed"}:
        transfer = await author.say("raoul", "POST", f"{path}/accept", None, transfer)
    if state == "departed":
        today = {"occurred_on": clock.today().isoformat()}
        await author.say("prosper", "POST", f"{path}/depart", today, transfer)


LISTS: dict[str, Listed] = {"GET /v1/transfers": Listed("transfers")}
_PLACES = frozenset({"capacities"})
RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/transfers", P.transfer_propose, "cases", lambda aim: _wanted(aim.case_id, ELSEWHERE),
           _proposing, 0, 2, _PLACES, in_body=True),
    get("/v1/transfers", P.transfer_read),
    get("/v1/transfers/{transfer_id}", P.transfer_read, "transfers"),
    Recipe("POST", "/v1/transfers/{transfer_id}/accept", P.transfer_answer, "transfers", None, _accepting, 0, 1),
    Recipe("POST", "/v1/transfers/{transfer_id}/refuse", P.transfer_answer, "transfers",
           always({"reason_code": "no_staff"}), _in("proposed"), 0, 1, _PLACES),
    Recipe("POST", "/v1/transfers/{transfer_id}/withdraw", P.transfer_withdraw, "transfers", always(LOST),
           _in("proposed", "accepted"), 0, 1, _PLACES),
    Recipe("POST", "/v1/transfers/{transfer_id}/depart", P.transfer_depart, "transfers",
           lambda aim: {"occurred_on": clock.today().isoformat()}, _in("accepted"), 0, 1, _PLACES),  # noqa: ARG005
)  # fmt: skip
