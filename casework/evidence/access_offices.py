"""Cases that pass from office to office and worklists that people save, in the world of `drill access`, with their recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.demo.world import key
from casework.evidence.access_aims import Listed, Recipe, always, conflict, get

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_world import Author

Json = dict[str, Any]
SAVERS = ("camille", "basile", "ines", "coralie", "edmee", "prosper")


async def add(author: Author, number: int) -> None:
    """To each of two offices one that waits and one that was refused; one that was accepted; saved worklists of everybody."""
    for place, (office, taker) in enumerate((("mifi-montreal", "ines"), ("praida", "camille"))):
        for refused in (True, False):
            case = await author.taken_in_as("open", taker, number + 2 * place + refused)
            handover = await _proposed(author, office, case)
            if refused:
                path = f"/v1/office-handovers/{handover['id']}/refuse"
                await author.say("prosper", "POST", path, {"reason": "Retirée."}, handover)
    handover = await _proposed(author, "mifi-montreal", await author.taken_in_as("open", "ines", number + 9))
    await author.say("basile", "POST", f"/v1/office-handovers/{handover['id']}/accept", None, handover)
    for who in SAVERS:
        for shared in (False, True) if who != "prosper" else (False,):
            await author.say(who, "POST", "/v1/saved-worklists", _saved(f"Liste {shared}", shared=shared))


async def _proposed(author: Author, office: str, case: Json) -> Json:
    body = {"to_office_id": str(key(office)), "case_ids": [case["id"]], "reason": "Le bureau ferme."}
    return await author.say("prosper", "POST", "/v1/office-handovers", body)


def _saved(name: str, *, shared: bool = False) -> Json:
    return {"name": name, "shared": shared, "asked": {"status": "open"}}


def _handing(aim: Aim) -> Any:
    there = str((aim.row or {}).get("office_id")) == str(key("praida"))
    to = key("mifi-montreal") if there else key("praida")
    return {"to_office_id": str(to), "case_ids": [aim.id], "reason": "Le bureau ferme."}


def _handed(aim: Aim) -> int:
    rows = aim.facts.rows["office_handover_cases"]
    return conflict(any(row["case_id"] == aim.case_id and row["status"] == "proposed" for row in rows), 201)


def _answering(aim: Aim) -> int:
    return conflict((aim.row or {}).get("status") != "proposed")


def _deleting(aim: Aim) -> int:
    return 200 if (aim.row or {}).get("actor_id") == str(aim.who.id) else 403


LISTS: dict[str, Listed] = {
    "GET /v1/office-handovers": Listed("office_handovers"),
    "GET /v1/saved-worklists": Listed("saved_worklists"),
}
_MOVED = frozenset({"office_handover_cases", "office_handovers"})
# An answer is about many cases: all that is theirs follows them to their office.
_EVERYTHING = frozenset({"*"})
RECIPES: tuple[Recipe, ...] = (
    Recipe("POST", "/v1/office-handovers", P.office_handover_propose, "cases", _handing, _handed, 0, 1, in_body=True,
           also=_MOVED),
    get("/v1/office-handovers", P.office_handover_read, shows_others=True),
    get("/v1/office-handovers/{office_handover_id}", P.office_handover_read, "office_handovers", shows_others=True),
    Recipe("POST", "/v1/office-handovers/{office_handover_id}/accept", P.office_handover_accept, "office_handovers",
           None, _answering, 0, 1, also=_EVERYTHING),
    Recipe("POST", "/v1/office-handovers/{office_handover_id}/refuse", P.office_handover_answer, "office_handovers",
           always({"reason": "Trop de dossiers."}), _answering, 0, 1, also=_EVERYTHING),
    Recipe("POST", "/v1/saved-worklists", P.saved_worklist_write, "", always(_saved("Liste neuve")), always(201), 0, 0,
           also=frozenset({"saved_worklists"})),
    get("/v1/saved-worklists", P.saved_worklist_read, reads=0),
    get("/v1/saved-worklists/{saved_id}", P.saved_worklist_read, "saved_worklists", reads=0),
    Recipe("DELETE", "/v1/saved-worklists/{saved_id}", P.saved_worklist_write, "saved_worklists", None, _deleting, 0, 0,
           destroys=frozenset({"saved_worklists"})),
    get("/v1/saved-worklists/{saved_id}/cases", P.saved_worklist_run, "saved_worklists", shows_others=True),
)  # fmt: skip
