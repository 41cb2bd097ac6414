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


class NothingCosignedYet(Problem):
    status = 404
    title = Text("Rien n'est encore cosigné", "Nothing cosigned yet")
    detail = Text(
        "Aucun témoin n'a encore cosigné de point de contrôle de ce journal.",
        "No witness has cosigned a checkpoint of this log yet.",
    )


class CheckpointNotOurs(Problem):
    status = 422
    title = Text("Ce point de contrôle n'est pas le nôtre", "This checkpoint is not ours")
    detail = Text(
        "La note n'est pas un point de contrôle que ce journal a signé et publié. Prenez-la de `/v1/log/checkpoint`, "
        "sans y changer un octet, et vérifiez le paramètre `log`.",
        "The note is not a checkpoint this log signed and published. Take it from `/v1/log/checkpoint`, without changing "
        "a byte, and check the parameter `log`.",
    )


class WitnessUnknown(Problem):
    status = 422
    title = Text("Témoin inconnu", "Unknown witness")
    detail = Text(
        "Aucune ligne de signature n'est d'une clé de témoin inscrite. Remettez votre clé à l'exploitant, qui l'inscrit "
        "dans CASEWORK_WITNESSES.",
        "No signature line is by a registered witness key. Hand your key to the operator, who registers it in "
        "CASEWORK_WITNESSES.",
    )


class CosignatureWrong(Problem):
    status = 422
    title = Text("Cosignature fausse", "Wrong cosignature")
    detail = Text(
        "La ligne de {witness} n'est pas une cosignature (C2SP cosignature/v1) de ce point de contrôle. Signez de nouveau.",
        "The line of {witness} is not a cosignature (C2SP cosignature/v1) of this checkpoint. Sign again.",
    )


class CheckpointOlder(Problem):
    status = 409
    title = Text("Point de contrôle plus ancien", "Older checkpoint")
    detail = Text(
        "Ce témoin a déjà cosigné la taille {size} ; il ne peut que suivre le journal. Cosignez le dernier point de contrôle.",
        "This witness has already cosigned size {size}; it can only follow the log. Cosign the newest checkpoint.",
    )
