"""Recipes of the people of a case: what is known of them, who represents them, births, deaths, departures; households
that part and meet; records merged and parted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.evidence.access_aims import ABSENT, Listed, Recipe, always, conflict, get
from casework.evidence.access_duties import BORN, REPRESENTATIVE
from casework.evidence.access_labels import erased
from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.access_aims import Aim
    from casework.evidence.access_oracle import Row

# Absent, and another than the absent person whom it would be merged into.
NOBODY = "01890000-0000-7000-8000-000000000001"
AMENDED = {"reason": "new_information", "description": {"occupation": {"code": "75110", "words": "maçon de métier"}}}


def _appointed(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {
        "kind": "designated_representative", "representative": REPRESENTATIVE,
        "appointed_on": clock.today().isoformat(),
    }  # fmt: skip


def _current(aim: Aim) -> list[Row]:
    return [row for row in aim.facts.rows["memberships"] if row["case_id"] == aim.case_id and row["ends_on"] is None]


def _heir(aim: Aim) -> str | None:
    return next((row["person_id"] for row in _current(aim) if row["person_id"] != aim.id), None)


def _died(aim: Aim) -> Any:
    day = {"value": clock.today().isoformat(), "precision": "day"}
    return {"occurred": day, "new_principal": _heir(aim)}


def _left(aim: Aim) -> Any:
    return {"reason": "left", "ends_on": clock.today().isoformat(), "new_principal": _heir(aim)}


def _opening(aim: Aim) -> int:
    return 410 if erased(aim.facts, aim.id) else 200


def _appointing(aim: Aim) -> int:
    grown = aim.row is not None and aim.row["is_adult"]
    return 410 if erased(aim.facts, aim.id) else 422 if grown else 201


def _dying(aim: Aim) -> int:
    dead = aim.row is not None and aim.row["deceased_at"] is not None
    return 410 if erased(aim.facts, aim.id) else conflict(dead)


def _returned(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"relation": "other"}


def _returning(aim: Aim) -> int:
    dead = aim.row is not None and aim.row["deceased_at"] is not None
    if erased(aim.facts, aim.id) or not dead:
        return 410 if erased(aim.facts, aim.id) else 409
    # The first to enter an empty household is its principal.
    return 200 if _current(aim) else 422


def _leaving(aim: Aim) -> int:
    member = any(row["person_id"] == aim.id for row in _current(aim))
    return 410 if erased(aim.facts, aim.id) else conflict(not member)


def _joining(aim: Aim) -> int:
    return conflict(aim.row is None or aim.row["status"] == "closed", 201)


# Households


def _under_way(aim: Aim) -> bool:
    moving = {"proposed", "acknowledged", "departed"}
    return bool(aim.statuses("offers") & {"held"} or aim.statuses("assignments") & moving)


def _parted(aim: Aim) -> Any:
    others = [row["person_id"] for row in _current(aim) if row["relation"] != "principal"]
    going = (others or [ABSENT])[-1]
    return {"people": [going], "principal_id": going, "reason": "separation"}


def _parting(aim: Aim) -> int:
    closed = aim.row is None or aim.row["status"] == "closed"
    alone = len(_current(aim)) < 2
    return conflict(closed or _under_way(aim), 404 if alone else 201)


def _joined(aim: Aim) -> Any:
    """Somebody of this very household: refused by its state, whatever it is."""
    return {"person_id": (_current(aim) or [{"person_id": ABSENT}])[0]["person_id"], "relation": "other"}


def _linked(aim: Aim) -> Any:
    office = aim.row["office_id"] if aim.row else ""
    near = [one for one in aim.facts.cases if one != aim.id and aim.facts.cases[one]["office_id"] == office]
    return {"other_case_id": (near or [ABSENT])[0], "kind": "kin"}


def _unlinking(aim: Aim) -> int:
    return 404 if aim.row is None or aim.row["ended_at"] is not None else 200


def _version_of_case(aim: Aim) -> int:
    return int(aim.facts.cases[aim.case_id]["version"]) if aim.row else 1


# Duplicates


def _standing(aim: Aim, person: str) -> set[str]:
    """As what a person stands in a merge that waits or is done."""
    rows = [row for row in aim.facts.rows["merges"] if row["status"] in {"proposed", "done"}]
    return {name for row in rows for name in ("person_id", "duplicate_id") if row[name] == person}


def _duplicate(aim: Aim) -> str:
    """Somebody else of the same case whom nothing keeps from being merged."""
    household = {row["person_id"]: row["relation"] for row in _current(aim)}
    for row in aim.facts.rows["persons"]:
        principal = household.get(row["id"]) == "principal" and len(household) > 1
        free = not (principal or erased(aim.facts, row["id"]) or _standing(aim, row["id"]))
        if row["case_id"] == aim.case_id and row["id"] != aim.id and free:
            return str(row["id"])
    return NOBODY


def _merging(aim: Aim) -> int:
    if _duplicate(aim) == NOBODY:
        return 404
    return 410 if erased(aim.facts, aim.id) else conflict("duplicate_id" in _standing(aim, aim.id), 201)


def _deciding(aim: Aim) -> int:
    row = aim.row or {}
    return conflict(row.get("status") != "proposed" or row["proposed_by"] == str(aim.who.id))


def _undoing(aim: Aim) -> int:
    return conflict(aim.row is None or aim.row["status"] != "done")


_ALL = frozenset({"*"})
LISTS: dict[str, Listed] = {"GET /v1/merges": Listed("merges")}
_PERSON = "/v1/cases/{case_id}/people/{person_id}"
RECIPES: tuple[Recipe, ...] = (
    get(_PERSON, P.case_read, "persons", outcome=_opening),
    get(_PERSON + "/history", P.household_read, "persons", outcome=_opening),
    Recipe("PATCH", _PERSON, P.person_update, "persons", always(AMENDED), _opening, leaves=1,
           destroys=frozenset({"name_tokens"})),
    Recipe("POST", _PERSON + "/representatives", P.person_update, "persons", _appointed, _appointing, leaves=1),
    Recipe("POST", _PERSON + "/death", P.household_change, "persons", _died, _dying, leaves=1),
    Recipe("POST", _PERSON + "/death/undo", P.household_change, "persons", _returned, _returning, leaves=1),
    Recipe("POST", _PERSON + "/leave", P.household_change, "persons", _left, _leaving, leaves=1),
    Recipe("POST", "/v1/cases/{case_id}/members", P.household_change, "cases", always({"how": "birth", "member": BORN}),
           _joining, leaves=1),
    # Households
    get("/v1/cases/{case_id}/members", P.household_read, "cases"),
    # What a split answers with is the new case: the entry names that one.
    Recipe("POST", "/v1/cases/{case_id}/splits", P.household_change, "cases", _parted, _parting, leaves=1, also=_ALL,
           shows_others=True),
    Recipe("POST", "/v1/cases/{case_id}/joins", P.household_change, "cases", _joined, always(409)),
    get("/v1/cases/{case_id}/links", P.household_read, "cases"),
    Recipe("POST", "/v1/cases/{case_id}/links", P.household_change, "cases", _linked, always(201), leaves=1, also=_ALL),
    Recipe("DELETE", "/v1/cases/{case_id}/links/{link_id}", P.household_change, "case_links", None, _unlinking, leaves=1,
           also=_ALL, version=_version_of_case),
    # Duplicates
    Recipe("POST", "/v1/duplicates/searches", P.duplicate_search, "persons", lambda aim: {"person_id": aim.id}, _opening,
           in_body=True, purpose="case_management", shows_others=True),
    Recipe("POST", "/v1/people/{person_id}/merges", P.merge_propose, "persons",
           lambda aim: {"duplicate_id": _duplicate(aim), "reason": "Vue deux fois."}, _merging, leaves=1),
    get("/v1/merges", P.merge_propose),
    Recipe("POST", "/v1/merges/{merge_id}/approve", P.merge_decide, "merges", None, _deciding, leaves=1, also=_ALL),
    Recipe("POST", "/v1/merges/{merge_id}/refuse", P.merge_decide, "merges", None, _deciding, leaves=1, also=_ALL),
    Recipe("DELETE", "/v1/merges/{merge_id}", P.merge_decide, "merges", None, _undoing, leaves=1, also=_ALL),
)  # fmt: skip
