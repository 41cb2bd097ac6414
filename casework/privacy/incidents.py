"""The register of confidentiality incidents (A-2.1, s. 63.11): entries are amended by adding, never rewritten."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Permission
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.privacy.incident_schemas import IncidentCreate, IncidentRead
from casework.privacy.manifest import manifest
from casework.privacy.models import Incident, IncidentVersion
from casework.privacy.notices import kept_until, notices

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

PLACE = "incident_versions/sealed"
FORMAT = "casework-incident-register/1"
WORDS = (
    "information", "circumstances", "malicious_uses", "consequences", "deferral_reason", "public_notice_reason",
    "measures", "change_reason",
)  # fmt: skip
OPEN = (
    "information_known", "persons_count", "persons_approximate", "sensitivity", "likelihood", "serious_risk",
    "commission_notified_on", "persons_notified_on", "persons_notice_deferred", "public_notice_on",
)  # fmt: skip


async def record_incident(session: Session, caller: Caller, wanted: IncidentCreate) -> dict[str, Any]:
    incident_id = new_id()
    key, wrapped = session.keyring.new_key(incident_id)
    incident = Incident(
        id=incident_id, created_by=caller.actor_id, aware_until=wanted.aware.until,
        kek_id=session.keyring.current, wrapped=wrapped,
    )  # fmt: skip
    session.add(incident)
    await session.flush()
    version = await _add_version(session, caller, incident, key, wanted)
    trail.record(session, caller, "incident.recorded", _facts(version))
    return as_read(key, version)


async def amend_incident(
    session: Session, caller: Caller, incident_id: UUID, version: int, wanted: IncidentCreate
) -> dict[str, Any]:
    """A further version beside the earlier ones; raises NotFound or StaleVersion."""
    query = select(Incident).where(col(Incident.id) == incident_id).with_for_update()
    incident = (await session.exec(query)).first()
    if incident is None:
        raise NotFound
    if incident.version != version:
        raise StaleVersion
    incident.version, incident.aware_until = version + 1, wanted.aware.until
    await session.flush()
    key = key_of(session, incident)
    added = await _add_version(session, caller, incident, key, wanted)
    trail.record(session, caller, "incident.amended", _facts(added))
    return as_read(key, added)


async def _add_version(
    session: Session, caller: Caller, incident: Incident, key: SubjectKey, wanted: IncidentCreate
) -> IncidentVersion:
    row, said = new_id(), wanted.model_dump()
    version = IncidentVersion(
        id=row, incident_id=incident.id, version=incident.version, recorded_by=caller.actor_id,
        occurred_from=wanted.occurred.from_day, occurred_until=wanted.occurred.until,
        occurred_approximate=wanted.occurred.approximate,
        aware_from=wanted.aware.from_day, aware_until=wanted.aware.until,
        sealed=key.seal(PLACE, row, {name: said[name] for name in WORDS if said.get(name) is not None}),
        **{name: said[name] for name in OPEN},
    )  # fmt: skip
    session.add(version)
    await session.flush()
    return version


def _facts(version: IncidentVersion) -> dict[str, Any]:
    """What the log keeps: that it was entered and what was concluded, not what it says."""
    return {"incident": str(version.incident_id), "version": version.version, "serious_risk": version.serious_risk}


def key_of(session: Session, incident: Incident) -> SubjectKey:
    return session.keyring.unwrap(incident.id, incident.kek_id, incident.wrapped, incident.key_version)


async def incident_to(session: Session, incident_id: UUID) -> Incident:
    """Raises NotFound."""
    found = (await session.exec(select(Incident).where(col(Incident.id) == incident_id))).first()
    if found is None:
        raise NotFound
    return found


async def history(session: Session, caller: Caller, incident_id: UUID) -> list[dict[str, Any]]:
    """Every version, oldest first; raises NotFound."""
    incident = await incident_to(session, incident_id)
    query = select(IncidentVersion).where(col(IncidentVersion.incident_id) == incident_id)
    versions = (await session.exec(query.order_by(col(IncidentVersion.version)))).all()
    await trail.record_read(session, caller, Permission.incident_read, [])
    key = key_of(session, incident)
    return [as_read(key, version) for version in versions]


async def as_they_stand(session: Session, incidents: Iterable[Incident]) -> list[dict[str, Any]]:
    """The newest version of each, in the order given: one query, whatever their number."""
    by_id = {incident.id: incident for incident in incidents}
    query = select(IncidentVersion).where(col(IncidentVersion.incident_id).in_(by_id))
    newest = {
        version.incident_id: version
        for version in (await session.exec(query)).all()
        if version.version == by_id[version.incident_id].version
    }
    return [as_read(key_of(session, incident), newest[incident.id]) for incident in by_id.values()]


async def register(session: Session, caller: Caller, first: date, last: date) -> bytes:
    """The entries known from `first` to `last`, both included, as JSON Lines behind their manifest.

    The manifest states count, range, hash of the lines and the newest checkpoint of the audit log; this export's own
    leaf in that log carries the same hash.
    """
    query = select(Incident).where(col(Incident.aware_until).between(first, last)).order_by(col(Incident.id))
    entries = await as_they_stand(session, (await session.exec(query)).all())
    lines = b"".join(
        IncidentRead.model_validate(entry).model_dump_json(by_alias=True).encode() + b"\n" for entry in entries
    )
    recorded = [entry["recorded_at"] for entry in entries]
    said = await manifest(session, FORMAT, {}, {"incidents": len(entries)}, recorded)
    said["content_sha256"] = hashlib.sha256(lines).hexdigest()
    said["aware"] = {"from": first.isoformat(), "until": last.isoformat()}
    await trail.record_read(session, caller, Permission.incident_read, [])
    kept = {name: said[name] for name in ("id", "rows", "aware", "content_sha256")}
    trail.record(session, caller, "incident_register.exported", kept)
    return rfc8785.dumps(said) + b"\n" + lines


def as_read(key: SubjectKey, version: IncidentVersion) -> dict[str, Any]:
    opened = key.open(PLACE, version.id, version.sealed)
    return {
        **version.model_dump(exclude={"id", "incident_id", "sealed"}),
        **{name: opened.get(name) for name in WORDS},
        "id": version.incident_id,
        "occurred": {
            "from": version.occurred_from, "until": version.occurred_until,
            "approximate": version.occurred_approximate,
        },
        "aware": {"from": version.aware_from, "until": version.aware_until, "approximate": False},
        "notices": notices(version, clock.today()),
        "kept_until": kept_until(version.aware_until),
    }  # fmt: skip
