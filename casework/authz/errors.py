from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Problem


class FieldsNotYours(Problem):
    status = 403
    title = Text("Champs non permis", "Fields not permitted")
    detail = Text(
        "Votre rôle n'écrit pas les champs indiqués ({groups}) ; retirez-les ou confiez-les à un rôle qui les écrit.",
        "Your role does not write the fields named ({groups}); leave them out, or ask a role that writes them.",
    )
