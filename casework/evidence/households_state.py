"""A town of families led at random by hypothesis through the HTTP API, and what must hold after every step.

No rule has a precondition: what the server accepts depends on everything before, and a refusal is an answer too.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from casework.demo.families import family
from casework.kernel import clock

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    import psycopg

    from casework.evidence.access_stage import Player, Stage

Rows = dict[str, dict[str, Any]]
PICKS = st.integers(0, 10**6)
UNKNOWN = {"value": None, "precision": "unknown"}
# What must find nothing, in the tables as they stand after any step.
BROKEN = {
    "in_two_households": "SELECT person_id FROM memberships WHERE ends_on IS NULL GROUP BY person_id HAVING count(*) > 1",
    "days_overlap": (
        "SELECT a.person_id FROM memberships a JOIN memberships b ON a.person_id = b.person_id AND a.id < b.id"
        " AND daterange(a.starts_on, a.ends_on) && daterange(b.starts_on, b.ends_on)"
    ),
    "two_principals": (
        "SELECT household_id FROM memberships WHERE ends_on IS NULL AND relation = 'principal'"
        " GROUP BY household_id HAVING count(*) > 1"
    ),
    "the_dead_or_merged_counted": (
        "SELECT p.id FROM persons p JOIN memberships m ON m.person_id = p.id AND m.ends_on IS NULL"
        " WHERE p.merged_into IS NOT NULL OR p.deceased_at < m.starts_on"
    ),
    "record_away_from_its_person": (
        "SELECT p.id FROM persons p JOIN memberships m ON m.person_id = p.id AND m.ends_on IS NULL"
        " WHERE m.case_id <> p.case_id UNION ALL SELECT k.subject_id FROM subject_keys k JOIN persons p"
        " ON p.id = k.subject_id WHERE (k.case_id, k.office_id) <> (p.case_id, p.office_id)"
        " UNION ALL SELECT d.id FROM persons d JOIN persons p ON p.id = d.merged_into WHERE d.case_id <> p.case_id"
    ),
    "chain_of_merges": "SELECT d.id FROM persons d JOIN persons p ON p.id = d.merged_into WHERE p.merged_into IS NOT NULL",
    "link_told_at_one_end": (
        "SELECT pair FROM case_links GROUP BY pair HAVING count(*) <> 2 OR count(DISTINCT ended_at IS NULL) > 1"
    ),
}
MEMBERSHIPS = "SELECT to_jsonb(m) FROM memberships m"
FIXED = ("person_id", "case_id", "household_id", "relation", "starts_on")
OF_PERSON = {
    "persons": "id", "subject_keys": "subject_id", "identifiers": "person_id", "name_tokens": "person_id",
    "person_versions": "person_id", "representatives": "person_id", "memberships": "person_id",
}  # fmt: skip


class Town:
    """The families so far, as the tables hold them; what was seen of them before the step; what was found wrong."""

    def __init__(self, stage: Stage, runner: asyncio.Runner, owner: psycopg.Connection[Any], who: Player) -> None:
        self._stage, self._runner, self.owner, self._who = stage, runner, owner, who
        self.steps = 0
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._memberships: Rows = {}
        self._merged: dict[str, dict[str, Any]] = {}

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(sql.encode(), values).fetchall()

    def pick(self, sql: str, number: int) -> tuple[Any, ...] | None:
        found = self.rows(sql)
        return found[number % len(found)] if found else None

    def take(self, step: str, method: str, path: str, body: Any = None, version: int | None = None) -> Any:
        """One request, then every invariant; the document of an answer that was accepted, else None."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        answer = self._runner.run(self._stage.ask(self._who, method, path, body, headers))
        self.steps += 1
        self.answers[f"{step} {answer.status}"] += 1
        if answer.status >= 500:
            self.wrong.append(f"{step}: {answer.status}")
        accepted = answer.json if answer.status < 300 else None
        self.wrong += [f"{step}: {name}" for name in self.broken()]
        self._remember(step, undone=step == "undo" and accepted is not None)
        return accepted

    def broken(self) -> list[str]:
        return [name for name, sql in BROKEN.items() if self.rows(sql)]

    def _remember(self, step: str, *, undone: bool) -> None:
        """History is never lost: no membership disappears or is rewritten, and one that ended stays so."""
        now: Rows = {row["id"]: row for (row,) in self.rows(MEMBERSHIPS)}
        for identity, before in self._memberships.items():
            after = now.get(identity)
            if after is None or any(after[name] != before[name] for name in FIXED):
                self.wrong.append(f"{step}: a membership was lost or rewritten")
            elif before["ends_on"] is not None and after["ends_on"] != before["ends_on"] and not undone:
                self.wrong.append(f"{step}: an ended membership was reopened")
        self._memberships = now

    def record_of(self, person: str) -> dict[str, Any]:
        """Every row that is a person's own, but for the version that grows with each change."""
        found = {}
        for table, column in OF_PERSON.items():
            sql = f"SELECT to_jsonb(t) - 'version' FROM {table} t WHERE {column} = %s"
            found[table] = sorted((row for (row,) in self.rows(sql, person)), key=repr)
        return found

    def merged(self, merge: dict[str, Any], before: dict[str, Any]) -> None:
        self._merged[merge["id"]] = before

    def undone(self, merge: dict[str, Any]) -> None:
        if self.record_of(merge["duplicate_id"]) != self._merged.pop(merge["id"]):
            self.wrong.append("undo: the record is not what it was")


