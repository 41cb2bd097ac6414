from __future__ import annotations

from typing import TYPE_CHECKING

from casework.kernel.language import Text
from casework.kernel.problems import Problem

if TYPE_CHECKING:
    from uuid import UUID


class TokenRefused(Problem):
    """RFC 6749 §5.2: the same answer whichever part was wrong."""

    status = 401
    event = "client.refused"
    title = Text("Client refusé", "Client refused")
    detail = Text(
        "L'identifiant, le secret ou l'assertion du client n'est pas accepté, ou l'accès a pris fin.",
        "The client's id, secret or assertion is not accepted, or its access has ended.",
    )

    def __init__(self, reason: str, client_id: UUID | None = None) -> None:
        headers = {"WWW-Authenticate": 'Basic realm="casework"'}
        about = None if client_id is None else ("client", client_id)
        super().__init__(headers=headers, error="invalid_client", reason=reason, about=about)


class ProofRefused(Problem):
    """RFC 9449 §5."""

    status = 400
    event = "client.refused"
    title = Text("Preuve de clé refusée", "Proof of key refused")
    detail = Text(
        "Envoyez un en-tête DPoP signé par votre clé pour cette adresse, il y a moins d'une minute, et jamais servi.",
        "Send a DPoP header signed by your key for this address, less than a minute ago, and never used before.",
    )

    def __init__(self, reason: str, client_id: UUID) -> None:
        super().__init__(error="invalid_dpop_proof", reason=reason, about=("client", client_id))


class SignInRefused(Problem):
    """The same answer whichever part was wrong."""

    status = 401
    event = "sign_in.failed"
    title = Text("Connexion refusée", "Sign-in refused")
    detail = Text(
        "Le nom d'utilisateur ou le mot de passe n'est pas accepté.", "The username or the password is not accepted."
    )

    def __init__(self, reason: str, about: tuple[str, UUID] | None = None) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="casework"'}, reason=reason, about=about)


class PasswordMustChange(Problem):
    status = 403
    title = Text("Mot de passe à choisir", "Password to be chosen")
    detail = Text(
        "Ce mot de passe ne sert qu'une fois : renvoyez la demande avec le vôtre dans new_password.",
        "This password serves once: send the request again with your own in new_password.",
    )


class PasswordTooWeak(Problem):
    """ASVS 5.0 §6.2: length, and nothing everybody tries first; no rule on kinds of characters."""

    status = 422
    title = Text("Mot de passe trop faible", "Password too weak")
    detail = Text(
        "De 12 à 128 caractères, au moins 5 différents, ni courant, ni formé du nom d'utilisateur ({weakness}).",
        "12 to 128 characters, at least 5 different ones, neither common nor built on the username ({weakness}).",
    )

    def __init__(self, weakness: str) -> None:
        super().__init__(weakness=weakness)


class UsernameTaken(Problem):
    status = 409
    title = Text("Compte déjà existant", "Account already exists")
    detail = Text(
        "Ce nom d'utilisateur, ou cette personne chez le fournisseur d'identité, a déjà un compte.",
        "This username, or this person at the identity provider, already has an account.",
    )


class GrantIncomplete(Problem):
    status = 422
    title = Text("Portée du rôle incomplète", "Reach of the role incomplete")
    detail = Text("Le rôle {role} demande exactement : {needs}.", "The role {role} needs exactly: {needs}.")


class GrantNotProposed(Problem):
    status = 409
    title = Text("Rôle déjà décidé", "Grant already decided")
    detail = Text(
        "Ce rôle n'attend pas d'approbation : il est déjà approuvé, révoqué ou terminé.",
        "This grant awaits no approval: it is already approved, revoked or ended.",
    )


class OwnGrant(Problem):
    """Nobody grants what they do not hold, and nobody grants to themself (ADR 0011)."""

    status = 403
    event = "grant.refused"
    title = Text("Rôle hors de vos pouvoirs", "Grant beyond your own")
    detail = Text(
        "Un rôle se propose pour une autre personne que soi, et s'approuve par une troisième.",
        "A grant is proposed for somebody else, and approved by a third person.",
    )

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class DutiesApart(Problem):
    """Separation of duties (access.md §1): who manages accounts sees no case, under no other role either."""

    status = 409
    title = Text("Fonctions incompatibles", "Duties kept apart")
    detail = Text(
        "Qui administre les comptes ne tient aucun autre rôle : révoquez d'abord l'ancien, ou créez un autre compte.",
        "Who administers accounts holds no other role: revoke the old one first, or create another account.",
    )


class TooManySecrets(Problem):
    status = 409
    title = Text("Deux secrets déjà en vigueur", "Two secrets already in force")
    detail = Text(
        "Une rotation est en cours : révoquez l'ancien secret, ou attendez sa fin.",
        "A rotation is under way: revoke the old secret, or wait for its end.",
    )


class KeysRefused(Problem):
    status = 422
    title = Text("Clés non acceptées", "Keys not accepted")
    detail = Text(
        "Donnez de 1 à 10 clés publiques de signature avec `kid` : RSA de 2048 bits ou plus, P-256 ou Ed25519.",
        "Give 1 to 10 public signature keys with a `kid`: RSA of 2048 bits or more, P-256 or Ed25519.",
    )


class GrantTypeNotSupported(Problem):
    status = 400
    title = Text("Type d'octroi non pris en charge", "Unsupported grant type")
    detail = Text(
        "Seul grant_type=client_credentials est accepté ici.",
        "Only grant_type=client_credentials is accepted here.",
    )

    def __init__(self) -> None:
        super().__init__(error="unsupported_grant_type")


class ScopeRefused(Problem):
    status = 400
    title = Text("Portée refusée", "Scope refused")
    detail = Text(
        "Une portée demandée n'est pas accordée à ce client.",
        "A requested scope is not granted to this client.",
    )

    def __init__(self) -> None:
        super().__init__(error="invalid_scope")
