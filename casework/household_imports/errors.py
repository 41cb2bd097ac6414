from __future__ import annotations

from typing import Final

from casework.kernel.language import Text
from casework.kernel.problems import Problem


class SheetUnreadable(Problem):
    status = 422
    title = Text("Tableau illisible", "Sheet unreadable")
    detail = Text(
        "Ce fichier ne se lit pas comme un tableau XLSX, ou CSV en UTF-8 ; rien n'a été enregistré. Enregistrez-le de"
        " nouveau depuis votre tableur.",
        "This file cannot be read as an XLSX sheet, or as CSV in UTF-8; nothing was recorded. Save it again from your"
        " spreadsheet program.",
    )


class SheetTooLarge(Problem):
    status = 413
    title = Text("Tableau trop volumineux", "Sheet too large")
    detail = Text(
        "Une fois décompressé, ce fichier dépasse {limit_bytes} octets ou {limit_lines} lignes ; divisez-le.",
        "Once unpacked, this file exceeds {limit_bytes} bytes or {limit_lines} lines; divide it.",
    )


class ImportUnderWay(Problem):
    status = 409
    title = Text("Importation en cours", "Import under way")
    detail = Text(
        "Un autre fichier est en cours d'importation dans ce bureau ; recommencez quand il sera terminé.",
        "Another file is being imported into this office; try again once it is done.",
    )


UNKNOWN_COLUMN: Final = Text(
    "Colonne inconnue, en double ou sans titre ; titres connus : {known}.",
    "Unknown column, named twice or without a title; known titles: {known}.",
)
MISSING_COLUMN: Final = Text("Il manque la colonne {column}.", "The column {column} is missing.")
FORMULA: Final = Text(
    "Cette cellule contient une formule ; collez sa valeur.", "This cell holds a formula; paste its value instead."
)
ERROR_CELL: Final = Text("Cette cellule contient une erreur de calcul.", "This cell holds a calculation error.")
TOO_LONG: Final = Text("Cette cellule est trop longue (maximum 500).", "This cell is too long (at most 500).")
CHARACTERS: Final = Text("Cette cellule a des caractères refusés.", "This cell has refused characters.")
NO_COLUMN: Final = Text(
    "Cette cellule est dans une colonne sans titre.", "This cell stands in a column without a title."
)
NO_HOUSEHOLD: Final = Text(
    "Cette ligne ne dit pas de quel ménage elle est.", "This line does not say which household it belongs to."
)
CONTRADICTION: Final = Text(
    "Une ligne précédente du même ménage dit autre chose.", "An earlier line of the same household says otherwise."
)
TOO_MANY: Final = Text("Un ménage compte au plus 30 lignes.", "A household has 30 lines at most.")
