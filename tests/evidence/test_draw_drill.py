"""The draw drill: the product's result is a stranger's result, and a forger is named by what they forged."""

from __future__ import annotations

from functools import cache
from typing import Any

from casework.evidence import drill_draw, drills

SEED = 7


@cache
def outcome() -> dict[str, Any]:
    return drills()["draw"](short=True, seed=SEED)


def test_the_script_agrees_with_the_product_and_catches_every_forgery() -> None:
    figures = outcome()["figures"]
    assert (figures["entries"], figures["equal"], figures["verified_by_the_server"]) == (500, True, True)
    assert figures["detected_by_kind"] == figures["forged"] == dict.fromkeys(("seed", "list", "order"), 12)
    assert figures["states"] == {"drawn": figures["cap"], "not_drawn": 500 - figures["cap"]}
    assert outcome()["ok"] is True


def test_without_a_commitment_a_forged_seed_passes_and_other_people_win() -> None:
    control = outcome()["control"]
    assert (control["failed"], control["forged_seed_passed"]) == (True, True)
    assert control["winners_changed"] > 0


def test_the_script_is_found_beside_the_package(checkout: Any) -> None:
    assert drill_draw.script() == checkout / "docs" / "redraw.py"
