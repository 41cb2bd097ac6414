"""Everything that can go wrong while a request carries somebody's data, done on purpose."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import psycopg

from casework.demo import world
from casework.evidence.canary_journey import Planter, Traffic
from casework.identity import assertions

if TYPE_CHECKING:
    from concurrent.futures import Future

# PostgreSQL fails on the row itself and quotes it, in the class of error that the external id asks for. In a schema of
# its own: a function more in `public` would rightly refuse the boot.
TRAP = """
CREATE SCHEMA drill;
CREATE FUNCTION drill.trap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.external_id LIKE '%-slow' THEN PERFORM pg_sleep(30); END IF;
  IF NEW.external_id LIKE '%-state-%' THEN
    RAISE EXCEPTION 'refused: %', NEW USING ERRCODE = right(NEW.external_id, 5), DETAIL = NEW::text, HINT = NEW::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trap BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION drill.trap();
CREATE TRIGGER trap BEFORE INSERT ON persons FOR EACH ROW EXECUTE FUNCTION drill.trap();
"""
# A bad value, a broken check, a broken key, a refused right, a serialization failure, a fault of our own.
STATES = ("22P02", "22001", "23514", "23502", "23503", "23505", "42501", "40001", "XX000", "P0001")
FIRST_FREE_NUMBER = 100
LATE_SECONDS = 1.0
SLEEPING = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND state = 'active' ORDER BY query_start"


def malformed(traffic: Traffic, plant: Planter) -> None:
    """Bodies, addresses, parameters and credentials that are refused before anything is done."""
    for body in _bodies(plant):
        for media in ("application/json", "text/plain"):
            traffic.send("camille", "POST", "/v1/cases", content=body, headers={"Content-Type": media})
    word, row = plant.field("query cursor"), plant.field("query external_id")
    for path in (
        f"/v1/cases/{word}", f"/v1/{word}", f"/v1/problems/{word}", f"/v1/cases?{word}={word}", f"/v1/cases?status={word}",
        f"/v1/cases?external_id={row}", f"/v1/cases?cursor={word}", f"/v1/cases?caseworker={word}",
        f"/v1/cases/{quote(word + chr(0))}", f"/v1/milestones?code={word}", f"/v1/capacities?resource={word}",
    ):  # fmt: skip
        traffic.send("camille", "GET", path)
    traffic.send("aurele", "GET", f"/v1/audit-log?type={word}")
    traffic.send("camille", word.upper(), "/v1/cases")
    traffic.send("camille", "PUT", f"/v1/cases?{word}")
    _credentials(traffic, word)


def _credentials(traffic: Traffic, word: str) -> None:
    basic = base64.b64encode(f"{word}:{word}".encode()).decode()
    for authorization in (f"Bearer {word}", f"Bearer {word}.{word}.{word}", f"Basic {basic}", word):
        traffic.send(None, "GET", "/v1/me", headers={"Authorization": authorization})
        form = {"grant_type": "client_credentials", "client_id": word, "client_secret": word, "scope": word}
        signed = {
            "grant_type": "client_credentials",
            "client_assertion_type": assertions.TYPE,
            "client_assertion": word,
        }
        for proof in (form, signed):
            traffic.send(None, "POST", "/oauth/token", data=proof, headers={"Authorization": authorization})
    attempt = {"username": word, "password": word, "new_password": word}
    traffic.send(None, "POST", "/v1/sessions", json=attempt)
    keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": word, "x": word, "d": word}]}
    traffic.send("pelagie", "POST", f"/v1/api-clients/{world.key(world.CLIENT)}/keys", json=keys)
    for name in ("If-Match", "If-None-Match", "X-Purpose-Of-Use", "Idempotency-Key", "Content-Encoding", "Range"):
        traffic.send("camille", "POST", "/v1/cases", json={}, headers={name: f"{word} {word}"})
    # The journey shows the same two headers accepted: here they are merely wrong.
    traffic.marks.given.setdefault("header If-Match", word)


def _bodies(plant: Planter) -> list[bytes]:
    """The good intake, broken in one place after another with the place's own value."""
    good, word = plant.intake(FIRST_FREE_NUMBER), f"de {plant.field('Name.full')}"
    text = json.dumps(good, ensure_ascii=False)
    broken: list[Any] = [
        {**good, name: wrong} for name in good for wrong in (word, [word], {word: word}, [{word: word}], f"{word}\0")
    ]
    member = good["members"][0]
    broken += [
        {**good, "members": [{**member, name: wrong}]} for name in member for wrong in (word * 90, [word], {word: 1})
    ]
    broken += [{**good, word: word}, {**good, "members": [{**member, word: word}]}, {**good, "members": [member] * 31}]
    raw = [text[: len(text) // 2], text + text, text.replace('"relation"', f'"{word}": 1, "relation"'), f'"{word}"',
           text.replace('"programme"', '"programme": "asylum", "programme"')]  # fmt: skip
    return [json.dumps(one).encode() for one in broken] + [one.encode() for one in raw]


def conflicts(traffic: Traffic, plant: Planter, made: dict[str, str]) -> None:
    """Well-formed requests that meet what is there already, or is not there."""
    absent = "01890000-0000-7000-8000-000000000000"
    key = {"Idempotency-Key": plant.field("header Idempotency-Key")}
    for body in (plant.intake(1), plant.intake(FIRST_FREE_NUMBER + 1, caseworker_id=absent)):
        traffic.send("camille", "POST", "/v1/cases", json=body)
    traffic.send("camille", "POST", "/v1/cases", json=plant.intake(FIRST_FREE_NUMBER + 2), headers=key)
    words = {"reason": plant.field("CaseClose.reason")}
    for case_id in (absent, made["case"]):
        for tag in ('"1"', f'"{plant.field("header Idempotency-Key")}"'):
            traffic.send("camille", "POST", f"/v1/cases/{case_id}/close", json=words, headers={"If-Match": tag})
    traffic.send("pelagie", "GET", f"/v1/cases/{made['case']}")
    for path in ("assignments/{assignment}/end", "offers/{offer}/withdraw", "milestones/{milestone}/void"):
        traffic.send("prosper", "POST", f"/v1/{path.format(**made)}", json=words, headers={"If-Match": '"1"'})


def database_errors(traffic: Traffic, plant: Planter, numbers: str) -> list[int]:
    """Errors of PostgreSQL's own, raised on the row that carries the values; the statuses that came back."""
    statuses = []
    for state in STATES:
        named = f"{plant.field('CaseCreate.external_id', f'{numbers}{state}')}-state-{state}"
        of_case = plant.intake(0, external_id=named)
        of_member = _with_member(plant.intake(0, external_id=None), external_id=named)
        statuses += [
            traffic.send("camille", "POST", "/v1/cases", json=body).status_code for body in (of_case, of_member)
        ]
    return statuses


def _with_member(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**body, "members": [{**body["members"][0], **changes}]}


class Slow:
    """Intakes that stand still inside their transaction, each with its values in hand."""

    def __init__(self, traffic: Traffic, plant: Planter) -> None:
        self._traffic, self._plant = traffic, plant
        self._threads = ThreadPoolExecutor(8)
        self.waiting: list[Future[int]] = []

    def begin(self, number: int) -> None:
        named = f"{self._plant.field('CaseCreate.external_id', number)}-slow"
        self.waiting.append(self._threads.submit(self._one, self._plant.intake(0, external_id=named)))

    def _one(self, body: dict[str, Any]) -> int:
        """The status, or 0 when the server died under the request."""
        try:
            return self._traffic.send("camille", "POST", "/v1/cases", json=body).status_code
        except httpx.TransportError:
            return 0

    def ended(self) -> list[int]:
        found = [one.result() for one in self.waiting]
        self.waiting = []
        return found

    def close(self) -> None:
        self._threads.shutdown()


def ended_back_end(superuser_url: str, application: str) -> int:
    """End the session of one statement that stands still; how many were."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for _ in range(100):
            found = connection.execute(SLEEPING, (application,)).fetchall()
            if found:
                connection.execute("SELECT pg_terminate_backend(%s)", found[0])
                return 1
            time.sleep(0.05)
    return 0


def locked_out(owner_url: str, traffic: Traffic, plant: Planter, case_id: str) -> int:
    """A change that waits for a row until its lock timeout; the status."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("SELECT 1 FROM cases WHERE id = %s FOR UPDATE", (case_id,))
        changed = json.dumps({"external_id": plant.field("CasePatch.external_id", "locked")}).encode()
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": '"1"'}
        return traffic.send("camille", "PATCH", f"/v1/cases/{case_id}", content=changed, headers=headers).status_code
