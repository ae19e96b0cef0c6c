// Reads lines of JSON: first {schema, policies}, then one request a line, with
// its entities. Answers one line each: the decision and the rules that decided.
"use strict";
const cedar = require("@cedar-policy/cedar-wasm/nodejs");
const lines = require("node:readline").createInterface({ input: process.stdin, crlfDelay: Infinity });

function messages(list) {
  return list.map((e) => (e.error ? e.error.message : e.message) + (e.help ? ` (${e.help})` : ""));
}

function prepare({ schema, policies }) {
  const set = { staticPolicies: policies };
  const checked = cedar.validate({ schema, policies: set, validationSettings: { mode: "strict" } });
  if (checked.type !== "success") return { failure: messages(checked.errors) };
  for (const answer of [cedar.preparseSchema("statement", schema), cedar.preparsePolicySet("statement", set)]) {
    if (answer.type !== "success") return { failure: messages(answer.errors) };
  }
  return {
    faults: checked.validationErrors.map((e) => `${e.policyId}: ${e.error.message}`),
    version: cedar.getCedarVersion(),
  };
}

function ask(request) {
  const answer = cedar.statefulIsAuthorized({
    ...request,
    preparsedSchemaName: "statement",
    preparsedPolicySetId: "statement",
    validateRequest: true,
  });
  if (answer.type !== "success") return { failure: messages(answer.errors) };
  const { decision, diagnostics } = answer.response;
  return { decision, reason: diagnostics.reason, faults: diagnostics.errors.map((e) => `${e.policyId}: ${e.error.message}`) };
}

let prepared = false;
lines.on("line", (line) => {
  const asked = JSON.parse(line);
  const answer = prepared ? ask(asked) : prepare(asked);
  prepared = true;
  process.stdout.write(JSON.stringify(answer) + "\n");
});
