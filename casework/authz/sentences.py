"""The two tables in plain words: for docs/policy.md, the OpenAPI document and the answers about access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from casework.authz.policy import Reach, Sight
from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

REACHES: Final[Mapping[Reach, Text]] = {
    Reach.all: Text("toutes les lignes", "every row"),
    Reach.office: Text("les lignes du bureau de la personne", "rows of the caller's office"),
    Reach.own: Text("les dossiers que la personne suit", "cases the caller follows"),
    Reach.region: Text(
        "les dossiers qui vivent dans la région de la personne, ou lui sont offerts tant que l'offre, l'entente et"
        " les consentements tiennent",
        "cases that live in the caller's region, or are offered to it while offer, agreement and consents hold",
    ),
    Reach.granted: Text(
        "les dossiers accordés à son organisme, tant que l'accord, l'entente et les consentements des adultes tiennent",
        "cases granted to the caller's organization, while the grant, the agreement and the adults' consents hold",
    ),
    Reach.sponsored: Text(
        "les dossiers accordés à la personne elle-même, comme porte-parole, tant que l'accord tient et qu'aucun adulte"
        " ne refuse le partage ; son garant et ses engagements",
        "cases granted to the caller in person, as spokesperson, while the grant holds and no adult refuses sharing;"
        " their sponsor and undertakings",
    ),
    Reach.vouched: Text(
        "les comptes dont chaque rôle est de ceux dont la personne peut se porter garante",
        "accounts whose every role is one the caller may vouch for",
    ),
    Reach.actor: Text("ce que la personne a écrit elle-même", "what the caller wrote"),
    Reach.shared: Text(
        "ce que la personne a écrit elle-même, ou que l'on partage avec son bureau ou sa région",
        "what the caller wrote, or is shared with the caller's office or region",
    ),
    Reach.organization: Text("les lignes de son organisme", "rows of the caller's organization"),
}
SIGHTS: Final[Mapping[Sight, Text]] = {
    Sight.hide: Text(
        "caché : absent de la réponse, et PostgreSQL n'accorde au rôle aucune colonne du groupe",
        "hidden: absent from the answer, and PostgreSQL grants the role no column of the group",
    ),
    Sight.mask: Text(
        "masqué : assez pour reconnaître (l'année de naissance, la fin d'un numéro), rien pour s'en servir",
        "masked: enough to recognise (a year of birth, the end of a number), nothing to make use of",
    ),
    Sight.read: Text("lu en entier ; l'écrire est un refus (403)", "read in full; writing it is a refusal (403)"),
    Sight.write: Text("lu et écrit", "read and written"),
}
