"""`casework drill hostile`: a hundred thousand inputs nobody should send, against a real server (access.md §5).

The hand-picked corpus crossed over every place of the OpenAPI document, what schemathesis makes of it, and families led
through their lives with hostile turns. Nothing may answer 5xx, store anything when it refuses, or repeat what was sent.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework.demo.world import key
from casework.evidence import hostile_corpus, naive_web
from casework.evidence.driving import drive, post
from casework.evidence.hostile_judge import KEPT, Court
from casework.evidence.hostile_walk import Walk
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.serving import openapi_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from casework.evidence.stage import Stage

# A seeded sample of the crossing: every route has hundreds of its places in it.
WANTED, CROSSED, SHORT = 100_000, 100_000, 1_500
EACH, SHORT_EACH = 60, 3
LIVES, SHORT_LIVES = 120, 12
TURNS = 50
BLOCK = 400
CASES = 40


class ToolMissing(Exception):
    """schemathesis and hypothesis are development dependencies: `uv sync` installs them, the wheel does without."""


def run(*, short: bool, seed: int) -> dict[str, Any]:
    try:
        from casework.evidence.hostile_schema import generated
        from casework.evidence.hostile_state import lives
    except ImportError as missing:
        raise ToolMissing(f"{missing.name} manque / is missing: uv sync --group dev") from missing
    done = Run("hostile", short, seed)
    with stage(CASES, seed, servers=("server",)) as found:
        port = found.contestants["server"].port
        walk = Walk(json.loads(openapi_text()), found.token, _known(found, port), random.Random(seed))
        court = Court(port, found.owner)
        places = list(walk.places())
        walk.rng.shuffle(places)
        crossed = len(places)
        places = places[: SHORT if short else CROSSED]
        with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress:
            bar = progress.add_task("entrées / inputs", total=len(places))
            for some in _cut(places):
                asyncio.run(court.hear([walk.sent(place) for place in some]))
                progress.update(bar, completed=court.tally.inputs)
            corpus = court.tally.inputs
            for made in generated(walk.document, walk.authority, SHORT_EACH if short else EACH, seed):
                asyncio.run(court.hear(made))
            schema = court.tally.inputs - corpus
            stateful = lives(found, court, SHORT_LIVES if short else LIVES, TURNS, seed)
        unaccounted = court.unaccounted_reads()
        control = asyncio.run(naive_web.besieged(found.owner_url))
        lives_on = asyncio.run(court.is_ready())
    figures = _figures(court) | {
        "picked": hostile_corpus.size(),
        "places": crossed,
        "from_corpus": corpus,
        "from_schemathesis": schema,
        "from_stateful": stateful,
        "unaccounted_reads": unaccounted,
        "ready_afterwards": lives_on,
    }
    enough = figures["inputs"] >= (SHORT if short else WANTED) and figures["picked"] >= 300
    clean = not any(
        figures[name]
        for name in ("server_errors", "stored", "echoed", "not_a_problem", "unanswered", "unaccounted_reads")
    )
    return done.outcome(ok=enough and clean and lives_on, figures=figures, control=control)


def _figures(court: Court) -> dict[str, Any]:
    tally = court.tally
    return {
        "inputs": tally.inputs,
        "server_errors": len(tally.server_errors),
        "stored": len(tally.stored),
        "echoed": len(tally.echoed),
        "not_a_problem": len(tally.no_problem),
        "unanswered": len(tally.unanswered),
        "silent_on_the_wire": tally.silent,
        "by_status": {str(status): count for status, count in sorted(tally.by_status.items())},
        "examples": {
            name: getattr(tally, name)[:KEPT]
            for name in ("server_errors", "stored", "echoed", "no_problem", "unanswered")
            if getattr(tally, name)
        },
    }


def _cut(places: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (places[first : first + BLOCK] for first in range(0, len(places), BLOCK))


def _known(found: Stage, port: int) -> dict[str, list[str]]:
    """Ids that exist, by the name under which an operation takes them: deep inputs need a shallow success."""
    manager = found.token("prosper")
    cases = [str(case_id) for case_id in found.population.readable]
    capacity = str(key("le-phare/10043"))
    wanted = [{"case_id": case, "capacity_id": capacity, "reason": "Épreuve."} for case in cases[:8]]
    offers = drive(port, [post("/v1/offers", manager, body) for body in wanted], width=2)
    plans = drive(port, [post(f"/v1/cases/{case}/recommendations", manager, {}) for case in cases[8:12]], width=2)
    return {
        "case_id": cases, "capacity_id": [capacity], "organization_id": [str(key("le-phare"))], "geo_code": ["10043"],
        "offer_id": [json.loads(one)["id"] for one in offers], "recommendation_id": [json.loads(one)["id"] for one in plans],
        "caseworker_id": [str(key("camille"))], "slug": ["not-found"], "code": ["FIRST_VISIT"],
    }  # fmt: skip
