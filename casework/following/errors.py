from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class HandoverAlreadyProposed(Problem):
    status = 409
    title = Text("Transfert déjà proposé", "Hand-over already proposed")
    detail = Text(
        "Ce dossier est déjà proposé à quelqu'un ; attendez sa réponse, ou retirez la proposition.",
        "This case is already proposed to somebody; wait for the answer, or take the proposal back.",
    )


class HandoverAlreadyAnswered(Problem):
    status = 409
    title = Text("Transfert déjà répondu", "Hand-over already answered")
    detail = Text("Cette proposition a déjà reçu sa réponse.", "This proposal has had its answer.")


class NotTheReceiver(Problem):
    status = 403
    title = Text("Réponse d'une autre personne", "Somebody else's answer")
    detail = Text(
        "Seule la personne à qui le dossier est proposé l'accepte ; elle, ou qui l'a proposé, peut le refuser.",
        "Only the person the case is proposed to accepts it; they, or whoever proposed it, may refuse it.",
    )


class ReceiverFollowsAlready(Problem):
    status = 409
    title = Text("Dossier déjà suivi", "Case already followed")
    detail = Text("Cette personne suit déjà le dossier.", "This person follows the case already.")


class ReceiverNotInForce(Problem):
    status = 409
    title = Text("Plus en fonction", "No longer in force")
    detail = Text(
        "La personne à qui le dossier est proposé n'est plus en fonction dans ce bureau.",
        "The person the case is proposed to is no longer in force at this office.",
    )


class NothingToHandOver(Problem):
    status = 409
    title = Text("Rien à transférer", "Nothing to hand over")
    detail = Text(
        "Ce bureau n'a plus de dossier qui ne soit déjà proposé.",
        "This office has no case left that is not proposed already.",
    )


class CaseAlreadyProposedToOffice(Problem):
    status = 409
    title = Text("Dossier déjà proposé à un bureau", "Case already proposed to an office")
    detail = Text(
        "L'un de ces dossiers est déjà proposé à un bureau ; attendez sa réponse, ou retirez la proposition.",
        "One of these cases is already proposed to an office; wait for the answer, or take the proposal back.",
    )


class ExternalIdTaken(Problem):
    status = 409
    title = Text("Numéro externe déjà pris", "External id taken")
    detail = Text(
        "Un de ces dossiers porte un external_id que votre bureau emploie déjà ; changez-le, ou refusez.",
        "One of these cases carries an external_id that your office uses already; change it, or refuse.",
    )


class StatusNotGranted(Problem):
    status = 409
    title = Text("Statut non accordé", "Status not granted")
    detail = Text(
        "Le programme change quand le statut d'un membre est accordé : inscrivez-le d'abord.",
        "The programme changes once a member's status is granted: record it first.",
    )


class ProgrammeCannotFollow(Problem):
    status = 409
    title = Text("Programme qui ne peut suivre", "Programme that cannot follow")
    detail = Text(
        "Seul un dossier de demande d'asile devient un dossier de personne protégée.",
        "Only an asylum case becomes the case of a protected person.",
    )


def there_already(*pointers: str) -> InvalidContent:
    text = Text("Ce dossier est déjà à ce bureau.", "This case is at that office already.")
    return InvalidContent(errors=[Fault(text, "there_already", pointer=pointer) for pointer in pointers])


def staff_only() -> InvalidContent:
    text = Text(
        "La note d'un organisme est lue par le personnel et par l'organisme : visibility est shared.",
        "An organization's note is read by the staff and by itself: visibility is shared.",
    )
    return InvalidContent(errors=[Fault(text, "staff_only", pointer="/visibility")])


def before_the_decision(granted_on: str) -> InvalidContent:
    text = Text(
        f"Le statut a été accordé le {granted_on} ; le programme ne change pas plus tôt.",
        f"The status was granted on {granted_on}; the programme does not change earlier.",
    )
    return InvalidContent(errors=[Fault(text, "before_the_decision", pointer="/occurred_on")])
