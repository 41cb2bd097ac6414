from enum import StrEnum


class Programme(StrEnum):
    asylum = "asylum"
    collective_sponsorship = "collective_sponsorship"
    protected_person = "protected_person"  # an asylum case after the status was granted
