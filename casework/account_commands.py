"""`casework user`, `casework grant` and `casework client`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import click

ROLES = (
    "intake_worker", "caseworker", "coordinator", "programme_manager", "partner", "sponsor_spokesperson",
    "municipal_viewer", "auditor", "administrator",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Un document JSON sur la sortie. One JSON document.")


@click.group()
def user() -> None:
    """Les comptes. Accounts."""


@click.group()
def grant() -> None:
    """Les rôles accordés ici, sans approbation : voir docs/adr/0011. Grants made here, without an approval."""


@click.group()
def client() -> None:
    """Les clients d'API des organismes. Organizations' API clients."""


def _told(as_json: bool, act: str, *arguments: Any) -> None:
    """Do it as the operator, and tell the outcome; identifiers and codes need no translation."""
    from casework import administration, embedded_home

    outcome = administration.run(embedded_home.installed(), partial(_in_order, getattr(administration, act), arguments))
    if as_json:
        click.echo(json.dumps(outcome if isinstance(outcome, dict) else {"items": outcome}, default=str))
        return
    for row in [outcome] if isinstance(outcome, dict) else outcome:
        click.echo("  ".join(f"{name}={value}" for name, value in row.items() if value is not None))


def _in_order(act: Any, arguments: tuple[Any, ...], session: Any, operator: Any) -> Any:
    return act(session, operator, *arguments)


def _checked(schema: str, **values: Any) -> Any:
    """The API's own input model; raises UsageError naming the faulty fields, in their terms."""
    from pydantic import ValidationError

    from casework.identity import schemas

    try:
        return getattr(schemas, schema)(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        faulty = ", ".join(sorted({".".join(map(str, fault["loc"])) or "–" for fault in error.errors()}))
        raise click.UsageError(f"Valeur refusée / value refused: {faulty}") from None


@user.command("create")
@click.argument("username")
@click.argument("display_name")
@click.option("--issuer", help="Fournisseur OpenID Connect de la personne. Her OpenID Connect provider.")
@click.option("--subject", help="Son identifiant (`sub`) là-bas. Her identifier there.")
@as_json
def create_user(username: str, display_name: str, issuer: str | None, subject: str | None, as_json: bool) -> None:
    """Créer un compte, qui ne peut encore rien. Create an account, which may do nothing yet."""
    wanted = _checked("UserCreate", username=username, display_name=display_name, issuer=issuer, subject=subject)
    _told(as_json, "create_user", wanted)


@user.command("list")
@as_json
def list_users(as_json: bool) -> None:
    """Tous les comptes. Every account."""
    _told(as_json, "list_users")


@user.command("disable")
@click.argument("username")
@as_json
def disable_user(username: str, as_json: bool) -> None:
    """Fermer un compte. Close an account."""
    _told(as_json, "disable_user", username)


@user.command("password")
@click.argument("username")
@as_json
def issue_password(username: str, as_json: bool) -> None:
    """Un mot de passe à usage unique, pour en choisir un. A one-time password, to choose one's own."""
    _told(as_json, "issue_password", username)


@grant.command("create")
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES))
@click.option("--office", "office_id", type=click.UUID)
@click.option("--region", "region_code")
@click.option("--organization", "organization_id", type=click.UUID)
@click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), help="UTC.")
@click.option("--until", "valid_until", type=click.DateTime(["%Y-%m-%d"]), help="UTC.")
@as_json
def create_grant(username: str, role: str, as_json: bool, **reach: Any) -> None:
    """Accorder un rôle daté, en vigueur aussitôt. Make a dated grant, in force at once."""
    given = {name: _utc(value) for name, value in reach.items() if value is not None}
    _checked("GrantPropose", user_id=UUID(int=0), role=role, **given)
    _told(as_json, "create_grant", username, {"role": role, **given})


def _utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@grant.command("list")
@click.argument("username")
@as_json
def list_grants(username: str, as_json: bool) -> None:
    """Les rôles d'une personne, passés compris. A person's grants, past ones included."""
    _told(as_json, "list_grants", username)


@grant.command("revoke")
@click.argument("grant_id", type=click.UUID)
@as_json
def revoke_grant(grant_id: UUID, as_json: bool) -> None:
    """Révoquer un rôle. Revoke a grant."""
    _told(as_json, "revoke_grant", grant_id)


@client.command("create")
@click.argument("name")
@click.option("--organization", "organization_id", type=click.UUID, required=True)
@click.option("--scope", "scopes", multiple=True, required=True, help="Répétable. Repeatable.")
@click.option("--network", "networks", multiple=True, help="CIDR ; répétable. Repeatable.")
@click.option("--days", "valid_days", type=int, default=365, show_default=True)
@as_json
def create_client(as_json: bool, **wanted: Any) -> None:
    """Créer un client d'API, sans secret encore. Create an API client, without a secret yet."""
    scopes, networks = list(wanted.pop("scopes")), list(wanted.pop("networks"))
    _told(as_json, "create_client", _checked("ApiClientCreate", **wanted, scopes=scopes, networks=networks))


@client.command("list")
@as_json
def list_clients(as_json: bool) -> None:
    """Tous les clients d'API. Every API client."""
    _told(as_json, "list_clients")


@client.command("secret")
@click.argument("client_id", type=click.UUID)
@click.option("--overlap-days", type=click.IntRange(0, 90), default=7, show_default=True)
@as_json
def create_secret(client_id: UUID, overlap_days: int, as_json: bool) -> None:
    """Un nouveau secret, à remettre à l'organisme. A new secret, to be handed to the organization."""
    from casework import embedded_home
    from casework.identity.client_sign_in import keyed_hash

    hashed = partial(keyed_hash, embedded_home.installed().key("client-secrets"))
    _told(as_json, "create_secret", client_id, timedelta(days=overlap_days), hashed)


@client.command("revoke")
@click.argument("client_id", type=click.UUID)
@as_json
def revoke_client(client_id: UUID, as_json: bool) -> None:
    """Révoquer un client d'API, aussitôt. Revoke an API client, at once."""
    _told(as_json, "revoke_client", client_id)
