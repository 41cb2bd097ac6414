"""The one error shape (RFC 9457) and its catalogue; each domain's `errors.py` adds its own sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from casework.kernel.language import Language, Text

if TYPE_CHECKING:
    from uuid import UUID

CATALOGUE: dict[str, type[Problem]] = {}
BASE = "/v1/problems/"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal a person can act on.

    `facts` become extension members and fill the placeholders of `detail`; they never carry rejected input or
    personal data. `headers` go out with the answer. A refusal that names an `event` is entered in the
    security log, with what is never told to the caller: `reason`, a code, and `about`, the account or client it
    concerns (`("client", id)`).
    """

    status: ClassVar[int]
    title: ClassVar[Text]
    detail: ClassVar[Text]
    slug: ClassVar[str]
    event: str | None = None

    def __init_subclass__(cls) -> None:
        cls.slug = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        known = CATALOGUE.setdefault(cls.slug, cls)
        if known is not cls and known.__module__ != cls.__module__:
            raise TypeError(f"two problems are called {cls.slug}")

    def __init__(
        self,
        *,
        headers: dict[str, str] | None = None,
        errors: list[Fault] | None = None,
        reason: str | None = None,
        about: tuple[str, UUID] | None = None,
        event: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(self.slug)
        self.headers = headers or {}
        self.errors = errors or []
        self.event, self.reason, self.about = event or type(self).event, reason, about
        self.facts = facts

    def document(self, language: Language, instance: str | None = None) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": BASE + self.slug,
            "title": self.title.to(language),
            "status": self.status,
            "detail": self.detail.to(language).format(**self.facts),
            **self.facts,
        }
        if self.errors:
            document["errors"] = [fault.document(language) for fault in self.errors]
        if instance:
            document["instance"] = instance
        return document


class Fault:
    """One faulty place of a request: a JSON Pointer (RFC 6901) or a parameter, and what to do about it."""

    __slots__ = ("code", "parameter", "pointer", "text")

    def __init__(self, text: Text, code: str, *, pointer: str | None = None, parameter: str | None = None) -> None:
        self.text, self.code, self.pointer, self.parameter = text, code, pointer, parameter

    def document(self, language: Language) -> dict[str, str]:
        place = {"parameter": self.parameter} if self.parameter is not None else {"pointer": self.pointer or ""}
        return {**place, "code": self.code, "detail": self.text.to(language)}


class MalformedRequest(Problem):
    status = 400
    title = Text("Requête mal formée", "Malformed request")
    detail = Text(
        "La requête ne peut pas être lue. Corrigez les endroits indiqués.",
        "The request cannot be read. Correct the places named.",
    )


class InvalidContent(Problem):
    status = 422
    title = Text("Contenu invalide", "Invalid content")
    detail = Text(
        "La requête est lisible mais son contenu n'est pas accepté. Corrigez les endroits indiqués.",
        "The request can be read but its content is not accepted. Correct the places named.",
    )


class NotSignedIn(Problem):
    """RFC 6750 §3.1: the same answer whatever was wrong with the token; `reason` None when none was presented."""

    status = 401
    event = "token.refused"
    title = Text("Identification requise", "Sign-in required")
    detail = Text(
        "Présentez un jeton d'accès valide dans l'en-tête Authorization.",
        "Present a valid access token in the Authorization header.",
    )

    def __init__(self, reason: str | None = None) -> None:
        error = ', error="invalid_token"' if reason else ""
        super().__init__(headers={"WWW-Authenticate": f'Bearer realm="casework"{error}'}, reason=reason)


class StrongerSignInNeeded(Problem):
    """RFC 9470: the token is genuine; how or when its person signed in is not enough here."""

    status = 401
    event = "token.refused"
    title = Text("Connexion plus forte requise", "Stronger sign-in required")
    detail = Text(
        "Connectez-vous de nouveau chez votre fournisseur d'identité, de la façon demandée, et présentez le jeton reçu.",
        "Sign in again at your identity provider, in the way asked for, and present the token you get.",
    )

    def __init__(self, reason: str, contexts: tuple[str, ...] = (), max_age: int | None = None) -> None:
        asked = f', acr_values="{" ".join(contexts)}"' if contexts else ""
        asked += f", max_age={max_age}" if max_age is not None else ""
        challenge = f'Bearer realm="casework", error="insufficient_user_authentication"{asked}'
        headers = {"WWW-Authenticate": challenge}
        super().__init__(headers=headers, reason=reason, acr_values=list(contexts), max_age=max_age)


class NotPermitted(Problem):
    status = 403
    event = "permission.refused"
    title = Text("Action non permise", "Action not permitted")
    detail = Text(
        "Votre rôle ne permet pas cette action ({permission}).",
        "Your role does not permit this action ({permission}).",
    )


class NotFound(Problem):
    status = 404
    title = Text("Introuvable", "Not found")
    detail = Text(
        "Cet objet n'existe pas ou n'est pas à votre portée.",
        "This object does not exist or is out of your reach.",
    )


class SubjectErased(Problem):
    status = 410
    title = Text("Personne ou ménage effacé", "Person or household erased")
    detail = Text(
        "Les renseignements de cette personne ou de ce ménage ont été détruits ; rien ne peut plus être lu ni inscrit"
        " à ce sujet.",
        "The information about this person or household was destroyed; nothing more can be read or recorded about it.",
    )


class MethodNotAllowed(Problem):
    status = 405
    title = Text("Méthode non permise", "Method not allowed")
    detail = Text(
        "Cette adresse n'accepte pas cette méthode ; voyez l'en-tête Allow.",
        "This address does not take that method; see the Allow header.",
    )


