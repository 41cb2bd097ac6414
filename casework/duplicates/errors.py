from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class MergeStands(Problem):
    status = 409
    title = Text("Fusion déjà en cours", "Merge already standing")
    detail = Text(
        "Une de ces fiches est déjà fusionnée, proposée à la fusion, ou en a absorbé une autre ; défaites d'abord"
        " l'autre fusion.",
        "One of these records is merged already, proposed for a merge, or has absorbed another; undo the other merge"
        " first.",
    )


class MergeNotWaiting(Problem):
    status = 409
    title = Text("Fusion déjà décidée", "Merge already decided")
    detail = Text("Cette proposition de fusion n'attend plus.", "This proposal of a merge no longer waits.")


class MergeNotStanding(Problem):
    status = 409
    title = Text("Fusion non en vigueur", "Merge not standing")
    detail = Text("Seule une fusion faite se défait.", "Only a merge that was done can be undone.")


class PrincipalReplaced(Problem):
    status = 409
    title = Text("Requérant principal remplacé", "Principal replaced")
    detail = Text(
        "Le ménage de cette fiche a maintenant un autre requérant principal ; il faut d'abord qu'il cesse de l'être.",
        "The household of this record now has another principal, who must first cease to be it.",
    )


class MergeDecidedByAnother(Problem):
    status = 409
    title = Text("Une autre personne doit décider", "Another person must decide")
    detail = Text(
        "Une fusion entre deux bureaux est décidée par quelqu'un d'autre que qui l'a proposée.",
        "A merge across two offices is decided by somebody other than whoever proposed it.",
    )


def principal_stays() -> InvalidContent:
    text = Text(
        "Cette fiche est celle du requérant principal d'un ménage où d'autres restent ; gardez-la, ou nommez d'abord"
        " un autre requérant principal.",
        "This record is the principal of a household where others remain; keep it, or name another principal first.",
    )
    return InvalidContent(errors=[Fault(text, "principal_stays", pointer="/duplicate_id")])


def same_record() -> InvalidContent:
    text = Text("Une fiche ne se fusionne pas avec elle-même.", "A record does not merge with itself.")
    return InvalidContent(errors=[Fault(text, "same_record", pointer="/duplicate_id")])
