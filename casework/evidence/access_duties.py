"""The duties beside placement, played into the world of `drill access`: sealed addresses, broken glass, erasures,
holds, incidents, accounts with their grants, clients with their secrets; each in every state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Role
from casework.demo.world import key
from casework.kernel import clock

if TYPE_CHECKING:
    import psycopg

    from casework.evidence.access_world import Author

Json = dict[str, Any]
CONTACT = {"phone": "+1 514 555 0199", "address": "9, rue Inventée"}
SEALED = {"contact": CONTACT, "substitute": {"phone": "+1 514 555 0100"}}
ERASURE = {"reason": "purpose_achieved", "reference": "DRILL-1"}
HOLD = {"basis": "litigation", "reference": "DRILL-2"}
BREAK = {"reason_code": "danger_to_life", "reason": "Voisins inquiets.", "minutes": 60}
REPRESENTATIVE = {"name": "Solveig Ombrefeuil", "organization": "Bureau inventé", "phone": "+1 514 555 0188"}
BORN = {"relation": "child", "name": {"full": "Nouvelle Venue"}, "birth": {"value": None, "precision": "unknown"}}
# Who was proposed what, and what became of it: nothing yet, approved, revoked.
PROPOSED = (
    ("agathe", {"role": Role.caseworker, "office_id": str(key("praida"))}, ""),
    ("benoite", {"role": Role.partner, "organization_id": str(key("le-phare"))}, "raised"),
    ("cyprien", {"role": Role.municipal_viewer, "region_code": "01"}, ""),
    ("dorine", {"role": Role.partner, "organization_id": str(key("racines-d-estrie"))}, "approved"),
    ("eusebe", {"role": Role.auditor}, ""),
    ("flavie", {"role": Role.administrator}, ""),
    ("gaspard", {"role": Role.programme_manager}, "revoked"),
)
# A trigger writes who is responsible.
ELSEWHERE = (
    (
        "UPDATE cases SET caseworker_id = %(user)s WHERE id = (SELECT id FROM cases WHERE office_id = %(office)s"
        " AND status = 'open' ORDER BY id LIMIT 1)"
    ),
    (
        "INSERT INTO handovers (id, version, created_at, case_id, office_id, region_code, to_user_id, proposed_by, status)"
        " SELECT gen_random_uuid(), 1, now(), id, office_id, region_code, %(user)s, %(user)s, 'proposed' FROM cases"
        " WHERE caseworker_id = %(user)s"
    ),
)


def incident() -> Json:
    today = clock.today().isoformat()
    return {
        "information_known": True, "information": "Noms et adresses.", "circumstances": "Courriel mal adressé.",
        "occurred": {"from": today, "until": today}, "aware": {"from": today, "until": today},
        "persons_count": 3, "persons_approximate": False, "sensitivity": "high", "malicious_uses": "Fraude.",
        "consequences": "Démarchage.", "likelihood": "moderate", "serious_risk": True, "measures": "Rappel du courriel.",
    }  # fmt: skip


async def add(author: Author, number: int) -> None:
    """Raises WorldNotBuilt. `number`: the first household's."""
    for offset, taker in enumerate(("camille", "ines")):
        await _hidden_and_broken(author, number + offset, taker)
    for offset, taker in enumerate(("camille", "basile", "ines"), start=2):
        await _erased_and_held(author, number + offset, taker)
    for offset, taker in enumerate(("camille", "basile", "ines"), start=5):
        await _lived(author, number + offset, taker)
    lived = [await _parted(author, number + offset, taker) for offset, taker in enumerate(("camille", "ines"), start=8)]
    await _merged(author, number + 10, lived)
    entry = await author.say("prosper", "POST", "/v1/incidents", incident())
    amended = {**incident(), "change_reason": "Nombre corrigé.", "persons_count": 4}
    await author.say("prosper", "POST", f"/v1/incidents/{entry['id']}/amendments", amended, entry)
    await _accounts(author)
    await _clients(author)


async def _household(author: Author, number: int, taker: str) -> Json:
    return await author.taken_in_as("open", taker, number)


def _people(case: Json) -> list[str]:
    return [member["person_id"] for member in case["household"]["members"]]


