from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class RunNotFinished(Problem):
    status = 409
    title = Text("Calcul non terminé", "Run not finished")
    detail = Text(
        "Ce calcul n'a pas de propositions à confirmer (état : {run_status}).",
        "This run has no proposals to confirm (status: {run_status}).",
    )


class RunAlreadyFinished(Problem):
    status = 409
    title = Text("Calcul déjà terminé", "Run already finished")
    detail = Text("Ce calcul est déjà terminé (état : {run_status}).", "This run has already ended ({run_status}).")


class ProposalAlreadyConfirmed(Problem):
    status = 409
    title = Text("Proposition déjà confirmée", "Proposal already confirmed")
    detail = Text(
        "Une personne a déjà confirmé une de ces propositions ; rien n'a été retenu.",
        "Somebody has already confirmed one of these proposals; nothing was held.",
    )


class NothingProposed(Problem):
    status = 409
    title = Text("Aucun lieu proposé", "No place proposed")
    detail = Text(
        "Ce calcul ne propose aucun lieu à un de ces dossiers ; nommez un lieu et la raison de ce choix.",
        "This run proposes no place for one of these cases; name a place and the reason for that choice.",
    )


class KeptTogether(Problem):
    status = 409
    title = Text("Dossiers à ne pas séparer", "Cases to keep together")
    detail = Text(
        "Des dossiers de ce calcul sont liés : confirmez-les ensemble, au même lieu.",
        "Some cases of this run are linked: confirm them together, at the same place.",
    )


def link_outside() -> InvalidContent:
    text = Text(
        "Un lien « ensemble » unit deux dossiers différents de ce calcul.",
        "A keep-together link joins two different cases of this run.",
    )
    return InvalidContent(errors=[Fault(text, "link_outside", pointer="/keep_together")])


def case_twice() -> InvalidContent:
    text = Text("Un dossier ne figure qu'une fois dans un calcul.", "A case stands once in a run.")
    return InvalidContent(errors=[Fault(text, "case_twice", pointer="/case_ids")])
