// Puts published vectors to the verifier's own functions; tests/audit/test_verify_vectors.py judges the answers.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const verifier = await import(pathToFileURL(process.argv[2]));
const asked = JSON.parse(readFileSync(0, "utf8"));
const bytes = (hex) => Buffer.from(hex, "hex");
const hashes = (list) => list.map(bytes);

const QUESTIONS = {
  roots: (leaves) => {
    const tree = new verifier.Tree();
    return [tree.root(), ...leaves.map((leaf) => (tree.add(verifier.leafHash(bytes(leaf))), tree.root()))];
  },
  inclusion: (list) =>
    list.map(({ leaf, index, size, proof }) => verifier.rootByInclusion(bytes(leaf), index, size, hashes(proof))),
  consistency: (list) =>
    list.map(({ first, size, proof, before, after }) =>
      verifier.extendsTree(first, size, bytes(before), bytes(after), hashes(proof))),
  notes: (list) =>
    list.map(({ text, vkeys }) => {
      const { body, signatures } = verifier.noteParts(text);
      return { body, names: [...verifier.vouching(body, signatures, vkeys.map((key) => verifier.verifierKey(key)))] };
    }),
  cosigners: (list) =>
    list.map(({ text, vkeys }) => {
      try {
        return verifier.cosigners(text, vkeys.map((key) => verifier.verifierKey(key, 4)));
      } catch (error) {
        return error.code;
      }
    }),
  keys: (list) => list.map((text) => verifier.verifierKey(text) !== null),
};
const shown = (_, value) => (value?.type === "Buffer" ? Buffer.from(value.data).toString("hex") : value);
process.stdout.write(JSON.stringify(QUESTIONS[process.argv[3]](asked), shown));