async def _hidden_and_broken(author: Author, number: int, taker: str) -> None:
    """An address sealed, one sealed and withdrawn; glass broken and not reviewed, glass broken and reviewed."""
    case = await _household(author, number, taker)
    for place, person in enumerate(_people(case)[:2]):
        path = f"/v1/cases/{case['id']}/people/{person}/sealed-address"
        sealed = await author.say("prosper", "PUT", path, SEALED, {"version": 0})
        if place:
            await author.say("prosper", "DELETE", path, None, sealed)
    await author.say("prosper", "POST", f"/v1/cases/{case['id']}/recommendations")
    breaker = "octave" if taker == "ines" else "coralie"
    for reviewed in (False, True):
        glass = await author.say(breaker, "POST", "/v1/break-glass", {**BREAK, "case_id": case["id"]})
        if reviewed:
            said = {"outcome": "justified", "note": "Danger réel."}
            await author.say("prosper", "POST", f"/v1/break-glass/{glass['id']}/review", said, {"version": 1})


async def _erased_and_held(author: Author, number: int, taker: str) -> None:
    """One household: its last member erased; requests that wait, were refused, or stand under a hold."""
    case, asker = await _household(author, number, taker), "prosper" if taker == "ines" else taker
    last = _people(case)[-1]
    refused = await author.say(asker, "POST", f"/v1/people/{last}/erasures", ERASURE)
    if asker != "prosper":
        path = f"/v1/erasures/{refused['id']}/refuse"
        await author.say("prosper", "POST", path, {"refusal": "still_needed"})
        again = await author.say(asker, "POST", f"/v1/people/{last}/erasures", ERASURE)
        if taker == "camille":
            await author.say("prosper", "POST", f"/v1/erasures/{again['id']}/approve")
    if taker != "camille":
        body = {**HOLD, "case_id": case["id"]} if taker == "ines" else {**HOLD, "person_id": last}
        hold = await author.say("prosper", "POST", "/v1/legal-holds", body)
        if taker == "ines":
            await author.say("prosper", "POST", f"/v1/legal-holds/{hold['id']}/release", {"reference": "DRILL-3"})
            await author.say("prosper", "POST", "/v1/legal-holds", body)


async def _lived(author: Author, number: int, taker: str) -> None:
    """One household: a name amended, a child born and represented, its last member dead."""
    case = await _household(author, number, taker)
    people = _people(case)
    path = f"/v1/cases/{case['id']}"
    amended = {
        "reason": "chosen_name", "name": {"full": "Nom Choisi"}, "birth": {"value": "1980", "precision": "year"},
        "contact": {"phone": "+1 514 555 0177"}, "description": {"pronouns": "elle"},
    }  # fmt: skip
    person = await author.say(taker, "PATCH", f"{path}/people/{people[0]}", amended, {"version": 1})
    again = {**amended, "reason": "correction", "description": {"pronouns": "iel"}}
    await author.say(taker, "PATCH", f"{path}/people/{people[0]}", again, person)
    current = await author.say(taker, "GET", path)
    born = await author.say(taker, "POST", f"{path}/members", {"how": "birth", "member": BORN}, current)
    named = {"kind": "tutor", "representative": REPRESENTATIVE, "appointed_on": clock.today().isoformat()}
    await author.say(taker, "POST", f"{path}/people/{born['person_id']}/representatives", named, born)
    died = {"occurred": {"value": f"{clock.today():%Y}", "precision": "year"}}
    await author.say(taker, "POST", f"{path}/people/{people[-1]}/death", died, {"version": 1})


async def _parted(author: Author, number: int, taker: str) -> Json:
    """A household that parts, kept together with the case it left; another link that has ended."""
    case = await author.taken_in_as("open", taker, number)
    path, people = f"/v1/cases/{case['id']}", _people(case)
    body = {"people": people[1:2], "principal_id": people[1], "reason": "adult_child"}
    new = await author.say(taker, "POST", f"{path}/splits", body, case)
    for kind in ("keep_together", "kin"):
        current = await author.say(taker, "GET", path)
        wanted = {"other_case_id": new["id"], "kind": kind}
        links = (await author.say(taker, "POST", f"{path}/links", wanted, current))["items"]
    current = await author.say(taker, "GET", path)
    await author.say(taker, "DELETE", f"{path}/links/{links[-1]['id']}", None, current)
    return case


