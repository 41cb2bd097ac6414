from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class AlreadyDeceased(Problem):
    status = 409
    title = Text("Décès déjà inscrit", "Death already recorded")
    detail = Text(
        "Le décès de cette personne est déjà inscrit ; son historique reste lisible.",
        "This person's death is already recorded; their history stays readable.",
    )


class NotDeceased(Problem):
    status = 409
    title = Text("Aucun décès inscrit", "No death recorded")
    detail = Text(
        "Aucun décès n'est inscrit pour cette personne ; il n'y a rien à corriger.",
        "No death is recorded for this person; there is nothing to correct.",
    )


class NotAMember(Problem):
    status = 409
    title = Text("Hors du ménage", "Not of the household")
    detail = Text(
        "Cette personne n'est plus membre du ménage de ce dossier.",
        "This person is no longer a member of the household of this case.",
    )


class AlreadyLinked(Problem):
    status = 409
    title = Text("Dossiers déjà liés", "Cases already linked")
    detail = Text("Un lien de cette sorte est déjà en vigueur.", "A link of this kind stands already.")


class PersonMerged(Problem):
    status = 409
    title = Text("Fiche fusionnée", "Record merged")
    detail = Text(
        "Cette fiche mène à {person_id} ; modifiez celle-là, ou défaites d'abord la fusion.",
        "This record leads to {person_id}; change that one, or undo the merge first.",
    )


class TwoHouseholds(Problem):
    status = 409
    title = Text("Déjà dans un ménage", "Already in a household")
    detail = Text(
        "Cette personne appartenait à un autre ménage ces jours-là ; nul n'est dans deux ménages à la fois.",
        "This person belonged to another household on those days; nobody is in two households at once.",
    )


def refused(text: Text, code: str, pointer: str) -> InvalidContent:
    return InvalidContent(errors=[Fault(text, code, pointer=pointer)])


def principal_needed() -> InvalidContent:
    text = Text(
        "Le requérant principal quitte le ménage et d'autres y restent : nommez new_principal.",
        "The principal leaves the household and others remain: name new_principal.",
    )
    return refused(text, "principal_needed", "/new_principal")


def principal_stands(pointer: str) -> InvalidContent:
    text = Text("Un ménage a un seul requérant principal.", "A household has exactly one principal.")
    return refused(text, "one_principal", pointer)


def first_is_principal(pointer: str) -> InvalidContent:
    text = Text(
        "Le ménage n'a plus de membre : le premier à y entrer en est le requérant principal.",
        "The household has no member left: the first to enter it is its principal.",
    )
    return refused(text, "first_is_principal", pointer)


def death_before_birth() -> InvalidContent:
    text = Text("Le décès précéderait la naissance.", "The death would precede the birth.")
    return refused(text, "before_birth", "/occurred")


def death_in_future() -> InvalidContent:
    return refused(Text("Ce jour n'est pas encore venu.", "That day has not come yet."), "future", "/occurred")


def not_newborn() -> InvalidContent:
    text = Text(
        "Une naissance inscrit un enfant, qui n'est pas le requérant principal.",
        "A birth records a child, who is not the principal.",
    )
    return refused(text, "not_a_birth", "/member")


def before_membership(pointer: str) -> InvalidContent:
    text = Text("Ce jour précède l'entrée dans le ménage.", "That day precedes the entry into the household.")
    return refused(text, "before_membership", pointer)


def not_a_minor() -> InvalidContent:
    text = Text(
        "Seul un mineur, ou une personne dont l'âge n'est pas établi, a un représentant désigné.",
        "Only a minor, or a person whose age is not established, has a designated representative.",
    )
    return refused(text, "not_a_minor", "")


def before_the_last() -> InvalidContent:
    text = Text(
        "Un représentant de cette sorte a été nommé après ce jour.",
        "A representative of this kind was appointed after that day.",
    )
    return refused(text, "before_the_last", "/appointed_on")


def no_name() -> InvalidContent:
    text = Text(
        "Il ne resterait aucune forme lisible du nom, ou trop de formes.",
        "No legible form of the name would remain, or too many.",
    )
    return refused(text, "no_name", "/name")


def nobody_stays() -> InvalidContent:
    text = Text(
        "Toute la famille s'en irait : un ménage qui se sépare garde au moins un membre.",
        "The whole household would go: one that parts keeps at least one member.",
    )
    return refused(text, "nobody_stays", "/people")
