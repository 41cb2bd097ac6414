"""Recipes of what keeps the cases: searches, sealed addresses, broken glass, erasures, holds, exports, incidents,
logs, accounts, grants, clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.authz.policy import Permission as P  # noqa: N817 -- the table below is read by rows
from casework.authz.policy import Role
from casework.demo.families import family
from casework.demo.world import key
from casework.evidence.access_aims import Listed, Recipe, always, conflict, get
from casework.evidence.access_duties import BREAK, ERASURE, HOLD, SEALED, incident
from casework.evidence.access_labels import erased, held, hidden, requested
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_aims import Aim

# RFC 8037 A.2: a public key that anybody may know.
PUBLIC_KEY = {
    "kty": "OKP", "crv": "Ed25519", "kid": "drill", "use": "sig", "alg": "EdDSA",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}  # fmt: skip

# Bodies


def _searched(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    name = family(1, size=2).body["members"][0]["name"]
    return {"name": name["full"], "limit": 50}


def _broken(aim: Aim) -> Any:
    return {**BREAK, "case_id": aim.id}


def _held(aim: Aim) -> Any:
    return {**HOLD, "case_id": aim.id}


def _amended(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {**incident(), "change_reason": "Nombre corrigé."}


def _user(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"username": f"drill-{new_id().hex}", "display_name": "Compte du drill"}


def _proposal(aim: Aim) -> Any:
    return {"user_id": aim.id, "role": Role.auditor}


def _client(aim: Aim) -> Any:  # noqa: ARG001 -- the table's signature
    return {"name": "Client du drill", "organization_id": str(key("le-phare")), "scopes": ["me:read"]}


# What the object's state makes of it


def _opening(aim: Aim) -> int:
    return 410 if erased(aim.facts, aim.id) else 200


def _asking_erasure(aim: Aim) -> int:
    if erased(aim.facts, aim.id):
        return 410
    return conflict(held(aim.facts, aim.case_id, aim.id) or requested(aim.facts, aim.id), 201)


def _deciding(aim: Aim) -> int:
    row = aim.row or {}
    return conflict(row.get("status") != "requested" or row["requested_by"] == str(aim.who.id))


def _approving_erasure(aim: Aim) -> int:
    stands = aim.row is not None and held(aim.facts, aim.case_id, aim.row["person_id"])
    return 409 if stands else _deciding(aim)


def _reviewing(aim: Aim) -> int:
    row = aim.row or {}
    return conflict(row.get("outcome") is not None or row.get("user_id") == str(aim.who.id))


def _unless(column: str) -> Callable[[Aim], int]:
    return lambda aim: conflict(_is_set(column)(aim))


def _is_set(column: str) -> Callable[[Aim], bool]:
    return lambda aim: aim.row is not None and aim.row[column] is not None


def _proposing(aim: Aim) -> int:
    if aim.id == str(aim.who.id):
        return 403
    held_now = [g["role"] for g in aim.facts.rows["role_grants"] if g["user_id"] == aim.id and aim.oracle.current(g)]
    return conflict(Role.administrator in held_now, 201)


def _approving(aim: Aim) -> int:
    row = aim.row or {}
    if str(aim.who.id) in {row.get("user_id"), row.get("proposed_by")} or not aim.oracle.may_vouch(aim.who, row):
        return 403
    waits = row["proposed_by"] is not None and row["approved_at"] is None and aim.oracle.current(row)
    return conflict(not waits)


def _issuing(aim: Aim) -> int:
    row = aim.row or {}
    closed = row.get("disabled_at") is not None or row.get("issuer") is not None
    return 404 if closed or not aim.oracle.vouches_for(aim.who, aim.id) else 201


def _adding_secret(aim: Aim) -> int:
    if _is_set("revoked_at")(aim):
        return 404
    secrets = [s for s in aim.facts.rows["client_secrets"] if s["client_id"] == aim.id]
    return conflict(sum(aim.oracle.current(secret) for secret in secrets) > 1, 201)


LISTS: dict[str, Listed] = {
    "GET /v1/break-glass": Listed("glass_breaks"),
    "GET /v1/erasures": Listed("erasures"),
    "GET /v1/legal-holds": Listed("legal_holds"),
    "GET /v1/incidents": Listed("incidents"),
    "GET /v1/users": Listed("users"),
    "GET /v1/grants": Listed("role_grants"),
    "GET /v1/api-clients": Listed("api_clients"),
}
_LOG = "?log=audit"
_EXPORT = always({"purpose": "access_request", "reference": "DRILL-4"})
_ADDRESS = "/v1/cases/{case_id}/people/{person_id}/sealed-address"
_GLAZIER = "any one case may be opened in an emergency, by those whose role may break a glass"
_CLIENTS = frozenset({"api_clients", "client_secrets"})
_ERASED = frozenset({
    "subject_keys", "log_openings", "log_links", "idempotency_records", "persons", "identifiers", "name_tokens",
    "sealed_addresses", "claim_statuses", "milestone_expectations", "milestones", "service_languages",
})  # fmt: skip


def _hidden(aim: Aim) -> int:
    return hidden(aim.facts, aim.id)


RECIPES: tuple[Recipe, ...] = (
    # Finding and protecting
    Recipe("POST", "/v1/case-searches", P.case_search, "", _searched, purpose="case_management"),
    get(_ADDRESS, P.sealed_address_read, "persons", outcome=_opening),
    Recipe("PUT", _ADDRESS, P.sealed_address_write, "persons", always(SEALED), _opening, 0, 1, version=_hidden),
    Recipe("DELETE", _ADDRESS, P.sealed_address_write, "persons", None, _opening, 0, 1, version=_hidden),
    Recipe("POST", "/v1/break-glass", P.break_glass_open, "cases", _broken, always(201), 0, 1,
           frozenset({"glass_breaks", "case_grants"}), in_body=True, blind=_GLAZIER),
    get("/v1/break-glass", P.break_glass_read),
    Recipe("POST", "/v1/break-glass/{glass_id}/review", P.break_glass_review, "glass_breaks",
           always({"outcome": "justified", "note": "Danger réel."}), _reviewing, 0, 1),
    # Privacy
    Recipe("POST", "/v1/people/{person_id}/erasures", P.erasure_request, "persons", always(ERASURE), _asking_erasure, 0, 1),
    get("/v1/erasures", P.erasure_read, reads=0),
    get("/v1/erasures/{erasure_id}", P.erasure_read, "erasures", reads=0),
    Recipe("POST", "/v1/erasures/{erasure_id}/approve", P.erasure_decide, "erasures", None, _approving_erasure, 0, 1,
           also=_ERASED, destroys=_ERASED),
    Recipe("POST", "/v1/erasures/{erasure_id}/refuse", P.erasure_decide, "erasures",
           always({"refusal": "still_needed"}), _deciding, 0, 1),
    Recipe("POST", "/v1/legal-holds", P.legal_hold_manage, "cases", _held, always(201), 0, 1, in_body=True),
    get("/v1/legal-holds", P.legal_hold_read, reads=0),
    Recipe("POST", "/v1/legal-holds/{hold_id}/release", P.legal_hold_manage, "legal_holds",
           always({"reference": "DRILL-5"}), _unless("released_at"), 0, 1),
    get("/v1/retention-rules", P.retention_read, reads=0),
    Recipe("POST", "/v1/people/{person_id}/subject-access-exports", P.subject_access_export, "persons", _EXPORT,
           _opening, 1, 1),
    Recipe("POST", "/v1/people/{person_id}/disclosure-statements", P.disclosure_export, "persons", _EXPORT, _opening, 1, 1),
    Recipe("POST", "/v1/incidents", P.incident_write, "", always(incident()), always(201), 0, 1),
    get("/v1/incidents", P.incident_read),
    get("/v1/incidents/{incident_id}", P.incident_read, "incidents"),
    get("/v1/incidents/{incident_id}/history", P.incident_read, "incidents"),
    Recipe("POST", "/v1/incidents/{incident_id}/amendments", P.incident_write, "incidents", _amended, always(201), 0, 1),
    get("/v1/incident-register", P.incident_read, leaves=1),
    # Logs
    get("/v1/milestone-log", P.milestone_log_read, leaves=1),
    get("/v1/indicators/{name}", P.milestone_log_read, leaves=1),
    get("/v1/audit-log", P.log_read, leaves=1),
    get("/v1/security-log", P.log_read, leaves=1),
    get("/v1/log/entries" + _LOG, P.log_read, leaves=1),
    get("/v1/log/checkpoint" + _LOG, P.log_read, reads=0),
    Recipe("POST", "/v1/log/cosignatures", P.log_cosign, "", always({"log": "audit", "note": "–"}), always(422), 0, 0),
    get("/v1/log/key", P.log_read, reads=0),
    get("/v1/log/proofs/inclusion" + _LOG + "&index=0&size={size}", P.log_read, reads=0),
    get("/v1/log/proofs/consistency" + _LOG + "&first={size}&size={size}", P.log_read, reads=0),
    # Accounts and grants
    get("/v1/users", P.user_read, reads=0),
    Recipe("POST", "/v1/users", P.user_manage, "", _user, always(201), 0, 1),
    get("/v1/users/{user_id}", P.user_read, "users", reads=0),
    Recipe("POST", "/v1/users/{user_id}/disable", P.user_manage, "users", None, reads=0, leaves=1,
           idle=_is_set("disabled_at")),
    Recipe("POST", "/v1/users/{user_id}/one-time-passwords", P.password_issue, "users", None, _issuing, 0, 1),
    get("/v1/grants", P.grant_read, reads=0),
    Recipe("POST", "/v1/grants", P.grant_propose, "users", _proposal, _proposing, 0, 1, in_body=True),
    Recipe("POST", "/v1/grants/{grant_id}/approve", P.grant_approve, "role_grants", None, _approving, 0, 1),
    Recipe("POST", "/v1/grants/{grant_id}/revoke", P.grant_revoke, "role_grants", None, reads=0, leaves=1,
           idle=_is_set("revoked_at")),
    # Clients
    get("/v1/api-clients", P.api_client_read, reads=0),
    Recipe("POST", "/v1/api-clients", P.api_client_manage, "", _client, always(201), 0, 1, _CLIENTS),
    get("/v1/api-clients/{client_id}", P.api_client_read, "api_clients", reads=0),
    Recipe("POST", "/v1/api-clients/{client_id}/revoke", P.api_client_manage, "api_clients", None, reads=0, leaves=1,
           also=_CLIENTS, idle=_is_set("revoked_at")),
    Recipe("POST", "/v1/api-clients/{client_id}/secrets", P.client_secret_manage, "api_clients",
           always({"overlap_days": 7}), _adding_secret, 0, 1, _CLIENTS),
    Recipe("POST", "/v1/api-clients/{client_id}/secrets/{secret_id}/revoke", P.client_secret_manage, "client_secrets",
           None, reads=0, leaves=1, also=_CLIENTS, idle=_is_set("revoked_at")),
    Recipe("POST", "/v1/api-clients/{client_id}/keys", P.client_secret_manage, "api_clients",
           always({"keys": [PUBLIC_KEY]}), reads=0, leaves=1, also=_CLIENTS),
)  # fmt: skip
