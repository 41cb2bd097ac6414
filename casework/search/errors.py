from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class WorklistNameTaken(Problem):
    status = 409
    title = Text("Nom de liste déjà pris", "Worklist name taken")
    detail = Text("Vous avez déjà une liste de ce nom.", "You have a worklist of this name already.")


class TooManySavedWorklists(Problem):
    status = 409
    title = Text("Trop de listes", "Too many worklists")
    detail = Text("Au plus {most} listes par personne.", "At most {most} worklists a person.")


class NotYourWorklist(Problem):
    status = 403
    title = Text("Liste d'une autre personne", "Somebody else's worklist")
    detail = Text("Seule son auteure ou son auteur la supprime.", "Only its author deletes it.")


def nobody_to_share_with() -> InvalidContent:
    text = Text(
        "Vous n'avez ni bureau ni région avec qui partager : shared est faux.",
        "You have neither an office nor a region to share with: shared is false.",
    )
    return InvalidContent(errors=[Fault(text, "nobody_to_share_with", pointer="/shared")])
