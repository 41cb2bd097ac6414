"""The journey's people: a name and a description amended, a child born, represented, dead, merged and parted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel import clock

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Planter, Traffic


def keep(traffic: Traffic, plant: Planter, case: dict[str, Any]) -> None:
    """Whoever was in the household before is in it after."""
    path, person = f"/v1/cases/{case['id']}", case["household"]["members"][0]["person_id"]
    traffic.do("camille", "PATCH", f"{path}/people/{person}", _amended(plant), If_Match='"1"')
    traffic.do("camille", "GET", f"{path}/people/{person}/history")
    stands = traffic.do("camille", "GET", path)
    born = traffic.do(
        "camille", "POST", f"{path}/members", _born(plant), If_Match=f'"{stands["version"]}"', **plant.keyed()
    )
    named = f"{path}/people/{born['person_id']}"
    traffic.do("camille", "POST", f"{named}/representatives", _represented(plant), If_Match='"1"', **plant.keyed())
    died = {"occurred": {"value": clock.today().isoformat(), "precision": "day"}}
    traffic.do("camille", "POST", f"{named}/death", died, If_Match='"2"', **plant.keyed())
    traffic.do("camille", "POST", f"{named}/death/undo", {"relation": "other"}, If_Match='"3"', **plant.keyed())
    mistaken = {"duplicate_id": born["person_id"], "reason": plant.field("MergeCreate.reason")}
    merge = traffic.do("camille", "POST", f"/v1/people/{person}/merges", mistaken, **plant.keyed())
    traffic.do("camille", "POST", "/v1/duplicates/searches", {"person_id": person}, X_Purpose_of_Use="case_management")
    traffic.do("camille", "DELETE", f"/v1/merges/{merge['id']}", If_Match=f'"{merge["version"]}"')


def _amended(plant: Planter) -> dict[str, Any]:
    word = plant.field
    return {
        "reason": "legal_change", "external_id": word("PersonPatch.external_id"), "description": _described(plant),
        "name": {"full": f"Aïssatou {word('NamePatch.full')}", "given": [word("NamePatch.given")],
                 "family": [word("NamePatch.family")], "aliases": [word("NamePatch.aliases")],
                 "original_script": f"نور {word('NamePatch.original_script')}",
                 "others": [{"kind": "birth", "full": word("OtherName.full"),
                             "original_script": word("OtherName.original_script")}]},
    }  # fmt: skip


def _described(plant: Planter) -> dict[str, Any]:
    return {
        "gender": {"code": plant.field("Described.code"), "words": plant.field("Described.words")},
        "pronouns": plant.field("Description.pronouns"),
    }


def _born(plant: Planter) -> dict[str, Any]:
    name = {"given": [plant.field("Name.given")]}
    unknown = {"value": None, "precision": "unknown"}
    return {"how": "birth", "member": {"relation": "child", "name": name, "birth": unknown}}


def _represented(plant: Planter) -> dict[str, Any]:
    said = {name: plant.field(f"RepresentativeSaid.{name}") for name in ("name", "organization", "phone", "email")}
    return {"kind": "tutor", "representative": said, "appointed_on": clock.today().isoformat()}
