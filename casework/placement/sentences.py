"""Every word that placement tells a person, in French and English, and how its facts fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.placement.model import Factor, NoticeCode
from casework.placement.rules import Facts, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Mapping[str, Mapping[str, Text]] = {
    "resource": {
        "persons": Text("places d’accueil", "reception places"),
        "school": Text("places à l’école", "school places"),
        "francization": Text("places en francisation", "French course seats"),
        "homes": Text("logements", "homes"),
        "target": Text("cible régionale", "regional target"),
    },
    "service": {
        "francization": Text("francisation", "French instruction"),
        "health_specialist": Text("soins spécialisés", "specialized health care"),
        "mental_health": Text("santé mentale", "mental health care"),
        "dialysis": Text("dialyse", "dialysis"),
        "maternity": Text("suivi de grossesse", "maternity care"),
        "school_primary": Text("école primaire", "primary school"),
        "school_secondary": Text("école secondaire", "secondary school"),
        "childcare": Text("garde d’enfants", "childcare"),
    },
    "language": {
        "ar": Text("arabe", "Arabic"),
        "en": Text("anglais", "English"),
        "es": Text("espagnol", "Spanish"),
        "fa": Text("persan", "Persian"),
        "ht": Text("créole haïtien", "Haitian Creole"),
        "pt": Text("portugais", "Portuguese"),
        "tr": Text("turc", "Turkish"),
        "uk": Text("ukrainien", "Ukrainian"),
    },
    "programme": {
        "asylum": Text("demande d’asile", "asylum claim"),
        "collective_sponsorship": Text("parrainage collectif", "collective sponsorship"),
    },
    "claim": {
        "ineligible": Text("irrecevable", "ineligible"),
        "rejected": Text("refusée", "refused"),
        "withdrawn": Text("retirée", "withdrawn"),
        "abandoned": Text("abandonnée", "abandoned"),
        "removal_enforceable": Text("mesure de renvoi exécutoire", "enforceable removal order"),
    },
    "factor": {
        Factor.preference: Text("la préférence", "preference"),
        Factor.tie: Text("la famille ou la communauté", "family or community"),
        Factor.services: Text("les langues et les services", "languages and services"),
        Factor.occupation: Text("les besoins de main-d’œuvre", "labour needs"),
        Factor.housing_fit: Text("la taille du logement", "the size of the home"),
        Factor.francization: Text("la francisation", "French instruction"),
        Factor.balance: Text("l’équilibre entre les régions", "balance between regions"),
        Factor.waiting: Text("l’attente", "waiting time"),
    },
}

LEVEL_SENTENCES: Mapping[tuple[Factor, str], Text] = {
    (Factor.preference, "none_stated"): Text(
        "Le ménage n’a nommé aucun lieu préféré : rien ne change d’un lieu à l’autre.",
        "The household named no preferred place: nothing changes from one place to another.",
    ),
    (Factor.preference, "chosen"): Text(
        "Le ménage a nommé ce lieu ou sa région : choix numéro {rank}.",
        "The household named this place or its region: choice number {rank}.",
    ),
    (Factor.preference, "not_chosen"): Text(
        "Le ménage a nommé d’autres lieux que celui-ci.", "The household named other places than this one."
    ),
    (Factor.tie, "none_known"): Text(
        "Aucun lien familial ou communautaire n’est connu : rien ne change d’un lieu à l’autre.",
        "No family or community tie is known: nothing changes from one place to another.",
    ),
    (Factor.tie, "here"): Text("De la famille ou une communauté se trouve ici.", "Family or community is here."),
    (Factor.tie, "in_region"): Text(
        "De la famille ou une communauté se trouve dans la région.", "Family or community is in the region."
    ),
    (Factor.tie, "elsewhere"): Text(
        "La famille ou la communauté connue se trouve ailleurs.",
        "The known family or community is elsewhere.",
    ),
    (Factor.services, "none_needed"): Text(
        "Le ménage n’a besoin ni d’interprète ni de service particulier.",
        "The household needs no interpreter and no particular service.",
    ),
    (Factor.services, "met"): Text(
        "Langues et services présents : {met} sur {needed}.",
        "Languages and services present: {met} of {needed}.",
    ),
    (Factor.occupation, "none_declared"): Text(
        "Aucun métier n’est déclaré : rien ne change d’un lieu à l’autre.",
        "No occupation is declared: nothing changes from one place to another.",
    ),
    (Factor.occupation, "wanted"): Text(
        "Métiers déclarés qui sont recherchés dans la région : {wanted}, pour {adults} adulte(s).",
        "Declared occupations that the region looks for: {wanted}, for {adults} adult(s).",
    ),
    (Factor.housing_fit, "need_unknown"): Text(
        "Le nombre de chambres nécessaires n’est pas noté : ce facteur est neutre.",
        "The number of bedrooms needed is not recorded: this factor is neutral.",
    ),
    (Factor.housing_fit, "not_published"): Text(
        "Aucun logement n’est publié pour ce lieu : ce facteur est neutre.",
        "No home is published for this place: this factor is neutral.",
    ),
    (Factor.housing_fit, "none_fits"): Text(
        "Aucun logement libre ne convient ; chambres nécessaires : {needed}.",
        "No free home fits; bedrooms needed: {needed}.",
    ),
    (Factor.housing_fit, "exact"): Text(
        "Un logement de la bonne taille est libre ; chambres : {bedrooms}.",
        "A home of the right size is free; bedrooms: {bedrooms}.",
    ),
    (Factor.housing_fit, "larger"): Text(
        "Un logement plus grand que nécessaire est libre ; chambres : {bedrooms}, nécessaires : {needed}.",
        "A home larger than needed is free; bedrooms: {bedrooms}, needed: {needed}.",
    ),
    (Factor.housing_fit, "smaller"): Text(
        "Seul un logement un peu trop petit est libre ; chambres : {bedrooms}, nécessaires : {needed}.",
        "Only a home slightly too small is free; bedrooms: {bedrooms}, needed: {needed}.",
    ),
    (Factor.francization, "not_needed"): Text(
        "Le ménage n’a pas besoin de francisation.", "The household needs no French course."
    ),
    (Factor.francization, "seats"): Text(
        "Places en francisation : {seats} libres, {needed} nécessaires.",
        "French course seats: {seats} free, {needed} needed.",
    ),
    (Factor.francization, "not_published"): Text(
        "La francisation est offerte, sans nombre de places publié : ce facteur est neutre.",
        "French courses are offered, with no published number of seats: this factor is neutral.",
    ),
    (Factor.francization, "not_offered"): Text(
        "La francisation n’est pas offerte ici.", "French courses are not offered here."
    ),
    (Factor.balance, "not_published"): Text(
        "Aucune cible n’est publiée pour la région : ce facteur est neutre.",
        "No target is published for the region: this factor is neutral.",
    ),
    (Factor.balance, "under"): Text(
        "La région est sous sa cible de {gap} pour mille.", "The region is {gap} per mille under its target."
    ),
    (Factor.balance, "reached"): Text("La région a atteint sa cible.", "The region has reached its target."),
    (Factor.waiting, "days"): Text(
        "Le ménage attend depuis {days} jour(s) ; cela vaut pour tous les lieux.",
        "The household has waited {days} day(s); this holds for every place.",
    ),
}

NOTICE_SENTENCES: Mapping[NoticeCode, Text] = {
    NoticeCode.hearing_in_montreal: Text(
        "Une audience ou un rendez-vous est prévu à Montréal : prévoir le déplacement avant l’offre.",
        "A hearing or appointment is pending in Montréal: plan the travel before the offer.",
    ),
    NoticeCode.keep_together: Text(
        "Ce ménage est lié au dossier {case} : ne pas les séparer.",
        "This household is linked with case {case}: do not separate them.",
    ),
    NoticeCode.cmm_unknown: Text(
        "On ignore si ce lieu est dans la Communauté métropolitaine de Montréal : à vérifier avant l’offre.",
        "Whether this place is in the Montréal metropolitan community is not known: check before the offer.",
    ),
    NoticeCode.cma_unknown: Text(
        "On ignore si ce lieu est dans la région métropolitaine de recensement de Montréal.",
        "Whether this place is in the Montréal census metropolitan area is not known.",
    ),
    NoticeCode.inside_cma: Text(
        "Ce lieu est dans la région métropolitaine de recensement de Montréal.",
        "This place is in the Montréal census metropolitan area.",
    ),
    NoticeCode.not_published: Text(
        "Ce lieu ne publie pas cette donnée : {resource}.",
        "This place does not publish this figure: {resource}.",
    ),
}


def filled(sentence: Text, facts: Facts) -> Text:
    return Text(
        sentence.fr.format(**{name: _word(name, value).fr for name, value in facts.items()}),
        sentence.en.format(**{name: _word(name, value).en for name, value in facts.items()}),
    )


def _word(name: str, value: str | int) -> Text:
    """Numbers grouped as the language does (narrow no-break space in French); unknown codes as they are."""
    if isinstance(value, int):
        return Text(f"{value:,}".replace(",", "\u202f"), f"{value:,}")
    return NAMES.get(name, {}).get(value, Text(str(value), str(value)))


def joined(head: Text, tail: Text) -> Text:
    return Text(head.fr + tail.fr, head.en + tail.en)
