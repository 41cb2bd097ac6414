#!/usr/bin/env node
/*
Check an export of the milestone log, offline. Node 18 or later, its standard library only.

    node verify.mjs FILE... --key KEY [--checkpoint NOTE] [--complete] [--witness KEY]... [--quorum N]
                    [--json] [--lang fr|en]
    node verify.mjs --batch < JOBS        one JSON job a line, one JSON report a line

The second implementation of the format that `verify.py` states at its head: same arguments, same codes, same exit
status (0 accepted, 1 refused, 2 wrong usage or unreadable file or key). It was written from that statement and the
RFCs, and shares no code with it: what one of the two would believe by mistake, the other refuses.

A job is {"files": [path, ...], "checkpoint": NOTE or null, "key": KEY or null, "complete": true or false,
"witness": [KEY, ...] and "quorum": N when witnesses must have cosigned}.
KEY and NOTE are what the options take: a key or the path of a file of keys; a note's text or its path.
*/

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const FORMAT = "casework-milestone-log/1";
const MAX_LINE_BYTES = 2 << 20;
const MAX_NOTE_LENGTH = 1_000_000;
const MAX_DEPTH = 32;
const MAX_PROBLEMS = 20;
// Deeper than any stack should be asked to follow: reading stops here whatever comes after.
const DEPTH_READ = 900;
const PAGE_FIELDS = ["first", "count", "entries_sha256", "signature"];
const MANIFEST_FIELDS = ["type", "format", "origin", "size", "checkpoint", "filter", ...PAGE_FIELDS];
const USAGE = new Set(["unreadable", "no_file", "key_malformed", "witness_malformed", "quorum_malformed"]);

