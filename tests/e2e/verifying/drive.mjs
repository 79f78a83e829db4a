// Judges the cases on standard input by the functions of docs/webhooks.md, which lie beside this file.
import { readFileSync } from "node:fs";
import { verifyAsymmetric, verifyCryptlex, verifyStandard } from "./webhooks.mjs";

const functions = { cryptlex: verifyCryptlex, standard: verifyStandard, asymmetric: verifyAsymmetric };
const cases = JSON.parse(readFileSync(0, "utf8"));
const judge = ({ scheme, secret, headers, body }) =>
  functions[scheme](secret, headers, Buffer.from(body, "base64"));
process.stdout.write(JSON.stringify(cases.map(judge)));
