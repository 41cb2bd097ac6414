"""`casework drill names`: are people found under the spellings others use, in many scripts, among a crowd?

The published set (`spellings.py`) is taken in by the API, then each spelling is asked of `POST /v1/case-searches`.
The control is what systems without a fuzzy index do: compare the name's letters, case and accents aside.
"""

from __future__ import annotations

import json
import time
import unicodedata
from typing import TYPE_CHECKING, Any

from casework.demo.families import family
from casework.evidence.driving import Order, drive, post
from casework.evidence.duplicate_pairs import told_apart
from casework.evidence.misspelt import PUBLISHED, PUBLISHED_SEED
from casework.evidence.report import Run
from casework.evidence.spellings import SPELLINGS
from casework.evidence.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES, SHORT_CASES = 20_000, 500
TARGET = 0.95
WORKER = "camille"
LIMIT = 10


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("names", short, seed)
    with stage(SHORT_CASES if short else CASES, seed, servers=("server",)) as found:
        port, token = found.contestants["server"].port, found.token(WORKER)
        taken = drive(port, [_intake(token, seed, place) for place in range(len(SPELLINGS))], width=4)
        people = [json.loads(body)["household"]["members"][0]["person_id"] for body in taken]
        found.owner.execute("ANALYZE")
        asked = [(place, spelling) for place, (full, _, others) in enumerate(SPELLINGS) for spelling in (full, *others)]
        started = time.perf_counter()
        answers = drive(port, [_search(token, spelling) for _, spelling in asked], width=1)
        seconds = time.perf_counter() - started
        persons = found.population.persons
    ranks = [_rank(people[place], body) for (place, _), body in zip(asked, answers, strict=True)]
    recall = sum(rank is not None for rank in ranks) / len(asked)
    figures = {
        "asked": len(asked),
        "people": len(SPELLINGS),
        "crowd": persons,
        "recall_at_10": round(recall, 4),
        "recall_at_1": round(ranks.count(0) / len(asked), 4),
        "missed": [spelling for (_, spelling), rank in zip(asked, ranks, strict=True) if rank is None],
        "milliseconds_a_search": round(seconds / len(asked) * 1000, 1),
        "target": TARGET,
        "duplicates": told_apart(PUBLISHED_SEED, PUBLISHED),
    }
    exact = sum(_plain(spelling) in _plain_forms(place) for place, spelling in asked) / len(asked)
    control: dict[str, Any] = {"failed": exact < TARGET, "recall_at_10": round(exact, 4),
               "what": "the same letters, case and accents aside, in any form of the name"}  # fmt: skip
    return done.outcome(ok=recall >= TARGET, figures=figures, control=control)


def _intake(token: str, seed: int, place: int) -> Order:
    full, script, _ = SPELLINGS[place]
    body = family(seed + place, size=1).body | {"external_id": f"spelling-{place}"}
    name = {"full": full} | ({"original_script": script} if script else {})
    return post("/v1/cases", token, body | {"members": [body["members"][0] | {"name": name}]})


def _search(token: str, spelling: str) -> Order:
    asked = post("/v1/case-searches", token, {"name": spelling, "limit": LIMIT}, X_Purpose_of_Use="case_management")
    return Order(asked.raw, 200)


def _rank(person_id: str, body: bytes) -> int | None:
    found = [one["person_id"] for one in json.loads(body)["items"]]
    return found.index(person_id) if person_id in found else None


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _plain_forms(place: int) -> Iterable[str]:
    full, script, _ = SPELLINGS[place]
    return [_plain(form) for form in (full, script) if form is not None]
