"""The floor of an intake: one INSERT a table, written by hand from the JSON as it came, no object in between."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from casework.audit import trail
from casework.cases.models import SOURCE_PLACE
from casework.cases.reference_number import reference, scattered
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.partial_date import PartialDate
from casework.kernel.programme import Programme
from casework.milestones import expectations, schedule
from casework.milestones.queries import catalogue
from casework.people import names
from casework.people.service import INDEX_NAMES, index_values, is_adult_on

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.blind_index import BlindIndex
    from casework.kernel.sealing import Keyring, SubjectKey

    Rows = list[tuple[Any, ...]]
    Statements = list[tuple[str, Any]]

COLUMNS = {
    "cases": "id, version, created_at, reference, external_id, programme, status, office_id, caseworker_id, claimed_on,"
    " undertaking_on",
    "households": "id, case_id, office_id, created_at",
    "persons": "id, case_id, office_id, external_id, sealed_name, sealed_birth, sealed_contact, is_adult, languages,"
    " created_at, version, unaccompanied_minor",
    "subject_keys": "subject_id, case_id, office_id, kind, kek_id, wrapped, key_version, keyed_at",
    "memberships": "id, case_id, office_id, household_id, person_id, relation, starts_on",
    "identifiers": "id, case_id, office_id, person_id, type, sealed_value, blind, expires_on",
    "consents": "id, case_id, office_id, person_id, purpose, given, notice_version, notice_language, channel,"
    " occurred_on, expires_on, recorded_at",
    "needs": "id, case_id, office_id, services, interpreter_languages, bedrooms, occurred_on, recorded_on, recorded_by",
    "preferences": "id, case_id, office_id, choices, occupations, occurred_on, recorded_on, recorded_by",
    "claim_statuses": "id, case_id, office_id, status, occurred_on, printed_due_on, sealed_source, recorded_at,"
    " recorded_by, version",
    "name_tokens": "person_id, token, case_id, office_id",
}


@cache
def _insert(table: str, rows: int) -> str:
    columns = COLUMNS[table]
    row = f"({', '.join(['%s'] * (columns.count(',') + 1))})"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * rows)}"


@dataclass(slots=True)
class Taken:
    """One household as rows by table, in the order of COLUMNS, which foreign keys accept."""

    case_id: UUID
    rows: dict[str, Rows]
    tag: str
    members: list[schedule.Member]


class Intake:
    """Turns one intake body, as `casework.demo.families` makes them, into rows and statements."""

    def __init__(self, keyring: Keyring, blind: BlindIndex, log_secret: bytes) -> None:
        self._keyring, self._blind, self._log_secret = keyring, blind, log_secret

    def statements(self, caller: Caller, body: bytes, number: int) -> tuple[UUID, Statements]:
        """The new case's id and the writes of its transaction: leaf and expectations included."""
        wanted = json.loads(body)
        taken = self.taken_in(caller, wanted, number)
        tokens = [(person, token) for person, token, *_ in taken.rows.pop("name_tokens")]
        written: Statements = [(_insert(table, len(some)), sum(some, ())) for table, some in taken.rows.items() if some]
        bound = {"case_id": taken.case_id, "office_id": caller.office_id, "region_code": None}
        written.append((INDEX_NAMES, index_values(bound, tokens)))
        written.append((trail.LEAF, self._leaf(caller, wanted, taken.tag)))
        return taken.case_id, written + _expected(caller, taken, wanted)

    def taken_in(self, caller: Caller, wanted: dict[str, Any], number: int) -> Taken:
        case_id, now, today = new_id(), clock.now(), clock.today()
        bound = (case_id, caller.office_id)
        case = (
            case_id, 1, now, reference(today.year, scattered(number, self._log_secret)), wanted.get("external_id"), wanted["programme"], "open",
            caller.office_id, caller.actor_id, wanted.get("claimed_on"), wanted.get("undertaking_on"),
        )  # fmt: skip
        household_id = new_id()
        key, wrapped = self._keyring.new_key(household_id)
        rows: dict[str, Rows] = {table: [] for table in COLUMNS}
        rows["cases"].append(case)
        rows["households"].append((household_id, *bound, now))
        rows["subject_keys"].append((household_id, *bound, "household", self._keyring.current, wrapped, 1, now))
        members = [self._member(rows, bound, household_id, member, now) for member in wanted["members"]]
        _add_entries(rows, bound, wanted, members, now, caller.actor_id)
        rows["claim_statuses"] += [_status(bound, one, key, now, caller.actor_id) for one in wanted["claim_statuses"]]
        return Taken(case_id, rows, key.pseudonym(case_id), members)

    def _member(
        self,
        rows: dict[str, Rows],
        bound: tuple[Any, ...],
        household_id: UUID,
        member: dict[str, Any],
        now: datetime,
    ) -> schedule.Member:
        person_id, birth, today = new_id(), PartialDate.parse(member["birth"]["value"]), clock.today()
        key, wrapped = self._keyring.new_key(person_id)
        contact = member.get("contact")
        spoken = [{"code": one["code"], "level": "native", "needs_interpreter": one["needs_interpreter"]}
                  for one in member["languages"]]  # fmt: skip
        rows["persons"].append(
            (person_id, *bound, member.get("external_id"),
             key.seal("persons/sealed_name", person_id, member["name"]),
             key.seal("persons/sealed_birth", person_id, member["birth"]),
             contact and key.seal("persons/sealed_contact", person_id, contact),
             is_adult_on(birth, today), json.dumps(spoken), now, 1, False)
        )  # fmt: skip
        rows["subject_keys"].append((person_id, *bound, "person", self._keyring.current, wrapped, 1, now))
        rows["memberships"].append((new_id(), *bound, household_id, person_id, member["relation"], today))
        for one in member.get("identifiers", ()):
            identifier = new_id()
            sealed = key.seal("identifiers/sealed_value", identifier, one["value"])
            blind = self._blind.exact(one["type"], names.identifier(one["value"]))
            rows["identifiers"].append(
                (identifier, *bound, person_id, one["type"], sealed, blind, one.get("expires_on"))
            )
        tokens = self._blind.tokens(names.features(names.forms(member["name"])))
        rows["name_tokens"] += [(person_id, token, *bound) for token in tokens]
        return schedule.Member(person_id, birth)

    def _leaf(self, caller: Caller, wanted: dict[str, Any], tag: str) -> tuple[Any, ...]:
        now = clock.now()
        actor = hmac.new(self._log_secret, caller.actor_id.bytes, hashlib.sha256).hexdigest()[:32]
        facts = {"subject": tag, "members": len(wanted["members"]), "programme": wanted["programme"]}
        body = {"v": trail.POLICY_VERSION, "type": "case.opened", "recorded_at": now.isoformat(), "actor": actor,
                "role": caller.role.value, "organization": None, "facts": facts}  # fmt: skip
        # RFC 8785 of ASCII keys, strings and small integers is sorted compact JSON.
        return new_id(), "audit", json.dumps(body, sort_keys=True, separators=(",", ":")), now


