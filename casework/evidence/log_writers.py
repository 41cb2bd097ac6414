"""Milestones reduced to what the log sees of them, written through the product's own trail: one transaction, one leaf."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.demo.world import key
from casework.kernel.ids import new_id
from casework.kernel.sealing import SubjectKey

if TYPE_CHECKING:
    from fastapi import FastAPI

CODES = ("ARRIVAL", "HOUSING", "SCHOOL_REGISTRATION", "FRANCIZATION")


def worker(username: str = "camille", office: str = "mifi-montreal") -> Caller:
    return Caller(key(username), Role.caseworker, username, key(f"{username}/grant"), office_id=key(office))


def public_facts(number: int) -> dict[str, Any]:
    """What a milestone's leaf says in clear, beside who recorded it and when."""
    return {
        "code": CODES[number % len(CODES)],
        "region": f"{number % 17 + 1:02}",
        "programme": ("asylum", "collective_sponsorship")[number % 5 == 0],
        "outcome": "done",
        "occurred_on": {"value": f"2026-{number % 9 + 1:02}-{number % 28 + 1:02}", "precision": "day"},
    }


async def record_milestones(app: FastAPI, count: int, *, at_once: int = 1) -> None:
    """`at_once` leaves a transaction: one, as requests do, or many, to fill a log quickly."""
    caller = worker()
    for first in range(0, count, at_once):
        async with app.state.database.transaction(caller.context()) as session:
            for number in range(first, min(count, first + at_once)):
                subject, personal = SubjectKey(new_id(), secrets.token_bytes(32)), {"note": "Étape franchie"}
                facts = public_facts(number)
                trail.record_milestone(session, caller, "milestone.recorded", facts, personal, new_id(), subject)
