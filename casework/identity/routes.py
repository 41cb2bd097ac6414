from __future__ import annotations

import base64
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from fastapi import APIRouter, Request

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission, permissions_of, sights_of
from casework.identity import account_routes, assertions, client_routes, clients, keysets
from casework.identity.client_sign_in import Presented
from casework.identity.errors import (
    GrantTypeNotSupported,
    PasswordMustChange,
    PasswordTooWeak,
    ProofRefused,
    ScopeRefused,
    SignInRefused,
    TokenRefused,
)
from casework.identity.schemas import Me, SessionCreate, SessionRead, TokenAnswer
from casework.identity.tokens import LIFETIME_SECONDS, TokenInvalid
from casework.kernel.language import Text
from casework.kernel.openapi import described, responses
from casework.kernel.problems import DatabaseAway, Fault, MalformedRequest, TooManyAttempts

router = APIRouter(route_class=GuardedRoute)
router.include_router(account_routes.router)
router.include_router(client_routes.router)
public = APIRouter()


@public.post("/oauth/token", response_model=TokenAnswer, tags=["tokens"],
             responses=responses(TokenRefused, GrantTypeNotSupported, ScopeRefused, ProofRefused), openapi_extra={
                 "security": [],
                 "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": {
                     "type": "object", "required": ["grant_type"], "properties": {
                         "grant_type": {"type": "string", "enum": ["client_credentials"]},
                         "client_id": {"type": "string"}, "client_secret": {"type": "string"},
                         "client_assertion_type": {"type": "string", "enum": [assertions.TYPE]},
                         "client_assertion": {"type": "string", "description": "RFC 7523"},
                         "scope": {"type": "string"}}}}}}})  # fmt: skip
async def issue_token(request: Request) -> dict[str, Any]:
    """Obtenir un jeton d'accès pour un client partenaire (RFC 6749 §4.4).

    Get an access token for a partner's client: with its id and secret by HTTP Basic or in the form, or with an
    assertion signed by its own key (RFC 7523). With a `DPoP` header the token is bound to that key (RFC 9449).
    """
    form = _form(await request.body())
    if form.get("grant_type") != "client_credentials":
        raise GrantTypeNotSupported
    client = await request.app.state.client_sign_in(request, _presented(request, form))
    scopes = clients.scopes_granted(client, form.get("scope", ""))
    key = _bound_to(request, client.id)
    token = request.app.state.issuer.issue(client.id, str(client.id), scopes, bound_to=key)
    return {
        "access_token": token, "token_type": "DPoP" if key else "Bearer", "expires_in": LIFETIME_SECONDS,
        "scope": " ".join(scopes),
    }  # fmt: skip


def _bound_to(request: Request, client_id: UUID) -> str | None:
    """The key a client wants its token bound to; raises ProofRefused for a bad proof, or for none where it is due."""
    proof = request.headers.get("dpop")
    if proof is None and not request.app.state.settings.bound_client_tokens:
        return None
    try:
        key: str = request.app.state.proofs.key_behind(proof or "", request.method, request.scope["path"])
    except TokenInvalid as invalid:
        raise ProofRefused(invalid.reason, client_id) from None
    return key


def _presented(request: Request, form: dict[str, str]) -> Presented:
    """What the client proves itself with; raises TokenRefused for two ways at once (RFC 6749 §2.3)."""
    assertion = form.get("client_assertion", "")
    if assertion and form.get("client_assertion_type") != assertions.TYPE:
        raise TokenRefused("credentials")
    basic = _basic(request)
    if basic is None:
        return Presented(form.get("client_id", ""), form.get("client_secret", ""), assertion)
    if assertion or "client_secret" in form:
        raise TokenRefused("credentials")
    return Presented(*basic)


def _form(body: bytes) -> dict[str, str]:
    """Raises MalformedRequest for what is no short form."""
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=10))
    except ValueError:
        text = Text("Le corps n'est pas un formulaire.", "The body is not a form.")
        raise MalformedRequest(errors=[Fault(text, "form", pointer="")]) from None


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # not ASCII, not base64, not UTF-8
        raise TokenRefused("malformed") from None
    return unquote_plus(name), unquote_plus(secret)


@public.post("/v1/sessions", response_model=SessionRead, tags=["tokens"], openapi_extra={"security": []},
             responses=responses(MalformedRequest, DatabaseAway, SignInRefused, PasswordMustChange, PasswordTooWeak,
                                 TooManyAttempts))  # fmt: skip
async def sign_in(request: Request, body: SessionCreate) -> dict[str, Any]:
    """Se connecter à un compte local, et y choisir son mot de passe ; rend un jeton d'accès d'une heure.

    Sign in to a local account, and choose its password; gives an access token of one hour.
    """
    token = await request.app.state.sign_in(request, body)
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_SECONDS}


@public.get("/.well-known/jwks.json", tags=["tokens"], openapi_extra={"security": []})
async def read_signing_keys(request: Request) -> dict[str, Any]:
    """Clés publiques des jetons (RFC 7517).

    Public keys of the tokens.
    """
    keys: dict[str, Any] = request.app.state.issuer.jwks()
    return keys


@public.get("/.well-known/oauth-authorization-server", tags=["tokens"], openapi_extra={"security": []})
async def read_authorization_server(request: Request) -> dict[str, Any]:
    """Métadonnées du serveur d'autorisation (RFC 8414).

    Authorization server metadata.
    """
    base = request.app.state.issuer.url
    return {
        "issuer": base,
        "token_endpoint": f"{base}/oauth/token",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(keysets.ALGORITHMS),
        "scopes_supported": clients.CLIENT_SCOPES,
        "dpop_signing_alg_values_supported": list(keysets.ALGORITHMS),
    }


@public.get("/.well-known/oauth-protected-resource", tags=["tokens"], openapi_extra={"security": []})
async def read_protected_resource(request: Request) -> dict[str, Any]:
    """Métadonnées de la ressource protégée (RFC 9728).

    Protected resource metadata.
    """
    base, settings = request.app.state.issuer.url, request.app.state.settings
    servers = [base] if settings.oidc_issuer is None else [base, settings.oidc_issuer]
    return {
        "resource": base, "authorization_servers": servers, "bearer_methods_supported": ["header"],
        "scopes_supported": clients.CLIENT_SCOPES, "dpop_signing_alg_values_supported": list(keysets.ALGORITHMS),
        "dpop_bound_access_tokens_required": settings.bound_client_tokens,
    }  # fmt: skip


@router.get("/me", response_model=Me, tags=["tokens"], **described(Permission.me_read))
async def read_me(caller: Annotated[Caller, allow(Permission.me_read)], session: Session) -> dict[str, Any]:  # noqa: ARG001 -- opening the transaction proves that the grant is in force
    """Qui suis-je et que puis-je faire : mes permissions, leur portée et ce que je vois ; jusqu'à quand.

    Who am I and what may I do: my permissions, their reach and what I see; until when.
    """
    held = permissions_of(caller.role)
    return {
        "id": caller.actor_id,
        "name": caller.name,
        "role": caller.role,
        "office_id": caller.office_id,
        "region_code": caller.region_code,
        "organization_id": caller.organization_id,
        "grant_id": caller.grant_id,
        "valid_from": caller.valid_from,
        "valid_until": caller.valid_until,
        "scopes": None if caller.scopes is None else sorted(caller.scopes),
        "permissions": {p: reach for p, reach in held.items() if caller.may_use(p)},
        "field_groups": sights_of(caller.role),
    }
