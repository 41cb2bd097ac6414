"""Witnesses: who cosigns vouches for one history, and both verifiers count only what was really cosigned."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework import verify, witness
from casework.audit import witnesses
from tests.audit.export_builder import LOG_VKEY, Log, milestone_leaf, texts
from tests.audit.javascript import asked, reports
from tests.audit.log_writers import record_milestones

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import World


ADA, BEE, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))
ADA_KEY, BEE_KEY = witness.vkey("temoin.test/ada", ADA), witness.vkey("temoin.test/bee", BEE)
MOMENT = 1_790_000_000


def cosigned(note: str, *who: tuple[str, Ed25519PrivateKey]) -> str:
    return note + "".join(witness.cosignature(note, f"temoin.test/{name}", key, MOMENT) for name, key in who)


def judged(folder: Path, export: bytes, note: str | None, witnesses: list[str], quorum: int | None) -> dict[str, Any]:
    """The verdict and its codes, the same by both verifiers."""
    file = folder / "export.jsonl"
    file.write_bytes(export)
    by_python = verify.verify_files([file], note, LOG_VKEY, witnesses=witnesses, quorum=quorum)
    job = {"files": [str(file)], "checkpoint": note, "key": LOG_VKEY, "witness": witnesses, "quorum": quorum}
    [by_node] = reports([job])
    found = {"ok": by_python.ok, "codes": [one.code for one in by_python.problems]}
    assert found == {"ok": by_node["ok"], "codes": [one["code"] for one in by_node["problems"]]}
    assert [one.code for one in by_python.notices] == [one["code"] for one in by_node["notices"]]
    return found | {"notices": [one.code for one in by_python.notices]}


@pytest.mark.parametrize(
    ("who", "keys", "quorum", "codes"),
    [
        ([("ada", ADA)], [ADA_KEY], None, []),
        ([("ada", ADA), ("bee", BEE)], [ADA_KEY, BEE_KEY], None, []),
        ([("ada", ADA)], [ADA_KEY, BEE_KEY], 1, []),
        ([("ada", ADA)], [ADA_KEY, BEE_KEY], None, ["witnesses_few"]),
        ([("ada", ADA), ("ada", ADA)], [ADA_KEY, BEE_KEY], 2, ["witnesses_few"]),
        ([], [ADA_KEY], None, ["witnesses_few"]),
        ([("ada", ADA)], [ADA_KEY], 2, ["quorum_malformed"]),
        ([("ada", ADA)], [ADA_KEY], 0, ["quorum_malformed"]),
        ([("ada", ADA)], [LOG_VKEY], None, ["witness_malformed"]),
        ([("ada", ADA)], ["nowhere"], None, ["witness_malformed"]),
        ([("ada", ADA)], [], 1, ["quorum_malformed"]),
        ([("ada", ADA), ("bis", ADA)], [ADA_KEY, witness.vkey("temoin.test/bis", ADA)], 2, ["quorum_malformed"]),
    ],
)
def test_a_quorum_of_the_witnesses_given(
    tmp_path: Path, who: list[Any], keys: list[str], quorum: int | None, codes: list[str]
) -> None:
    log = Log(9)
    retained = judged(tmp_path, log.full(), cosigned(log.checkpoint(5), *who), keys, quorum)
    assert (retained["ok"], retained["codes"]) == (not codes, codes)
    assert ("is_witnessed" in retained["notices"]) == (not codes)
    served = judged(tmp_path, log.full(checkpoint=cosigned(log.checkpoint(), *who)), None, keys, quorum)
    assert served["codes"] == codes


def test_a_cosignature_changed_in_any_part_is_refused_by_both(tmp_path: Path) -> None:
    log = Log(9)
    note = log.checkpoint(5)
    line = witness.cosignature(note, "temoin.test/ada", ADA, MOMENT)
    head, _, encoded = line.rstrip("\n").rpartition(" ")
    whole = base64.b64decode(encoded)
    for place in (4, 11, 12, 43, 44, 75):
        changed = bytearray(whole)
        changed[place] ^= 1
        bad = f"{note}{head} {base64.b64encode(changed).decode()}\n"
        assert judged(tmp_path, log.full(), bad, [ADA_KEY], None)["codes"] == ["cosignature_wrong"], place
    for cut in (whole[:-1], whole + b"\0", whole[:4] + whole[12:]):
        bad = f"{note}{head} {base64.b64encode(cut).decode()}\n"
        assert judged(tmp_path, log.full(), bad, [ADA_KEY], None)["codes"] == ["cosignature_wrong"]


def test_a_cosignature_of_another_checkpoint_or_by_another_key_is_refused_by_both(tmp_path: Path) -> None:
    log = Log(9)
    moved = log.checkpoint(5) + witness.cosignature(log.checkpoint(4), "temoin.test/ada", ADA, MOMENT)
    assert judged(tmp_path, log.full(), moved, [ADA_KEY], None)["codes"] == ["cosignature_wrong"]
    # Under another key's id the line is of nobody known: it counts for nothing.
    stranger = cosigned(log.checkpoint(5), ("ada", BEE))
    assert judged(tmp_path, log.full(), stranger, [ADA_KEY], None)["codes"] == ["witnesses_few"]
    # A plain note signature by the same key is no cosignature.
    plain = base64.b64decode(ADA_KEY.rpartition("+")[2])
    assert plain[0] == 4


def test_a_time_beyond_the_format_is_refused_by_both(tmp_path: Path) -> None:
    log = Log(9)
    late = log.checkpoint(5) + witness.cosignature(log.checkpoint(5), "temoin.test/ada", ADA, 1 << 63)
    assert judged(tmp_path, log.full(), late, [ADA_KEY], None)["codes"] == ["cosignature_wrong"]


def test_both_verifiers_ignore_witnesses_nobody_asked_for(tmp_path: Path) -> None:
    log = Log(9)
    note = log.checkpoint(5) + "— temoin.test/ada " + base64.b64encode(bytes(76)).decode() + "\n"
    assert judged(tmp_path, log.full(), note, [], None)["ok"]


# --- the witness itself -------------------------------------------------------------------------------------


def proof_of(log: Log) -> Any:
    return lambda first, _size: log.consistency(first)["proof"]


def test_a_witness_accepts_the_first_and_what_extends_it() -> None:
    log = Log(9)
    witness.accept(log.checkpoint(), LOG_VKEY, None, proof_of(log))
    witness.accept(log.checkpoint(), LOG_VKEY, log.checkpoint(), proof_of(log))
    for size in range(1, 9):
        witness.accept(log.checkpoint(), LOG_VKEY, log.checkpoint(size), proof_of(log))


def test_a_witness_refuses_a_rollback_a_fork_and_a_stranger() -> None:
    log, forked = Log(9), Log(9)
    forked.leaves[2] = milestone_leaf(77)
    other = Log(9, origin="autre.test/jalons")
    refused = [
        (log.checkpoint(4), LOG_VKEY, log.checkpoint(5)),
        (forked.checkpoint(), LOG_VKEY, log.checkpoint()),
        (forked.checkpoint(), LOG_VKEY, log.checkpoint(5)),
        (other.checkpoint(), LOG_VKEY, None),
        (log.checkpoint(), "", None),
        (log.checkpoint()[:-3] + "\n", LOG_VKEY, None),
    ]
    for note, key, before in refused:
        with pytest.raises(witness.WitnessRefuses):
            witness.accept(note, key, before, proof_of(forked))
    with pytest.raises(witness.WitnessRefuses):
        witness.accept(log.checkpoint(), LOG_VKEY, log.checkpoint(5), lambda *_: texts([bytes(32)]))


def test_the_line_is_what_the_two_verifiers_read() -> None:
    note = cosigned(Log(9).checkpoint(), ("ada", ADA), ("bee", BEE))
    case = {"text": note, "vkeys": [ADA_KEY, BEE_KEY]}
    keys = [key for text in case["vkeys"] if (key := verify._key(str(text), 4))]
    assert asked("cosigners", [case]) == [verify._cosigners(note, keys)] == [2]


# --- the server ---------------------------------------------------------------------------------------------


@pytest.fixture
def known(world: World) -> World:
    """A server that knows Ada and Bee, with nine milestones published."""
    world.app.state.witnesses = witnesses.parse_all(f"{ADA_KEY}\n{BEE_KEY}")
    return world


async def published(world: World, count: int = 3) -> str:
    await record_milestones(world, count)
    await world.sequence()
    answer = await world.client("aurele").get("/v1/log/checkpoint?log=milestones")
    return answer.text


async def post(world: World, note: str, log: str = "milestones", username: str = "aurele") -> httpx.Response:
    client = world.client(username, **{"Idempotency-Key": secrets.token_hex(16)})
    return await client.post("/v1/log/cosignatures", json={"log": log, "note": note})


@pytest.mark.anyio
async def test_a_cosigned_checkpoint_is_served_and_verified(known: World, tmp_path: Path) -> None:
    none = await known.client("aurele").get("/v1/log/checkpoint?log=milestones&cosigned=true")
    assert (none.status_code, none.json()["type"]) == (404, "/v1/problems/nothing-cosigned-yet")
    note = await published(known)
    answer = await post(known, cosigned(note, ("bee", BEE), ("ada", ADA), ("inconnu", OTHER)))
    assert answer.status_code == 201, answer.text
    assert answer.json()["witnesses"] == ["temoin.test/ada", "temoin.test/bee"]
    served = await known.client("aurele").get("/v1/log/checkpoint?log=milestones")
    assert served.text == answer.json()["note"] == cosigned(note, ("ada", ADA), ("bee", BEE))
    await published(known)
    kept = (await known.client("aurele").get("/v1/log/checkpoint?log=milestones&cosigned=true")).text
    assert kept == served.text
    export = (await known.client("aurele").get("/v1/milestone-log")).content
    file = tmp_path / "log.jsonl"
    file.write_bytes(export)
    key = known.app.state.log_signer.vkey("milestones")
    assert verify.verify_files([file], kept, key, witnesses=[ADA_KEY, BEE_KEY]).ok
    with known.owner() as owner:
        told = owner.execute(
            "SELECT body::jsonb -> 'facts' FROM log_leaves WHERE body::jsonb ->> 'type' = 'checkpoint.cosigned'"
        ).fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("UPDATE log_cosignatures SET line = ''")
    assert told == [({"log": "milestones", "size": 3, "witnesses": ["temoin.test/ada", "temoin.test/bee"]},)]


@pytest.mark.anyio
async def test_what_a_server_refuses_to_keep(known: World) -> None:
    note = await published(known)
    elsewhere = note + witness.cosignature(Log(9).checkpoint(), "temoin.test/ada", ADA, MOMENT)
    refused = {
        "checkpoint-not-ours": [
            Log(3).checkpoint(),
            "–",
            note.replace("3", "4", 1),
            known.app.state.log_signer.sign_checkpoint("milestones", 3, bytes(32)),
            known.app.state.log_signer.sign_checkpoint("milestones", 2_000, bytes(32)),
        ],
        "witness-unknown": [note, cosigned(note, ("ada", BEE)), cosigned(note, ("autre", OTHER))],
        "cosignature-wrong": [elsewhere, note + witness.cosignature(note, "temoin.test/ada", ADA, 1 << 63)],
    }
    for slug, notes in refused.items():
        for text in notes:
            answer = await post(known, text)
            assert (answer.status_code, answer.json()["type"]) == (422, f"/v1/problems/{slug}"), text
    assert (await post(known, cosigned(note, ("ada", ADA)), log="audit")).status_code == 422
    assert (await post(known, cosigned(note, ("ada", ADA)), username="camille")).status_code == 403
    with known.owner() as owner:
        assert owner.execute("SELECT count(*) FROM log_cosignatures").fetchall() == [(0,)]


@pytest.mark.anyio
async def test_a_witness_only_goes_forward(known: World) -> None:
    first, second = await published(known), await published(known)
    assert (await post(known, cosigned(second, ("ada", ADA)))).status_code == 201
    assert (await post(known, cosigned(second, ("ada", ADA)))).status_code == 201
    older = await post(known, cosigned(first, ("ada", ADA)))
    assert (older.status_code, older.json()["type"], older.json()["size"]) == (409, "/v1/problems/checkpoint-older", 6)
    assert (await post(known, cosigned(first, ("bee", BEE)))).status_code == 201
    with known.owner() as owner:
        assert owner.execute("SELECT name, size FROM log_cosignatures ORDER BY name").fetchall() == [
            ("temoin.test/ada", 6),
            ("temoin.test/bee", 3),
        ]


@pytest.mark.anyio
async def test_a_visit_cosigns_what_extends_its_last_one_and_nothing_else(known: World, tmp_path: Path) -> None:
    loop, state = asyncio.get_running_loop(), tmp_path / "cosigned.txt"
    log_key = known.app.state.log_signer.vkey("milestones")

    def ask(path: str, body: dict[str, Any] | None) -> bytes:
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        call = known.client("aurele", **headers).request("GET" if body is None else "POST", path, json=body)
        answer = asyncio.run_coroutine_threadsafe(call, loop).result(60)
        assert answer.status_code < 300, answer.text
        return answer.content

    async def visit() -> int:
        return await asyncio.to_thread(witness.visit, ask, "milestones", log_key, "temoin.test/ada", ADA, state)

    sizes = []
    for _ in range(3):
        await published(known)
        sizes += [await visit(), await visit()]
    assert sizes == [3, 3, 6, 6, 9, 9]
    kept = state.read_text(encoding="utf-8")
    state.write_text(known.app.state.log_signer.sign_checkpoint("milestones", 5, bytes(32)), encoding="utf-8")
    await published(known)
    with pytest.raises(witness.WitnessRefuses):
        await visit()
    state.write_text(known.app.state.log_signer.sign_checkpoint("milestones", 50, bytes(32)), encoding="utf-8")
    with pytest.raises(witness.WitnessRefuses):
        await visit()
    with known.owner() as owner:
        assert owner.execute("SELECT max(size) FROM log_cosignatures").fetchall() == [(9,)]
    assert kept.startswith("casework.example/log/milestones\n9\n")