class AlreadyExists(Problem):
    status = 409
    title = Text("Déjà enregistré", "Already recorded")
    detail = Text(
        "Un enregistrement de votre organisation porte déjà cet identifiant externe.",
        "A record of your organization already carries this external identifier.",
    )


class ConcurrentChange(Problem):
    status = 409
    title = Text("Changement simultané", "Concurrent change")
    detail = Text(
        "Une autre requête a modifié les mêmes données au même instant ; recommencez.",
        "Another request changed the same data at the same moment; try again.",
    )


class StaleVersion(Problem):
    status = 412
    title = Text("Version périmée", "Stale version")
    detail = Text(
        "L'objet a changé depuis votre lecture ; relisez-le puis recommencez avec son nouvel ETag.",
        "The object has changed since you read it; read it again and retry with its new ETag.",
    )


class VersionRequired(Problem):
    status = 428
    title = Text("Version requise", "Version required")
    detail = Text(
        "Envoyez If-Match avec l'ETag de la version que vous avez lue.",
        "Send If-Match with the ETag of the version you have read.",
    )


class BodyTooLarge(Problem):
    status = 413
    title = Text("Corps trop volumineux", "Body too large")
    detail = Text(
        "Le corps dépasse la limite de {limit_bytes} octets.",
        "The body exceeds the limit of {limit_bytes} bytes.",
    )


class AddressTooLong(Problem):
    status = 414
    title = Text("Adresse trop longue", "Address too long")
    detail = Text(
        "L'adresse et ses paramètres dépassent la limite de {limit_bytes} octets.",
        "The address and its parameters exceed the limit of {limit_bytes} bytes.",
    )


class HeadersTooLarge(Problem):
    status = 431
    title = Text("En-têtes trop volumineux", "Headers too large")
    detail = Text(
        "Les en-têtes dépassent la limite de {limit_headers} champs ou de {limit_bytes} octets.",
        "The headers exceed the limit of {limit_headers} fields or {limit_bytes} bytes.",
    )


class TooManyRequests(Problem):
    status = 429
    title = Text("Trop de requêtes", "Too many requests")
    detail = Text(
        "Vous envoyez plus de requêtes que permis ; attendez le nombre de secondes de l'en-tête Retry-After.",
        "You send more requests than allowed; wait for the seconds given by the Retry-After header.",
    )


class UnsupportedMediaType(Problem):
    status = 415
    title = Text("Type de contenu non pris en charge", "Unsupported media type")
    detail = Text(
        "Envoyez le corps avec le type de contenu attendu : {expected}.",
        "Send the body with the expected content type: {expected}.",
    )


class KeyReused(Problem):
    status = 422
    title = Text("Clé d'idempotence réutilisée", "Idempotency key reused")
    detail = Text(
        "Cette clé a déjà servi à une autre requête ; choisissez-en une nouvelle.",
        "This key has already served for another request; choose a new one.",
    )


class RequestInFlight(Problem):
    status = 409
    title = Text("Requête en cours", "Request in flight")
    detail = Text(
        "La première requête portant cette clé n'est pas terminée ; recommencez dans un instant.",
        "The first request with this key has not finished; retry in a moment.",
    )


class TooSlow(Problem):
    status = 408
    title = Text("Requête trop lente", "Request too slow")
    detail = Text(
        "La requête n'est pas arrivée entière à temps ; recommencez.",
        "The request did not arrive whole in time; send it again.",
    )


class TooManyAttempts(Problem):
    """RFC 6585 §4. Time opens the door again, and nothing else does: nobody can be locked out by another's attempts."""

    status = 429
    event = "sign_in.throttled"
    title = Text("Trop de tentatives", "Too many attempts")
    detail = Text(
        "Attendez {retry_after} secondes avant la prochaine tentative.",
        "Wait {retry_after} seconds before the next attempt.",
    )

    def __init__(self, seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(seconds)}, reason="throttled", retry_after=seconds)


class DatabaseAway(Problem):
    status = 503
    title = Text("Service momentanément indisponible", "Service momentarily unavailable")
    detail = Text(
        "La base de données ne répond pas ; rien n'a été enregistré. Recommencez dans un instant.",
        "The database does not answer; nothing was recorded. Retry in a moment.",
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class ServerBusy(Problem):
    status = 503
    title = Text("Serveur occupé", "Server busy")
    detail = Text(
        "Le serveur est trop occupé ou va s'arrêter ; rien n'a été enregistré. Recommencez dans un instant.",
        "The server is too busy or about to stop; nothing was recorded. Retry in a moment.",
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2", "Connection": "close"})


class KeysAway(Problem):
    """The operator's log names the key id; the caller learns only that nothing is lost."""

    status = 503
    title = Text("Clés momentanément indisponibles", "Keys momentarily unavailable")
    detail = Text(
        "Ces données sont scellées sous une clé qui n'est pas disponible en ce moment ; elles ne sont ni perdues ni"
        " effacées. Recommencez plus tard ; l'équipe technique en est avertie.",
        "These data are sealed under a key that is not available at the moment; they are neither lost nor erased."
        " Retry later; the operators have been told.",
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "60"})


class SealedValueDamaged(Problem):
    status = 500
    title = Text("Donnée scellée illisible", "Sealed value unreadable")
    detail = Text(
        "Une donnée scellée de ce dossier ne s'ouvre pas avec sa clé : elle a été altérée. Rien n'a été enregistré ;"
        " citez l'identifiant de la requête.",
        "A sealed value of this case does not open with its key: it has been altered. Nothing was recorded; quote the"
        " request id.",
    )


class Unexpected(Problem):
    status = 500
    title = Text("Erreur inattendue", "Unexpected error")
    detail = Text(
        "La requête a échoué de notre fait et rien n'a été enregistré. Citez l'identifiant de la requête.",
        "The request failed on our side and nothing was recorded. Quote the request id.",
    )
