"""The short form of `casework drill households`: invariants hold at every step, and the judge sees each one broken."""

from __future__ import annotations

from casework.evidence import drills
from casework.evidence.drill_households import PLANTED, SHORT_STEPS


def test_households_keep_their_invariants_at_every_step() -> None:
    outcome = drills()["households"](short=True, seed=11)
    figures = outcome["figures"]
    assert figures["wrong"] == []
    assert figures["steps"] >= SHORT_STEPS
    accepted = {name.rpartition(" ")[0] for name in figures["answers"] if name[-3:] in {"200", "201"}}
    assert {"take_in", "split", "join", "merge", "undo", "amend", "revive"} <= accepted
    assert outcome["control"]["caught"] == sorted(PLANTED)
    assert outcome["ok"] is True