const SENTENCES = {
  no_file: ["Aucun fichier.", "No file."],
  unreadable: ["{name} ne peut pas être lu.", "{name} cannot be read."],
  key_malformed: ["La clé ne peut pas être lue.", "The key cannot be read."],
  witness_malformed: ["La clé de témoin ne peut pas être lue.", "The witness key cannot be read."],
  quorum_malformed: ["Le quorum va de 1 à {due}, le nombre des témoins.", "The quorum goes from 1 to {due}, the number of witnesses."],
  unpinned_key: ["Sans clé reçue par une autre voie, rien n'est prouvé.", "Without a key received by another road, nothing is proven."],
  note_malformed: ["Le point de contrôle n'a pas la forme d'une note signée.", "The checkpoint has not the shape of a signed note."],
  signature_unknown: ["Aucune clé donnée n'a signé le point de contrôle.", "No given key signed the checkpoint."],
  signature_wrong: ["La signature de {name} sous le point de contrôle est fausse.", "The signature of {name} under the checkpoint is wrong."],
  manifest_unsigned: ["Le manifeste n'est pas tel que le journal l'a signé.", "The manifest is not as the log signed it."],
  origin_not_key: ["La clé qui a signé n'est pas celle du journal {name}.", "The key that signed is not the one of log {name}."],
  line_long: ["Ligne de plus de 2 Mio.", "Line of more than 2 MiB."],
  no_newline: ["La dernière ligne est coupée.", "The last line is cut."],
  line_ending: ["Fin de ligne CR LF.", "Line ended by CR LF."],
  blank_line: ["Ligne vide.", "Blank line."],
  utf8: ["La ligne n'est pas de l'UTF-8.", "The line is no UTF-8."],
  json: ["La ligne n'est pas un objet JSON.", "The line is no JSON object."],
  json_number: ["Un nombre que le format n'admet pas.", "A number that the format does not admit."],
  json_key: ["La clé {name} est double ou hors de l'ASCII.", "The key {name} is double or not ASCII."],
  json_depth: ["Trop de niveaux imbriqués.", "Too many nested levels."],
  not_canonical: ["La ligne n'est pas canonique (RFC 8785).", "The line is not canonical (RFC 8785)."],
  line_type: ["Type de ligne inconnu : {name}.", "Unknown type of line: {name}."],
  too_many: ["Trop de problèmes, la lecture s'arrête.", "Too many problems, reading stops."],
  no_manifest: ["Un manifeste doit venir d'abord.", "A manifest must come first."],
  manifest_malformed: ["Le champ {name} du manifeste est à revoir.", "The manifest's field {name} is wrong."],
  manifest_checkpoint: ["Le champ {name} du manifeste n'est pas celui du point de contrôle.", "The manifest's field {name} is not the checkpoint's."],
  page_differs: ["Page d'un autre export.", "Page of another export."],
  page_gap: ["Page à partir de {found}, {due} attendu.", "Page from {found} on, {due} was due."],
  entries_digest: ["L'empreinte des inscriptions de la page n'est pas celle du manifeste.", "The digest of the page's entries is not the manifest's."],
  entries_count: ["{found} inscriptions dans la page, {due} au manifeste.", "{found} entries in the page, {due} in the manifest."],
  entry_malformed: ["Le champ {name} de l'inscription est à revoir.", "The entry's field {name} is wrong."],
  index_duplicate: ["Inscription {found} en double.", "Entry {found} twice."],
  index_order: ["Inscription {found} au lieu de {due} : ordre rompu.", "Entry {found} instead of {due}: order broken."],
  index_gap: ["Inscription {found} au lieu de {due} : il en manque.", "Entry {found} instead of {due}: some are missing."],
  index_beyond: ["Inscription {found}, le journal en compte {due}.", "Entry {found}, the log has {due}."],
  proof_wrong: ["La preuve de l'inscription {found} ne mène pas à la racine signée.", "The proof of entry {found} does not lead to the signed root."],
  proof_missing: ["Inscription sans preuve dans un extrait.", "Entry without proof in an extract."],
  incomplete: ["{found} inscriptions sur {due}.", "{found} of {due} entries."],
  root_mismatch: ["Les inscriptions ne donnent pas la racine signée.", "The entries do not give the signed root."],
  retained_origin: ["Le point conservé est d'un autre journal.", "The retained checkpoint is of another log."],
  rollback: ["Le journal compte {found} inscriptions, le point conservé {due}.", "The log has {found} entries, the retained checkpoint {due}."],
  retained_fork: ["Les {due} premières inscriptions ne sont plus celles du point conservé.", "The first {due} entries are not those of the retained checkpoint any more."],
  consistency_missing: ["Il manque la preuve de cohérence depuis la taille {due}.", "The consistency proof from size {due} is missing."],
  consistency_wrong: ["La preuve de cohérence depuis la taille {due} est fausse.", "The consistency proof from size {due} is wrong."],
  cosignature_wrong: ["La cosignature de {name} sous le point de contrôle est fausse.", "The cosignature of {name} under the checkpoint is wrong."],
  witnesses_few: ["{found} témoins ont cosigné, {due} sont requis.", "{found} witnesses cosigned, {due} are needed."],
  is_complete: ["Journal complet de {due} inscriptions.", "Complete log of {due} entries."],
  is_range: ["{found} inscriptions sans trou à partir de {first}, sur {due}.", "{found} entries without a gap from {first} on, of {due}."],
  is_extract: ["{found} inscriptions prouvées sur {due} ; ce que le filtre a omis n'est pas prouvé.", "{found} proven entries of {due}; what the filter left out is not proven."],
  nothing_retained: ["Sans point conservé, une réécriture signée ne se voit pas.", "Without a retained checkpoint, a signed rewrite is not seen."],
  is_witnessed: ["{found} témoins ont cosigné le point de taille {due}.", "{found} witnesses cosigned the checkpoint of size {due}."],
  after_retained: ["{found} inscriptions après le point conservé reposent sur la signature seule.", "{found} entries after the retained checkpoint rest on the signature alone."],
  view_fields: ["Hors de « leaf », seule l'empreinte signée couvre les champs.", "Outside “leaf”, only the signed digest covers the fields."],
};

class Refused extends Error {
  constructor(code, values = {}, fatal = false) {
    super(code);
    Object.assign(this, { code, values, fatal });
  }
}

const fatally = (code, values) => new Refused(code, values, true);

/** Hostile text reaches a terminal here: escaped, and cut. */
function shown(value) {
  const text = typeof value === "string" ? JSON.stringify(value).replace(/[^\x20-\x7e\xa0-\uffff]/g, "?") : String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function finding(code, values, [file, line]) {
  const [fr, en] = SENTENCES[code].map((sentence) => sentence.replace(/\{(\w+)\}/g, (_, name) => shown(values[name])));
  return { code, file, line, fr, en };
}

// --- hashing ------------------------------------------------------------------------------------------------

const sha256 = (...parts) => parts.reduce((digest, part) => digest.update(part), createHash("sha256")).digest();
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);
export const EMPTY_ROOT = sha256("");
export const leafHash = (data) => sha256(LEAF, data);
export const nodeHash = (left, right) => sha256(NODE, left, right);

/** Grows leaf by leaf; `peaks` holds one hash for each bit set in `size`, the largest subtree first. */
export class Tree {
  size = 0;
  peaks = [];