async def _merged(author: Author, number: int, lived: list[Json]) -> None:
    """Records merged within each office, one parted again; across two, one that waits, one refused, one approved."""
    for offset, undone in enumerate((False, True)):
        case = await _household(author, number + offset, "camille")
        merge = await _merge(author, "camille", _people(case)[0], _people(case)[-1])
        if undone:
            await author.say("camille", "DELETE", f"/v1/merges/{merge['id']}", None, merge)
    case = await _household(author, number + 5, "ines")
    await _merge(author, "prosper", _people(case)[0], _people(case)[-1])
    for offset, said in enumerate(("", "refuse", "approve"), start=2):
        case = await _household(author, number + offset, "ines")
        merge = await _merge(author, "prosper", _people(lived[0])[0], _people(case)[-1])
        if said:
            await author.say("basile", "POST", f"/v1/merges/{merge['id']}/{said}", None, merge)


async def _merge(author: Author, who: str, kept: str, duplicate: str) -> Json:
    body = {"duplicate_id": duplicate, "reason": "Vue deux fois."}
    return await author.say(who, "POST", f"/v1/people/{kept}/merges", body)


async def _accounts(author: Author) -> None:
    for username, asked, became in PROPOSED:
        user = await author.say("adele", "POST", "/v1/users", {"username": username, "display_name": username.title()})
        grant = await author.say("adele", "POST", "/v1/grants", {**asked, "user_id": user["id"]})
        if became == "approved":
            await author.say("raoul", "POST", f"/v1/grants/{grant['id']}/approve")
        if became == "revoked":
            await author.say("adele", "POST", f"/v1/grants/{grant['id']}/revoke")
        if became == "raised":
            # Proposed more than the first voucher may vouch for: an account one may only half answer for.
            more = {"role": Role.coordinator, "region_code": "05", "user_id": user["id"]}
            await author.say("adele", "POST", "/v1/grants", more)
    bare = {"username": "honorine", "display_name": "Honorine", "issuer": "https://sso.invalid", "subject": "drill"}
    await author.say("adele", "POST", "/v1/users", bare)
    closed = await author.say("adele", "POST", "/v1/users", {"username": "ignace", "display_name": "Ignace"})
    await author.say("adele", "POST", f"/v1/users/{closed['id']}/disable")


async def leftovers(owner: psycopg.AsyncConnection[Any]) -> None:
    """What signing in leaves behind: passwords of both kinds, a bucket of attempts, an assertion that served; a witness's
    line; and a case followed and handed over in an office that has no caseworker among the players.

    The passwords are of long ago: a token issued before a password was changed is refused.
    """
    for one_time in (True, False):
        await owner.execute(
            "INSERT INTO passwords (id, user_id, hash, one_time, created_at) SELECT gen_random_uuid(), id, 'drill', %s,"
            # Before anybody's token: a new password ends the sessions of the old one.
            " now() - interval '1 day' FROM users",
            (one_time,),
        )
    await owner.execute("INSERT INTO sign_in_buckets (bucket, attempts, last_at, free_at) VALUES (1, 1, now(), now())")
    for statement in ELSEWHERE:
        await owner.execute(statement, {"office": key("praida"), "user": key("ines")})
    await owner.execute(
        "INSERT INTO log_cosignatures (log, size, name, line) VALUES ('milestones', 1, 'drill', 'drill')"
    )
    await owner.execute(
        "INSERT INTO used_assertions (client_id, jti_hash, expires_at) VALUES (%s, %s, now() + interval '1 hour')",
        (key("le-phare-api"), b"drill"),
    )


async def _clients(author: Author) -> None:
    """A client that rotates, one with a secret revoked, one of another organization, and one revoked."""
    path = f"/v1/api-clients/{key('le-phare-api')}/secrets"
    await author.say("pelagie", "POST", path, {"overlap_days": 7})
    for name, organization, keeper in (
        ("a", "le-phare", "pelagie"),
        ("b", "racines-d-estrie", "raoul"),
        ("c", "le-phare", ""),
    ):
        wanted = {"name": f"Client {name}", "organization_id": str(key(organization)), "scopes": ["me:read"]}
        client = await author.say("adele", "POST", "/v1/api-clients", wanted)
        if keeper:
            at = f"/v1/api-clients/{client['id']}/secrets"
            secret = await author.say(keeper, "POST", at, {"overlap_days": 0})
            await author.say(keeper, "POST", f"{at}/{secret['id']}/revoke")
        else:
            await author.say("adele", "POST", f"/v1/api-clients/{client['id']}/revoke")
