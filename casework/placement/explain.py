"""Why here and why not there, told for each place and for the case (A-2.1, s. 65.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casework.placement.counterfactual import Counterfactual, counterfactual, place_of
from casework.placement.rules import Facts, Text, Violation
from casework.placement.sentences import LEVEL_SENTENCES, NOTICE_SENTENCES, filled, joined

if TYPE_CHECKING:
    from casework.placement.model import Candidate, Contribution, Notice, Ranking


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rank` and `score` are None for an excluded place, `reasons` then being its exclusions."""

    place_key: str
    name: str
    rank: int | None
    score: int | None
    reasons: tuple[Text, ...]
    notices: tuple[Text, ...]
    counterfactual: Counterfactual

    def as_json(self) -> dict[str, Any]:
        return {
            "place": self.place_key,
            "name": self.name,
            "rank": self.rank,
            "score": self.score,
            "reasons": [text._asdict() for text in self.reasons],
            "notices": [text._asdict() for text in self.notices],
            "outcome": str(self.counterfactual.outcome),
            "what_would_change_it": self.counterfactual.text._asdict(),
        }


def explain(ranking: Ranking, place_key: str) -> Explanation:
    """Everything a person may be told about one place; KeyError for a place that was not compared."""
    place = place_of(ranking, place_key)
    told = counterfactual(ranking, place_key)
    for position, candidate in enumerate(ranking.ranked, start=1):
        if candidate.place is place:
            reasons = tuple(contribution_text(each) for each in candidate.contributions)
            if position > 1:
                reasons = (*reasons, gap_text(candidate, ranking.ranked[0]))
            notices = tuple(notice_text(notice) for notice in candidate.notices)
            return Explanation(place_key, place.name, position, candidate.score, reasons, notices, told)
    broken = next((out.violations for out in ranking.excluded if out.place is place), ranking.not_in_model)
    reasons = tuple(violation_text(ranking, violation) for violation in broken)
    return Explanation(place_key, place.name, None, None, reasons, (), told)


def explain_case(ranking: Ranking) -> tuple[Text, ...]:
    """What holds for the household wherever it goes: why it is not in the model, then the notices."""
    reasons = tuple(violation_text(ranking, violation) for violation in ranking.not_in_model)
    return reasons + tuple(notice_text(notice) for notice in ranking.notices)


def contribution_text(contribution: Contribution) -> Text:
    reason = LEVEL_SENTENCES[contribution.factor, contribution.level.basis]
    tail = Text(" ({points} points sur {weight})", " ({points} points of {weight})")
    points = {"points": contribution.points, "weight": contribution.weight}
    return joined(filled(reason, contribution.level.facts), filled(tail, points))


def gap_text(candidate: Candidate, first: Candidate) -> Text:
    """How far behind the first place, and on which factor it loses most; the key alone may part them."""
    pairs = zip(first.contributions, candidate.contributions, strict=True)
    lost = {ahead.factor: ahead.points - behind.points for ahead, behind in pairs}
    gap, factor = first.score - candidate.score, max(lost, key=lambda each: lost[each])
    if gap == 0:
        return Text(
            f"Autant de points que {first.place.name} : seul l’ordre des codes les sépare.",
            f"As many points as {first.place.name}: only the order of the codes parts them.",
        )
    facts: Facts = {"gap": gap, "name": first.place.name, "most": lost[factor], "factor": factor}
    return filled(
        Text(
            "{name} a {gap} points de plus ; l’écart le plus grand vient de {factor} ({most} points).",
            "{name} has {gap} points more; the largest difference is {factor} ({most} points).",
        ),
        facts,
    )


def violation_text(ranking: Ranking, violation: Violation) -> Text:
    version = next(version for version in ranking.rules if version.rule is violation.rule)
    return filled(version.sentence, violation.facts)


def notice_text(notice: Notice) -> Text:
    return filled(NOTICE_SENTENCES[notice.code], notice.facts)