def _add_entries(
    rows: dict[str, Rows],
    bound: tuple[Any, ...],
    wanted: dict[str, Any],
    members: list[schedule.Member],
    now: datetime,
    actor: UUID,
) -> None:
    needs, wishes, today = wanted["needs"], wanted["preferences"], clock.today()
    spoken = {one["code"] for member in wanted["members"] for one in member["languages"] if one["needs_interpreter"]}
    rows["consents"] += [
        (new_id(), *bound, members[one["member"]].id, one["purpose"], one["given"], one["notice_version"],
         one["notice_language"], one["channel"], one["occurred_on"], one.get("expires_on"), now)
        for one in wanted["consents"]
    ]  # fmt: skip
    told = (today, today, actor)
    rows["needs"].append((new_id(), *bound, needs["services"], sorted(spoken), needs["bedrooms"], *told))
    rows["preferences"].append((new_id(), *bound, json.dumps(wishes["choices"]), wishes["occupations"], *told))


def _status(
    bound: tuple[Any, ...], one: dict[str, Any], key: SubjectKey, now: datetime, actor: UUID
) -> tuple[Any, ...]:
    row = new_id()
    sealed = key.seal(SOURCE_PLACE, row, one["source"])
    return row, *bound, one["status"], one["occurred_on"], one.get("printed_due_on"), sealed, now, actor, 1


def _expected(caller: Caller, taken: Taken, wanted: dict[str, Any]) -> Statements:
    """What the claim or the undertaking makes expected: the same pure schedule, from the dates already in hand."""
    anchors = schedule.Anchors(claimed_on=_day(wanted, "claimed_on"), undertaking_on=_day(wanted, "undertaking_on"))
    programme = Programme(wanted["programme"])
    found = [
        one
        for one in schedule.expectations(catalogue(), programme, anchors, taken.members, clock.today())
        if one.due_on is not None
    ]
    columns = {
        "case": taken.case_id, "office": caller.office_id, "region": None, "ids": [new_id() for _ in found],
        "codes": [one.code for one in found], "people": [one.person_id for one in found],
        "anchors": [one.anchor.value for one in found], "due": [one.due_on for one in found],
        "certain": [one.certain for one in found], "done": [None for _ in found],
    }  # fmt: skip
    return [(expectations.ADD, columns)] if found else []


def _day(wanted: dict[str, Any], name: str) -> date | None:
    text = wanted.get(name)
    return PartialDate.parse(text).earliest() if text else None
