from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Problem


class LogDoesNotMatch(Exception):
    """What is stored is not what was signed, so nothing more is sequenced; `text` says where and why."""

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.fr} {text.en}")
        self.text = text


class LogMismatch(Problem):
    status = 503
    title = Text("Le journal ne correspond pas à sa signature", "The log does not match its signature")
    detail = Text(
        "Rien n'est plus numéroté tant que l'exploitant n'a pas comparé le journal à son dernier point de contrôle.",
        "Nothing more is sequenced until the operator has compared the log with its last checkpoint.",
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "60"})


class NothingPublishedYet(Problem):
    status = 404
    title = Text("Rien n'est encore publié", "Nothing published yet")
    detail = Text(
        "Ce journal n'a pas encore de point de contrôle : aucune inscription n'y a été faite.",
        "This log has no checkpoint yet: nothing was entered in it.",
    )


class SizeNotPublished(Problem):
    status = 404
    title = Text("Taille jamais publiée", "Size never published")
    detail = Text(
        "Ce journal n'a pas de point de contrôle à cette taille ; prenez celle d'un point de contrôle reçu.",
        "This log has no checkpoint of this size; use the size of a checkpoint you have received.",
    )
