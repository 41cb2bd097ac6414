"""The 25 edge cases of domain.md §7, in its order: each has a story of its number in this folder."""

from __future__ import annotations

import re
from pathlib import Path

# As the domain page heads them.
CASES = (
    "Names", "Birth date", "Identifiers", "Family", "Interdependent relatives", "Unaccompanied minor", "Mixed statuses",
    "Voluntariness", "Violence and hidden address", "Capacity drops after an offer", "Shelter closure", "Mandate lost",
    "Left the region", "Unreachable", "Region to region", "Hearing pending in Montréal", "Accepted mid-programme",
    "Withdrawn, abandoned, removal order", "Ineligible under C-12", "Sponsor's breakdown, death, move",
    "Rules change by date", "Territory change", "Late and back-dated entries", "Small cells",
    "Deceased, wrong person, subject access",
)  # fmt: skip
STORY = re.compile(r"^async def test_edge_case_(\d\d)_\w+\(\s*world: World", re.MULTILINE)


def told(folder: Path) -> set[int]:
    """The numbers of the stories, each of which takes the world with its HTTP clients."""
    return {int(number) for file in folder.glob("test_*.py") for number in STORY.findall(file.read_text("utf-8"))}


def test_each_of_the_twenty_five_is_told() -> None:
    missing = [f"{n}. {title}" for n, title in enumerate(CASES, start=1) if n not in told(Path(__file__).parent)]
    assert missing == []
    assert told(Path(__file__).parent) == set(range(1, 26))


def test_a_story_taken_away_is_missed(tmp_path: Path) -> None:
    for file in Path(__file__).parent.glob("test_*.py"):
        (tmp_path / file.name).write_text(file.read_text("utf-8").replace("_case_14_", "_case_"), encoding="utf-8")
    assert told(tmp_path) == set(range(1, 26)) - {14}