CASES = "SELECT id::text, version FROM cases ORDER BY id"
PEOPLE = "SELECT id::text, case_id::text, version FROM persons ORDER BY id"
DEAD = "SELECT id::text, case_id::text, version FROM persons WHERE deceased_at IS NOT NULL ORDER BY id"
MEMBERS = "SELECT person_id::text, relation FROM memberships WHERE case_id = %s AND ends_on IS NULL ORDER BY id"
MERGES = "SELECT id::text, version FROM merges WHERE status = 'done' ORDER BY id"
ANY_MERGE = "SELECT id::text, version FROM merges ORDER BY id"


class Families(RuleBasedStateMachine):
    """One rule for each thing that happens to households."""

    town: ClassVar[Town]

    @initialize(seed=PICKS)
    def begin(self, seed: int) -> None:
        self.take_in(seed, 3)

    @rule(seed=PICKS, size=st.integers(1, 3))
    def take_in(self, seed: int, size: int) -> None:
        body = family(seed, size=size, consent=False).body | {"external_id": f"town-{self.town.steps}"}
        self.town.take("take_in", "POST", "/v1/cases", body)

    @rule(
        pick=PICKS, how=st.sampled_from(("birth", "arrival")), relation=st.sampled_from(("child", "other", "principal"))
    )
    def come(self, pick: int, how: str, relation: str) -> None:
        case, version = self.town.pick(CASES, pick) or ("", 0)
        member = {"relation": relation, "name": {"full": f"Venue {pick}"}, "birth": UNKNOWN}
        self.town.take(how, "POST", f"/v1/cases/{case}/members", {"how": how, "member": member}, version)

    @rule(pick=PICKS, what=st.sampled_from(("leave", "death")), heir=PICKS)
    def go(self, pick: int, what: str, heir: int) -> None:
        person, case, version = self.town.pick(PEOPLE, pick) or ("", "", 0)
        today = clock.today().isoformat()
        others = [one for one, _ in self.town.rows(MEMBERS, case) if one != person]
        body: dict[str, Any] = {"new_principal": others[heir % len(others)] if others else None}
        said = {"reason": "left", "ends_on": today} if what == "leave" else {"occurred": UNKNOWN}
        self.town.take(what, "POST", f"/v1/cases/{case}/people/{person}/{what}", body | said, version)

    @rule(pick=PICKS, relation=st.sampled_from(("other", None, "principal")))
    def take_back_a_death(self, pick: int, relation: str | None) -> None:
        found = self.town.pick(DEAD, pick) or self.town.pick(PEOPLE, pick)
        person, case, version = found or ("", "", 0)
        path = f"/v1/cases/{case}/people/{person}/death/undo"
        self.town.take("revive", "POST", path, {"relation": relation}, version)

    @rule(pick=PICKS, whom=PICKS, reason=st.sampled_from(("separation", "safety", "adult_child")))
    def part(self, pick: int, whom: int, reason: str) -> None:
        case, version = self.town.pick(CASES, pick) or ("", 0)
        members = [one for one, _ in self.town.rows(MEMBERS, case)]
        going = [one for place, one in enumerate(members) if whom >> place & 1] or members[:1]
        staying = [one for one in members if one not in going]
        if going:
            body = {"people": going, "principal_id": going[-1], "reason": reason,
                    "remaining_principal": staying[0] if staying else None}  # fmt: skip
            self.town.take("split", "POST", f"/v1/cases/{case}/splits", body, version)

    @rule(pick=PICKS, whom=PICKS, relation=st.sampled_from(("spouse", "sibling", "principal")))
    def meet(self, pick: int, whom: int, relation: str) -> None:
        case, version = self.town.pick(CASES, pick) or ("", 0)
        person, left, _ = self.town.pick(PEOPLE, whom) or ("", "", 0)
        others = [one for one, _ in self.town.rows(MEMBERS, left) if one != person]
        body = {"person_id": person, "relation": relation, "new_principal": others[0] if others else None}
        self.town.take("join", "POST", f"/v1/cases/{case}/joins", body, version)

    @rule(pick=PICKS, other=PICKS)
    def link(self, pick: int, other: int) -> None:
        case, version = self.town.pick(CASES, pick) or ("", 0)
        far, _ = self.town.pick(CASES, other) or ("", 0)
        self.town.take(
            "link", "POST", f"/v1/cases/{case}/links", {"other_case_id": far, "kind": "keep_together"}, version
        )

    @rule(pick=PICKS, other=PICKS)
    def merge(self, pick: int, other: int) -> None:
        kept, *_ = self.town.pick(PEOPLE, pick) or ("", "", 0)
        duplicate, *_ = self.town.pick(PEOPLE, other) or ("", "", 0)
        before = self.town.record_of(duplicate)
        body = {"duplicate_id": duplicate, "reason": "Vue deux fois."}
        merge = self.town.take("merge", "POST", f"/v1/people/{kept}/merges", body)
        if merge is not None:
            self.town.merged(merge, before)

    @rule(pick=PICKS, among=st.sampled_from((MERGES, MERGES, ANY_MERGE)))
    def undo(self, pick: int, among: str) -> None:
        merge, version = self.town.pick(among, pick) or ("", 0)
        if merge:
            undone = self.town.take("undo", "DELETE", f"/v1/merges/{merge}", None, version)
            if undone is not None:
                self.town.undone(undone)

    @rule(pick=PICKS, word=PICKS)
    def amend(self, pick: int, word: int) -> None:
        person, case, version = self.town.pick(PEOPLE, pick) or ("", "", 0)
        body = {"reason": "legal_change", "name": {"full": f"Nom Nouveau {word}"}}
        self.town.take("amend", "PATCH", f"/v1/cases/{case}/people/{person}", body, version)

    @rule(pick=PICKS, verb=st.sampled_from(("close", "reopen", "reopen")))
    def turn_a_page(self, pick: int, verb: str) -> None:
        case, version = self.town.pick(CASES, pick) or ("", 0)
        self.town.take(
            verb, "POST", f"/v1/cases/{case}/{verb}", {"reason": "Épreuve."} if verb == "close" else {}, version
        )


def lead(town: Town, steps: int, turns: int, seeds: Sequence[int]) -> None:
    """Lives of at most `turns` turns each, until the town has taken `steps` steps."""
    logging.getLogger("hypothesis").setLevel(logging.ERROR)
    Families.town = town
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hypothesis.errors.HypothesisWarning)
        for seed in seeds:
            if town.steps >= steps:
                return
            run_state_machine_as_test(
                hypothesis.seed(seed)(Families),
                settings=hypothesis.settings(
                    max_examples=max(1, min(10, (steps - town.steps) // turns)), stateful_step_count=turns,
                    database=None, deadline=None, phases=[hypothesis.Phase.generate],
                    suppress_health_check=list(hypothesis.HealthCheck),
                ),
            )  # fmt: skip
