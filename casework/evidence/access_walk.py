"""Every route asked by everybody about everything, each answer judged against the oracle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from casework.authz.shields import Shape
from casework.evidence.access_answers import Shown, compare, model_in, paths
from casework.evidence.access_labels import relation, state
from casework.evidence.access_oracle import HELD, MACHINES_NEVER, SHIELD_OF
from casework.evidence.access_recipes import LISTS, RECIPES, Aim
from casework.evidence.access_watch import Watch
from casework.surface import PUBLIC, routes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from casework.evidence.access_oracle import Oracle
    from casework.evidence.access_recipes import Recipe
    from casework.evidence.access_stage import Answer, Player, Stage
    from casework.evidence.access_watch import Seen

# Written by every success, and read by nobody whom the walk plays but the auditor.
TRAIL = frozenset({"read_entries", "log_leaves", "log_links", "log_openings", "log_queue", "api_clients"})
Case = tuple["Recipe", Aim]


class RecipesNotComplete(Exception):
    """A route that nobody said how to ask, or a recipe whose route is gone."""


@dataclass(slots=True)
class Tally:
    """`cells` are distinct (role, operation, relation, state, field); what was wrong is told in words."""

    cells: set[tuple[str, ...]] = field(default_factory=set)
    requests: int = 0
    leaks: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)

    """Operations that succeeded, without their gate, for a role that lacks the permission; with the stated reason."""

    def leak(self, text: str) -> None:
        self.leaks[text] += 1


def routes(stage: Stage) -> dict[str, Any]:
    """Name of each operation behind a gate -> route; raises RecipesNotComplete."""
    found = {f"{m} {path}": route for m, path, route in routes_of(stage.app) if (m, path) not in PUBLIC}
    known = {recipe.operation for recipe in RECIPES}
    if known != found.keys():
        raise RecipesNotComplete(f"no recipe: {sorted(found.keys() - known)}; no route: {sorted(known - found.keys())}")
    return found


def cases_of(oracle: Oracle, people: Iterable[Player], recipes: Sequence[Recipe] = RECIPES) -> list[Case]:
    """One request for each role, operation, relation and state; an id that does not exist comes first."""
    found: list[Case] = []
    for who in people:
        for recipe in recipes:
            met: set[tuple[str, str]] = set()
            for row in [None, *oracle.facts.rows[recipe.table]] if recipe.table else [None]:
                label = (relation(oracle, who, recipe.table, row), state(oracle.facts, recipe.table, row))
                if label not in met:
                    met.add(label)
                    found.append((recipe, Aim(who, row, oracle)))
    return found


class Walk:
    """`gates`: whether the application's own checks are on; without them row security has to hold alone."""

    def __init__(self, stage: Stage, watch: Watch, oracle: Oracle, tally: Tally, *, gates: bool = True) -> None:
        self._stage, self._watch, self._oracle, self.tally, self._gates = stage, watch, oracle, tally, gates
        self._routes = routes(stage)
        self._absent: dict[tuple[str, str], Answer] = {}

    async def run(self, cases: Iterable[Case], step: Callable[[], object]) -> None:
        for recipe, aim in cases:
            await self.meet(recipe, aim)
            step()

    async def meet(self, recipe: Recipe, aim: Aim) -> None:
        answer = await self._ask(recipe, aim)
        seen = await self._watch.look()
        model = model_in(self._routes[recipe.operation].response_model)
        shown = self._shown(aim, answer, model)
        self._judge(recipe, aim, answer, seen)
        await self._judge_list(recipe, aim, answer)
        label = (relation(self._oracle, aim.who, recipe.table, aim.row), state(aim.facts, recipe.table, aim.row))
        if not recipe.table:
            label = ("any", "-")
        role = str(aim.who.role) if aim.who.scopes is None else f"{aim.who.role} (few scopes)"
        for path in shown.paths or paths(model):
            self.tally.cells.add((role, recipe.operation, *label, path))
        self._tell(recipe, aim, shown)

    async def _ask(self, recipe: Recipe, aim: Aim, row_id: str | None = None) -> Answer:
        path = recipe.path_for(aim, row_id)
        body = recipe.body(aim) if recipe.body else None
        self.tally.requests += 1
        return await self._stage.ask(aim.who, recipe.method, path, body, recipe.headers_for(aim))

    def _shown(self, aim: Aim, answer: Answer, model: Any) -> Shown:
        shown = Shown()
        if answer.status in {200, 201} and model is not None:
            for item in answer.json if isinstance(answer.json, list) else [answer.json]:
                compare(aim.who, model, item, shown)
        elif answer.status >= 400 and set(answer.json) - PROBLEM:
            shown.leaked += [f"a refusal carries {name}" for name in set(answer.json) - PROBLEM]
        return shown

    def _tell(self, recipe: Recipe, aim: Aim, shown: Shown) -> None:
        for text in shown.leaked:
            self.tally.leak(f"{recipe.name} as {aim.who.name}: {text}")
        for text in shown.missing if self._gates else ():
            self.tally.denied[f"{recipe.name} as {aim.who.name}: {text} is missing"] += 1

    # What should have happened

    def _permitted(self, recipe: Recipe, who: Player) -> bool:
        held = str(recipe.permission)
        scoped = held in who.scopes if who.scopes is not None else who.client_id is None or held not in MACHINES_NEVER
        return who.role in HELD[recipe.permission] and scoped

    def _within(self, recipe: Recipe, aim: Aim) -> bool:
        """The object is seen, and the permission reaches it."""
        if not recipe.table:
            return True
        row = aim.row
        if row is None or not recipe.blind:
            return row is not None and self._oracle.sees(aim.who, recipe.table, row)
        return self._permitted(recipe, aim.who)

    def _reached(self, recipe: Recipe, aim: Aim) -> bool:
        return not recipe.table or (
            aim.row is not None and self._oracle.reaches(aim.who, recipe.permission, recipe.table, aim.row)
        )

    def _judge(self, recipe: Recipe, aim: Aim, answer: Answer, seen: Seen) -> None:
        said = f"{recipe.name} as {aim.who.name} ({relation(self._oracle, aim.who, recipe.table, aim.row)},"
        said += f" {state(aim.facts, recipe.table, aim.row)}): {answer.status}"
        success = answer.status in {200, 201}
        if answer.status >= 500:
            self.tally.leak(f"{said}, a server error")
        if self._gates and not self._permitted(recipe, aim.who):
            refused = answer.status == 403 and answer.json.get("permission") == str(recipe.permission)
            self._expect(refused, f"{said}, not permitted")
        elif not self._within(recipe, aim):
            self._judge_absent(recipe, aim, answer, said)
        elif self._gates:
            self._judge_status(recipe, aim, answer.status, said)
        if not success or recipe.method == "GET":
            extra = seen.written.keys() - (TRAIL if success else set())
            unchanged = seen.refusal_noted or (not extra and not seen.gone)
            self._expect(unchanged, f"{said}, and rows changed: {sorted(extra | seen.gone.keys())}")
        else:
            self._judge_changes(recipe, aim, seen, said)
        if success and self._gates:
            self._judge_trail(recipe, aim, answer, seen, said)
        elif not success:
            self._expect(seen.refusal_noted, f"{said}, and something was written")

    def _expect(self, holds: bool, text: str) -> None:
        if not holds:
            self.tally.leak(text)

    def _judge_absent(self, recipe: Recipe, aim: Aim, answer: Answer, said: str) -> None:
        """Out of reach is told exactly like absent: same status, same bytes."""
        at = (aim.who.name, recipe.name)
        if aim.row is None:
            self._absent[at] = answer
        self._expect(answer.status not in {200, 201}, f"{said}, out of reach")
        if self._gates:
            self._expect(answer.status == 404, f"{said}, out of reach, not 404")
        absent = self._absent.get(at, answer)
        same = (answer.status, answer.body) == (absent.status, absent.body)
        self._expect(same, f"{said}, told apart from an id that does not exist ({absent.status})")

    def _judge_status(self, recipe: Recipe, aim: Aim, status: int, said: str) -> None:
        wanted = recipe.outcome(aim)
        if self._reached(recipe, aim):
            if status != wanted and status in {200, 201}:
                self.tally.leak(f"{said} where {wanted} was due")
            elif status != wanted:
                self.tally.denied[f"{said} where {wanted} was due"] += 1
        else:
            self._expect(status in {404, wanted} - {200, 201}, f"{said}, seen but not to be acted on")

    def _judge_changes(self, recipe: Recipe, aim: Aim, seen: Seen, said: str) -> None:
        """A change stays within its case, and within the tables that the actor may write."""
        for table in seen.written.keys() - TRAIL if "*" not in recipe.also else ():
            self._expect(seen.cases[table] <= {aim.case_id}, f"{said}, and {table} changed elsewhere")
            shield = SHIELD_OF[table]
            allowed = any(aim.who.role in HELD[one] for one in (*shield.insert, *shield.update))
            carried = table in FOLLOWED | recipe.also or (recipe.moves and shield.shape is Shape.case_child)
            self._expect(allowed or carried, f"{said}, and {table} changed without a permission for it")
        gone = seen.gone.keys() - recipe.destroys
        self._expect(not gone, f"{said}, and rows are gone: {sorted(gone)}")

    def _judge_trail(self, recipe: Recipe, aim: Aim, answer: Answer, seen: Seen, said: str) -> None:
        """One entry of the read log for a protected read, under this request's id; leaves for each change."""
        entries = [one for one in seen.read if one[2] == answer.headers["x-request-id"]]
        found = len(seen.read)
        right = found <= 1 if recipe.reads is None else found == recipe.reads
        self._expect(right and len(entries) == found, f"{said}, {found} read entries")
        for actor, permission, _, read in entries:
            self._expect(actor == str(aim.who.id), f"{said}, the read is another's")
            self._expect(permission in set(HELD), f"{said}, read under no permission")
            if recipe.table in BOUND and not recipe.shows_others:
                self._expect(read == [aim.case_id], f"{said}, another case is in the entry")
            for case in read:
                whole = case not in aim.facts.cases or self._oracle.sees(aim.who, "cases", aim.facts.cases[case])
                self._expect(whole, f"{said}, a case out of reach was read")
        leaves = seen.written.get("log_leaves", 0)
        due = bool(recipe.leaves) and not recipe.idle(aim)
        self._expect(bool(leaves) == due, f"{said}, {leaves} leaves of the log")

    async def _judge_list(self, recipe: Recipe, aim: Aim, answer: Answer) -> None:
        """A list shows every row within reach and not one more."""
        if recipe.operation not in LISTS or answer.status != 200:
            return
        listed = LISTS[recipe.operation]
        shown = await self._all_pages(recipe, aim, answer)
        due = {str(row["id"]) for row in listed.rows(aim) if self._oracle.sees(aim.who, listed.table, row)}
        for one in aim.facts.rows[listed.table]:
            label = (relation(self._oracle, aim.who, listed.table, one), state(aim.facts, listed.table, one))
            self.tally.cells.add((str(aim.who.role), recipe.operation, *label, "listed"))
        self._expect(shown <= due, f"{recipe.name} as {aim.who.name}: {len(shown - due)} rows out of reach are listed")
        if due - shown and self._gates:
            self.tally.denied[f"{recipe.name} as {aim.who.name}: {len(due - shown)} rows are not listed"] += 1

    async def _all_pages(self, recipe: Recipe, aim: Aim, answer: Answer) -> set[str]:
        page, shown = answer.json, set()
        while True:
            shown |= {item["id"] for item in page["items"]}
            if page["next_cursor"] is None:
                return shown
            self.tally.requests += 1
            path = f"{recipe.path_for(aim)}?cursor={page['next_cursor']}"
            page = (await self._stage.ask(aim.who, "GET", path)).json
            await self._watch.look()


PROBLEM = {
    "assignment_status", "detail", "draw_status", "earlier", "erasure_id", "error", "errors", "expected", "groups",
    "hold_id", "later", "missing", "needs", "most", "notified_on", "offer_status", "offices", "permission", "person_id",
    "persons", "places_left", "places_needed", "reasons", "recorded_by", "role", "rules", "run_status", "seats_left",
    "seats_needed", "short", "status", "taken", "title", "type", "undertaking_state", "waiting",
}  # fmt: skip
# What triggers carry along, inside the same case: reach, version, and the ends of grants follow its household.
BOUND = frozenset({"cases", "persons", "offers", "assignments", "enrolments", "milestones", "recommendations"})
FOLLOWED = frozenset({"cases", "case_grants"})
