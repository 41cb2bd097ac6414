from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Problem


class LogTooLongHere(Problem):
    status = 422
    title = Text("Journal trop long pour une réponse", "Log too long for one answer")
    detail = Text(
        "Au-delà de {limit_entries} inscriptions, calculez l'indicateur sur un export : casework indicators FICHIER.",
        "Beyond {limit_entries} entries, compute the indicator from an export: casework indicators FILE.",
    )