  add(hash) {
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) hash = nodeHash(this.peaks.pop(), hash);
    this.peaks.push(hash);
    this.size += 1;
  }

  root() {
    return this.size === 0 ? EMPTY_ROOT : this.peaks.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** RFC 9162 2.1.3.2: the root that the proof leads to, or null when its length is not that of the place. */
export function rootByInclusion(hash, index, size, proof) {
  let place = index;
  let last = size - 1;
  for (const sibling of proof) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(sibling, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}

/** RFC 9162 2.1.4.2: whether the tree of `size` with root `after` begins with the tree of `first` and root `before`. */
export function extendsTree(first, size, before, after, proof) {
  if (first < 1 || first > size) return false;
  if (first === size) return proof.length === 0 && before.equals(after);
  if (proof.length === 0) return false;
  let odd = first;
  while (odd % 2 === 0) odd /= 2;
  const path = odd === 1 ? [before, ...proof] : proof; // a power of two: the old root is itself the first element
  let [place, last] = [first - 1, size - 1];
  while (place % 2 === 1) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  let [old, now] = [path[0], path[0]];
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      [old, now] = [nodeHash(sibling, old), nodeHash(sibling, now)];
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else now = nodeHash(now, sibling);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 && old.equals(before) && now.equals(after);
}

// --- keys, notes, checkpoints -------------------------------------------------------------------------------

/** Canonical standard base64, or null. */
function bytesOf(text) {
  if (typeof text !== "string") return null;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

function hashesOf(values) {
  if (!Array.isArray(values) || values.length > 64) return null;
  const hashes = values.map(bytesOf);
  return hashes.every((hash) => hash?.length === 32) ? hashes : null;
}

const VKEY = /^([^\p{White_Space}+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u;
const SIGNATURE = /^— ([^\p{White_Space}+]+) ([A-Za-z0-9+/]+=*)$/u;
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
const DECIMAL = /^(0|[1-9][0-9]{0,15})$/;
const ED25519 = 1;
const COSIGNATURE = 4;

/** {name, id, key} of a C2SP verifier key (`name+hex id+base64`), or null. */
export function verifierKey(text, type = ED25519) {
  const found = VKEY.exec(text);
  const material = found && bytesOf(found[3]);
  if (material?.length !== 33 || material[0] !== type) return null;
  const id = sha256(`${found[1]}\n`, material).subarray(0, 4);
  if (id.toString("hex") !== found[2]) return null;
  const jwk = { kty: "OKP", crv: "Ed25519", x: material.subarray(1).toString("base64url") };
  return { name: found[1], id, key: createPublicKey({ key: jwk, format: "jwk" }) };
}

function keysIn(text, type) {
  const lines = text.split(/\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/).map((line) => line.trim());
  const keys = lines.filter((line) => line && !line.startsWith("#")).map((line) => verifierKey(line, type));
  return keys.length > 0 && !keys.includes(null) ? keys : null;
}

function pinnedKeys(value, type = ED25519, refusal = "key_malformed") {
  if (!value) return [];
  const keys = keysIn(value, type) ?? keysIn(fileText(value) ?? "", type);
  if (!keys) throw new Refused(refusal);
  return keys;
}

const rawKey = ({ key }) => key.export({ format: "jwk" }).x;

/** [keys, how many witnesses are needed]; a key under two names is one witness. */
function witnessesOf(values, quorum) {
  const keys = values.flatMap((value) => pinnedKeys(value || "+", COSIGNATURE, "witness_malformed"));
  const known = new Set(keys.map(rawKey)).size;
  if (quorum === null) return [keys, known];
  if (!Number.isInteger(quorum) || quorum < 1 || quorum > known) throw new Refused("quorum_malformed", { due: known });
  return [keys, quorum];
}

/** How many of the witnesses cosigned the note (C2SP tlog-cosignature, cosignature/v1); a wrong cosignature throws. */
export function cosigners(text, witnesses) {
  const { body, signatures } = noteParts(text);
  const found = new Set();
  for (const { name, bytes } of signatures) {
    for (const witness of witnesses.filter((known) => known.name === name && known.id.equals(bytes.subarray(0, 4)))) {
      const time = bytes.length === 76 ? bytes.readBigUInt64BE(4) : null;
      const sound = time !== null && time < 1n << 63n;
      if (!sound || !signed(`cosignature/v1\ntime ${time}\n${body}`, witness.key, bytes.subarray(12))) {
        throw new Refused("cosignature_wrong", { name });
      }
      found.add(rawKey(witness));
    }
  }
  return found.size;
}

/** The text of a small file; null when it cannot be read, undefined when it is no UTF-8. */
function fileText(path) {
  let bytes;
  try {
    bytes = readFileSync(path);
  } catch {
    return null;
  }
  return utf8(bytes.subarray(0, MAX_NOTE_LENGTH + 1));
}

function utf8(bytes) {
  const text = bytes.toString("utf8");
  return !text.includes("\ufffd") || Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** Body and signatures of a signed note; throws Refused. */
export function noteParts(text) {
  const middle = text.lastIndexOf("\n\n");
  const long = text.length > MAX_NOTE_LENGTH && [...text].length > MAX_NOTE_LENGTH;
  if (middle < 0 || middle + 2 === text.length || !text.endsWith("\n") || long || CONTROL.test(text)) {
    throw new Refused("note_malformed");
  }
  const signatures = text.slice(middle + 2, -1).split("\n").map((line) => {
    const found = SIGNATURE.exec(line);
    const bytes = found && bytesOf(found[2]);
    if (!bytes || bytes.length < 5) throw new Refused("note_malformed");
    return { name: found[1], bytes };
  });
  return { body: text.slice(0, middle + 1), signatures };
}

/** Names of the given keys that signed; a wrong signature under one of their names throws. */
export function vouching(body, signatures, keys) {
  const names = new Set();
  for (const { name, bytes } of signatures) {
    for (const known of keys) {
      if (known.name !== name || !known.id.equals(bytes.subarray(0, 4))) continue;
      if (!signed(body, known.key, bytes.subarray(4))) throw new Refused("signature_wrong", { name });
      names.add(name);
    }
  }
  return names;
}

const signed = (body, key, signature) =>
  signature.length === 64 && verifySignature(null, Buffer.from(body, "utf8"), key, signature);

function checkpointIn(body) {
  const lines = body.slice(0, -1).split("\n");
  const root = bytesOf(lines[2]);
  const size = DECIMAL.test(lines[1]) ? Number(lines[1]) : NaN;
  const whole = lines.length >= 3 && lines.every(Boolean) && Number.isSafeInteger(size) && root?.length === 32;
  if (!whole || (size === 0 && !root.equals(EMPTY_ROOT))) throw new Refused("note_malformed");
  return { origin: lines[0], size, root };
}

/** The checkpoint, signed by a given key that bears the log's own name; without keys, as it claims. */
function openCheckpoint(text, keys) {
  const { body, signatures } = noteParts(text);
  const checkpoint = checkpointIn(body);
  if (keys.length === 0) return checkpoint;
  const names = vouching(body, signatures, keys);
  if (names.size === 0) throw new Refused("signature_unknown");
  if (!names.has(checkpoint.origin)) throw new Refused("origin_not_key", { name: checkpoint.origin });
  return checkpoint;
}

function retainedNote(value) {
  if (value == null) return null;
  const text = value.includes("\n") ? value : fileText(value);
  if (text === null) throw new Refused("unreadable", { name: value });
  if (text === undefined) throw new Refused("note_malformed");
  return text;
}

// --- lines --------------------------------------------------------------------------------------------------

/** The lines of a file as bytes, newline included; one that is too long comes cut just after the limit. */
function* linesOf(path) {
  let file;
  try {
    file = openSync(path, "r");
  } catch {
    throw fatally("unreadable", { name: path });
  }
  try {
    yield* linesIn(file);
  } catch {
    throw fatally("unreadable", { name: path });
  } finally {
    closeSync(file);
  }
}

function* linesIn(file) {
  let waiting = Buffer.alloc(0);
  const chunk = Buffer.alloc(1 << 16);
  for (;;) {
    const count = readSync(file, chunk, 0, chunk.length, null);
    if (count === 0) break;
    const bytes = Buffer.concat([waiting, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.subarray(start, Math.min(end + 1, start + MAX_LINE_BYTES + 1));
      start = end + 1;
    }
    waiting = bytes.subarray(start);
    if (waiting.length > MAX_LINE_BYTES) yield waiting.subarray(0, MAX_LINE_BYTES + 1);
  }
  if (waiting.length) yield waiting;
}

/** The object of one line, which must be exactly its canonical form. */
function recordOf(raw) {
  if (raw.length > MAX_LINE_BYTES) throw fatally("line_long");
  if (raw[raw.length - 1] !== 10) throw new Refused("no_newline");
  if (raw[raw.length - 2] === 13) throw new Refused("line_ending");
  if (raw.every((byte) => byte === 32 || (byte >= 9 && byte <= 13))) throw new Refused("blank_line");
  const text = utf8(raw);
  if (text === undefined) throw new Refused("utf8");
  const record = new Reader(text).whole();
  if (!isObject(record)) throw new Refused("json");
  if (`${canonical(record)}\n` !== text) throw new Refused("not_canonical");
  return record;
}

const isObject = (value) => value instanceof Map;
const natural = (value) => typeof value === "number" && value >= 0;
const BLANK = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?|-?Infinity|NaN/y;
const WORDS = [["true", true], ["false", false], ["null", null]];

/**
 * Reads JSON (RFC 8259). JSON.parse would keep the last of two equal keys and round large numbers: both can show one
 * thing to a reader and another to the hash. Objects come as Map, so that no key has a meaning of its own.
 */
class Reader {
  constructor(text) {
    Object.assign(this, { text, at: 0, deepest: 0 });
  }

  whole() {
    const value = this.value(1);
    this.blank();
    if (this.at !== this.text.length) throw new Refused("json");
    if (this.deepest > MAX_DEPTH) throw new Refused("json_depth");
    return value;
  }

  value(depth) {
    this.blank();
    const next = this.text[this.at];
    if (next === "{" || next === "[") {
      if (depth > DEPTH_READ) throw new Refused("json_depth");
      this.deepest = Math.max(this.deepest, depth);
      this.at += 1;
      return next === "{" ? this.object(depth) : this.array(depth);
    }
    if (next === '"') return this.string();
    for (const [word, value] of WORDS) if (this.takes(word)) return value;
    return this.number();
  }

  object(depth) {
    const pairs = [];
    this.blank();
    if (!this.takes("}")) {
      do {
        this.blank();
        const name = this.string();
        this.blank();
        this.expect(":");
        pairs.push([name, this.value(depth + 1)]);
        this.blank();
      } while (this.takes(","));
      this.expect("}");
    }
    const record = new Map();
    for (const [name, value] of pairs) {
      if (record.has(name) || /[^\x00-\x7f]/.test(name)) throw new Refused("json_key", { name });
      record.set(name, value);
    }
    return record;
  }

  array(depth) {
    const values = [];
    this.blank();
    if (this.takes("]")) return values;
    do {
      values.push(this.value(depth + 1));
      this.blank();
    } while (this.takes(","));
    this.expect("]");
    return values;
  }

  string() {
    if (this.text[this.at] !== '"') throw new Refused("json");
    let end = this.at;
    do end = this.text.indexOf('"', end + 1);
    while (end > 0 && isEscaped(this.text, end));
    try {
      const value = JSON.parse(this.text.slice(this.at, end + 1));
      this.at = end + 1;
      return value;
    } catch {
      throw new Refused("json");
    }
  }

  number() {
    const found = this.match(NUMBER);
    if (found === null) throw new Refused("json");
    const [, digits, fraction, exponent] = found;
    if (digits === undefined || fraction || exponent || digits.length > 17 || !Number.isSafeInteger(Number(digits))) {
      throw new Refused("json_number");
    }
    return Number(digits);
  }

  blank() {
    this.match(BLANK);
  }

  takes(word) {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  expect(sign) {
    if (!this.takes(sign)) throw new Refused("json");
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
}

/** Whether an odd number of backslashes stands before this place. */
function isEscaped(text, place) {
  let before = place;
  while (text[before - 1] === "\\") before -= 1;
  return (place - before) % 2 === 1;
}

/** RFC 8785 for what the format allows: ASCII keys have one order, integers are printed one way. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isObject(value)) {
    return `{${[...value.keys()].sort().map((name) => `${JSON.stringify(name)}:${canonical(value.get(name))}`).join(",")}}`;
  }
  if (typeof value === "string" && /[\ud800-\udfff]/u.test(value)) throw new Refused("utf8");
  return JSON.stringify(value);
}

// --- the export ---------------------------------------------------------------------------------------------

const isText = (value) => typeof value === "string";
const MANIFEST_CHECKS = {
  format: (value) => value === FORMAT,
  origin: isText,
  checkpoint: isText,
  size: natural,
  first: natural,
  count: natural,
  filter: isObject,
  entries_sha256: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value),
  signature: (value) => bytesOf(value)?.length === 68,
  consistency: (value) =>
    isObject(value) && value.size === 2 && natural(value.get("from")) && value.get("from") > 0 &&
    hashesOf(value.get("proof")) !== null,
};

function checkManifest(record) {
  const odd = [
    ...[...record.keys()].filter((name) => !MANIFEST_FIELDS.includes(name) && name !== "consistency"),
    ...MANIFEST_FIELDS.filter((name) => !record.has(name)),
  ].sort();
  const wrong = Object.keys(MANIFEST_CHECKS).filter((name) => record.has(name) && !MANIFEST_CHECKS[name](record.get(name)));
  for (const name of [...odd, ...wrong]) throw fatally("manifest_malformed", { name });
  if (record.get("first") + record.get("count") > record.get("size")) throw fatally("manifest_malformed", { name: "count" });
  if (record.get("consistency")?.get("from") > record.get("size")) {
    throw fatally("manifest_malformed", { name: "consistency" });
  }
}

/** Throws unless the key that bears the log's name signed this manifest as it stands. */
function checkManifestSignature(record, keys) {
  const unsigned = new Map([...record].filter(([name]) => name !== "signature"));
  const body = `${record.get("origin")}/manifest\n${canonical(unsigned)}\n`;
  const signature = { name: record.get("origin"), bytes: bytesOf(record.get("signature")) };
  let names = new Set();
  try {
    names = vouching(body, [signature], keys);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  if (names.size === 0) throw fatally("manifest_unsigned");
}

/** What all manifests of one export have in common. */
const shared = (record) => canonical(new Map([...record].filter(([name]) => !PAGE_FIELDS.includes(name))));

/** One verification: what is pinned, what was read so far, what is reported. */
class Verification {
  constructor(complete) {
    this.wholeLog = complete;
    this.report = { ok: false, complete: false, entries: 0, size: null, root: null, origin: null, problems: [], notices: [] };
    Object.assign(this, { keys: [], retained: null, place: ["--key", 0], stopped: false, manifest: null });
    Object.assign(this, { checkpoint: null, page: null, due: 0, last: -1, unproven: null, oldRoots: new Map() });
    this.tree = new Tree();
  }

  /** Runs `step`; what it refuses is reported. Whether it refused nothing. */
  tries(step) {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refuse(error);
      return false;
    }
  }

  refuse(refusal, place = this.place) {
    this.report.problems.push(finding(refusal.code, refusal.values, place));
    this.stopped ||= refusal.fatal;
  }

  notice(code, values = {}) {
    this.report.notices.push(finding(code, values, ["", 0]));
  }

  opens(key, checkpoint, witness, quorum) {
    return this.tries(() => {
      this.keys = pinnedKeys(key);
      this.place = ["--checkpoint", 0];
      this.retainedNote = retainedNote(checkpoint);
      this.retained = this.retainedNote === null ? null : openCheckpoint(this.retainedNote, this.keys);
      this.place = ["--witness", 0];
      [this.witnesses, this.quorum] = witnessesOf(witness, quorum);
      this.place = ["--key", 0];
    });
  }

  read(paths) {
    if (paths.length === 0) this.refuse(fatally("no_file"), ["", 0]);
    for (const path of paths) {
      this.place = [path, 0];
      this.tries(() => this.readFile(path));
      if (this.stopped) return;
    }
  }

  readFile(path) {
    let number = 0;
    for (const raw of linesOf(path)) {
      number += 1;
      this.place = [path, number];
      this.tries(() => this.take(raw));
      if (this.report.problems.length >= MAX_PROBLEMS) throw fatally("too_many");
      if (this.stopped) return;
    }
  }

  take(raw) {
    let record = null;
    try {
      record = recordOf(raw);
    } finally {
      // A line that cannot be read still counts, and still changes the page's digest.
      if (this.page && record?.get("type") !== "manifest") {
        this.page.found += 1;
        this.page.digest.update(raw);
      }
    }
    if (record.get("type") === "manifest") this.openPage(record);
    else if (this.checkpoint === null) throw fatally("no_manifest");
    else if (record.has("type")) throw new Refused("line_type", { name: canonical(record.get("type")) });
    else this.entry(record);
  }

  openPage(record) {
    this.closePage();
    checkManifest(record);
    const first = record.get("first");
    if (this.checkpoint === null) this.openExport(record);
    else if (shared(record) !== shared(this.manifest)) throw fatally("page_differs");
    else if (first < this.due || (this.isRange() && first !== this.due)) {
      throw fatally("page_gap", { found: first, due: this.due });
    }
    if (this.keys.length) checkManifestSignature(record, this.keys);
    this.page = { count: record.get("count"), sha256: record.get("entries_sha256"), found: 0, digest: createHash("sha256") };
    this.due = first;
  }

  openExport(record) {
    let checkpoint;
    try {
      checkpoint = openCheckpoint(record.get("checkpoint"), this.keys);
    } catch (error) {
      if (error instanceof Refused) error.fatal = true;
      throw error;
    }
    for (const name of ["origin", "size"]) {
      if (record.get(name) !== checkpoint[name]) throw fatally("manifest_checkpoint", { name });
    }
    Object.assign(this, { manifest: record, checkpoint });
    if (this.retained) this.oldRoots.set(this.retained.size, null);
    if (record.has("consistency")) this.oldRoots.set(record.get("consistency").get("from"), null);
    if (this.keys.length) {
      Object.assign(this.report, { origin: checkpoint.origin, size: checkpoint.size });
      this.report.root = checkpoint.root.toString("base64");
    }
    this.noteRoot();
  }

  closePage() {
    const page = this.page;
    this.page = null;
    if (page === null) return;
    if (page.found !== page.count) this.refuse(new Refused("entries_count", { found: page.found, due: page.count }));
    if (page.digest.digest("hex") !== page.sha256) this.refuse(new Refused("entries_digest"));
  }

  isRange() {
    return this.manifest.get("filter").size === 0;
  }

  entry(record) {
    this.report.entries += 1;
    const index = record.get("index");
    const { size, root } = this.checkpoint;
    if (!natural(index)) throw new Refused("entry_malformed", { name: "index" });
    if (!isObject(record.get("leaf"))) throw new Refused("entry_malformed", { name: "leaf" });
    this.checkOrder(index, size);
    const hash = leafHash(canonical(record.get("leaf")));
    this.tree.add(hash);
    this.noteRoot();
    if (!record.has("proof")) {
      this.unproven ??= this.place;
      return;
    }
    const proof = hashesOf(record.get("proof"));
    if (proof === null) throw new Refused("entry_malformed", { name: "proof" });
    if (!rootByInclusion(hash, index, size, proof)?.equals(root)) throw new Refused("proof_wrong", { found: index });
  }

  checkOrder(index, size) {
    const { due, last } = this;
    Object.assign(this, { due: Math.max(due, index + 1), last: index });
    if (index >= size) throw new Refused("index_beyond", { found: index, due: size });
    if (index === last) throw new Refused("index_duplicate", { found: index });
    if (index < due) throw new Refused("index_order", { found: index, due });
    if (index > due && this.isRange()) throw new Refused("index_gap", { found: index, due });
  }

  noteRoot() {
    if (this.oldRoots.has(this.tree.size)) this.oldRoots.set(this.tree.size, this.tree.root());
  }

  conclude() {
    if (!this.stopped) this.closePage();
    if (this.checkpoint === null) {
      if (!this.stopped) this.refuse(new Refused("no_manifest"));
      return;
    }
    this.place = ["", 0];
    this.tries(() => this.checkWhole());
    this.tries(() => this.checkRetained());
    this.tries(() => this.checkWitnesses());
    const report = this.report;
    report.ok = report.problems.length === 0;
    report.complete &&= report.ok;
    if (report.ok) this.sayWhatItProves();
  }

  checkWhole() {
    if (this.stopped || this.report.problems.length) return;
    const found = this.report.entries;
    const { size } = this.checkpoint;
    const first = this.manifest.get("first");
    const cut = first === 0 && this.unproven !== null; // a complete export that lost its end
    const nothing = found === 0 && first < size;
    if (this.isRange() && found === size) this.checkComplete();
    else if (this.wholeLog || (this.isRange() && (nothing || cut))) throw new Refused("incomplete", { found, due: size });
    else if (this.unproven) this.refuse(new Refused("proof_missing"), this.unproven);
  }

  checkComplete() {
    if (!this.tree.root().equals(this.checkpoint.root)) throw new Refused("root_mismatch");
    this.report.complete = true;
    if (this.manifest.has("consistency")) {
      this.checkConsistency(this.oldRoots.get(this.manifest.get("consistency").get("from")));
    }
  }

  /** The manifest's own consistency proof, from a root known by another road. */
  checkConsistency(oldRoot) {
    const claimed = this.manifest.get("consistency");
    const { size, root } = this.checkpoint;
    const first = claimed.get("from");
    if (!extendsTree(first, size, oldRoot, root, hashesOf(claimed.get("proof")))) {
      throw new Refused("consistency_wrong", { due: first });
    }
  }

  checkRetained() {
    const { retained, checkpoint } = this;
    if (retained === null) return;
    if (retained.origin !== checkpoint.origin) throw new Refused("retained_origin");
    if (retained.size > checkpoint.size) throw new Refused("rollback", { found: checkpoint.size, due: retained.size });
    if (retained.size < checkpoint.size && !this.report.complete) {
      this.checkExtension();
      return;
    }
    const then = retained.size === checkpoint.size ? checkpoint.root : this.oldRoots.get(retained.size);
    if (!then.equals(retained.root)) throw new Refused("retained_fork", { due: retained.size });
  }

  /** An extract cannot rebuild the old root: its manifest must prove that the new tree extends it. */
  checkExtension() {
    const { retained } = this;
    if (this.report.problems.length || retained.size === 0) return; // the empty tree begins every tree
    if (this.manifest.get("consistency")?.get("from") !== retained.size) {
      throw new Refused("consistency_missing", { due: retained.size });
    }
    this.checkConsistency(retained.root);
  }

  /** They vouch for what the auditor retained, else for the export's own checkpoint. */
  checkWitnesses() {
    if (this.witnesses.length === 0) return;
    const found = cosigners(this.retainedNote ?? this.manifest.get("checkpoint"), this.witnesses);
    if (found < this.quorum) throw new Refused("witnesses_few", { found, due: this.quorum });
    this.notice("is_witnessed", { found, due: (this.retained ?? this.checkpoint).size });
  }

  sayWhatItProves() {
    const [found, first, due] = [this.report.entries, this.manifest.get("first"), this.checkpoint.size];
    if (this.report.complete) this.notice("is_complete", { due });
    else if (this.isRange()) this.notice("is_range", { found, first, due });
    else this.notice("is_extract", { found, due });
    if (this.retained === null) this.notice("nothing_retained");
    else if (this.retained.size < due) this.notice("after_retained", { found: due - this.retained.size });
    this.notice("view_fields");
  }
}

/** Verify one export, given as its files in order; never throws on their content. Options as in a job. */
export function verifyFiles({ files, checkpoint = null, key = null, complete = false, witness = [], quorum = null }) {
  const run = new Verification(complete);
  if (!run.opens(key || process.env.CASEWORK_LOG_KEY, checkpoint, witness, quorum)) return run.report;
  if (run.keys.length === 0) run.refuse(new Refused("unpinned_key"));
  run.read(files);
  run.conclude();
  return run.report;
}

// --- command line -------------------------------------------------------------------------------------------

function asText(report, language) {
  const place = language === "en" ? 1 : 0;
  const lines = [[["REFUSÉ", "REFUSED"], ["ACCEPTÉ", "ACCEPTED"]][Number(report.ok)][place]];
  if (report.origin !== null) {
    const [log, size, root] = [["Journal", "taille", "racine"], ["Log", "size", "root"]][place];
    lines.push(`${log} ${shown(report.origin)}, ${size} ${report.size}, ${root} ${report.root}`);
  }
  for (const each of [...report.problems, ...report.notices]) {
    const where = each.line ? `${shown(each.file).slice(1, -1)}:${each.line}: ` : each.file ? `${each.file}: ` : "";
    const code = report.problems.includes(each) ? `[${each.code}] ` : "";
    lines.push(`${where}${code}${each[["fr", "en"][place]]}`);
  }
  return `${lines.join("\n")}\n`;
}

function language() {
  const chosen = ["LC_ALL", "LC_MESSAGES", "LANG"].map((name) => process.env[name]).find(Boolean) ?? "";
  return chosen.startsWith("en") ? "en" : "fr";
}

async function batch() {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    process.stdout.write(`${JSON.stringify(verifyFiles(JSON.parse(line)))}\n`);
  }
  return 0;
}

const USAGE_LINE = "usage: node verify.mjs FILE... --key KEY [--checkpoint NOTE] [--complete] [--witness KEY]... [--quorum N] [--json] [--lang fr|en]\n";

async function main(argv) {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const options = { key: text, checkpoint: text, lang: text, witness: { ...text, multiple: true }, quorum: text, complete: flag, json: flag, batch: flag, help: { ...flag, short: "h" } };
  let given;
  try {
    given = parseArgs({ args: argv, options, allowPositionals: true });
    if (![undefined, "fr", "en"].includes(given.values.lang)) throw new TypeError("--lang fr|en");
    if (!/^-?[0-9]+$/.test(given.values.quorum ?? "1")) throw new TypeError("--quorum N");
  } catch (error) {
    process.stderr.write(`${USAGE_LINE}${error.message}\n`);
    return 2;
  }
  const { key, checkpoint, complete, json, lang, help, witness = [] } = given.values;
  const quorum = given.values.quorum === undefined ? null : Number(given.values.quorum);
  if (help) {
    process.stdout.write(USAGE_LINE);
    return 0;
  }
  if (given.values.batch) return batch();
  const report = verifyFiles({ files: given.positionals, checkpoint, key, complete, witness, quorum });
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : asText(report, lang ?? language()));
  if (report.problems.some((problem) => USAGE.has(problem.code))) return 2;
  return report.ok ? 0 : 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
