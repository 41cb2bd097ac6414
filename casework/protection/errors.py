from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Problem


class ReviewerMustDiffer(Problem):
    status = 409
    title = Text("Revue par une autre personne", "Review by somebody else")
    detail = Text(
        "Qui a brisé la glace n'en fait pas la revue : une autre personne doit la faire.",
        "Whoever broke the glass does not review it: somebody else must.",
    )


class AlreadyReviewed(Problem):
    status = 409
    title = Text("Revue déjà faite", "Already reviewed")
    detail = Text("Cet accès d'urgence a déjà été revu.", "This emergency access has already been reviewed.")
