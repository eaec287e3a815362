"""Units of time that the name of a column says: ``fu_hours``, ``fuyears``, ``Tage``."""

from __future__ import annotations

import re
import unicodedata


def vocabulary(text: str) -> frozenset[str]:
    """Words that a name may be."""
    return frozenset(text.split())


def words(name: str) -> list[str]:
    """The words of a column's name in lower case without accents: ``VisitDate_2`` is visit, date, 2."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    parts = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain).lower()
    return [word for word in re.split(r"[^a-z0-9]+", parts) if word]


UNITS = {
    "minutes": vocabulary("minute minutes mins minuten minutos"),
    "hours": vocabulary("hour hours hr hrs h stunde stunden std heure heures hora horas ora ore uur uren"),
    "days": vocabulary("day days d tag tage jour jours dia dias giorno giorni dag dagen dy"),
    "weeks": vocabulary("week weeks wk wks woche wochen semaine semaines semana semanas weken"),
    "months": vocabulary("month months mo mos mth mths mon monat monate mois mes meses mese mesi maand maanden"),
    "years": vocabulary("year years yr yrs y age alter jahr jahre annee annees an ans ano anos anno anni jaar jaren"),
}
ENDINGS = {
    "minutes": ("minutes", "mins"),
    "hours": ("hours", "hrs", "stunden"),
    "days": ("days", "tage", "jours"),
    "weeks": ("weeks", "wks", "wochen"),
    "months": ("months", "mths", "monate", "mos"),
    "years": ("years", "yrs", "jahre"),
}
"""Units at the end of a name that is written in one: ``fuyears``."""


def named_unit(column: str, short: bool = True) -> str:
    """The unit that a column's name says; `short`: single letters (``d``, ``y``) count as well."""
    own = {word for word in words(column) if short or len(word) > 1}
    for unit, known in UNITS.items():
        if own & known:
            return unit
    for word in own:
        for unit, endings in ENDINGS.items():
            if word.endswith(endings):
                return unit
    return ""


def contradicted(column: str, unit: str) -> str:
    """The unit that a column's name says where it is not `unit`, the study file's; else empty. Single letters do not
    count, nor does an age, which may be in any unit; a date and a time without unit are contradicted by none."""
    if unit in ("date", "none"):
        return ""
    said = named_unit(column, short=False)
    aged = {"age", "alter"} & set(words(column))
    return "" if said == unit or (said == "years" and aged) else said
