// Transforms each XML file of a folder with the official rules, compiled to
// SEF, and says whether the verdict is what the file's name expects:
// valid-KIND-SEED passes, broken-RULE fails with that rule.
//
//   node judge.mjs UBL.sef.json CII.sef.json FOLDER
import fs from "node:fs"
import path from "node:path"
import SaxonJS from "saxon-js"

const [ubl, cii, folder] = process.argv.slice(2)
const rules = { ubl: JSON.parse(fs.readFileSync(ubl)), cii: JSON.parse(fs.readFileSync(cii)) }
const count = { valid: { ubl: [0, 0], cii: [0, 0] }, broken: { ubl: [0, 0], cii: [0, 0] } } // as expected, of all
const wrong = []

for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".xml")).sort()) {
  const [, expected, what, syntax] = /^(valid|broken)-(.*)\.(ubl|cii)\.xml$/.exec(file)
  const { principalResult } = SaxonJS.transform({
    stylesheetInternal: rules[syntax],
    sourceText: fs.readFileSync(path.join(folder, file), "utf8"),
    destination: "serialized",
  })
  const fired = [...principalResult.matchAll(/<svrl:failed-assert\b([^>]*)>/g)]
    .map(([, attributes]) => /\bid="([^"]*)"/.exec(attributes)?.[1] ?? "?")
  const asExpected = expected === "valid" ? fired.length === 0 : fired.includes(what)
  const [row] = [count[expected][syntax]]
  row[0] += asExpected ? 1 : 0
  row[1]++
  if (!asExpected) wrong.push(`${file}: ${fired.length ? "fails " + [...new Set(fired)].join(", ") : "passes"}`)
}

for (const [expected, by] of Object.entries(count)) {
  for (const [syntax, [right, all]] of Object.entries(by)) {
    console.log(`${expected === "valid" ? "valid" : "refused with the rule expected"}, ${syntax.toUpperCase()}: ${right} of ${all}`)
  }
}
for (const line of wrong.slice(0, 50)) console.error(line)
process.exit(wrong.length ? 1 : 0)
