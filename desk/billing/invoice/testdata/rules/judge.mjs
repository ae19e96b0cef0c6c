// Transforms each XML file of a folder with the official rules, compiled to
// SEF, and says whether the verdict is what the file's name expects:
// valid-KIND-SEED passes, broken-RULE fails with that rule.
//
//   node judge.mjs UBL.sef.json CII.sef.json FOLDER
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

if (isMainThread) {
  const [ubl, cii, folder] = process.argv.slice(2)
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".xml")).sort()
  const threads = Math.min(4, os.availableParallelism())
  const verdicts = (await Promise.all(Array.from({ length: threads }, (_, i) => {
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: { ubl, cii, files: names.filter((_, at) => at % threads === i).map((name) => path.join(folder, name)) },
    })
    return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))
  }))).flat()

  for (const expected of ["valid", "broken"]) {
    for (const syntax of ["ubl", "cii"]) {
      const these = verdicts.filter((v) => v.expected === expected && v.syntax === syntax)
      const what = expected === "valid" ? "valid" : "refused with the rule expected"
      console.log(`${what}, ${syntax.toUpperCase()}: ${these.filter((v) => v.right).length} of ${these.length}`)
    }
  }
  const wrong = verdicts.filter((v) => !v.right)
  for (const v of wrong.slice(0, 50)) console.error(`${v.name}: ${v.fired.length ? "fails " + v.fired.join(", ") : "passes"}`)
  process.exit(wrong.length || !verdicts.length ? 1 : 0)
} else {
  const { default: SaxonJS } = await import("saxon-js")
  const rules = { ubl: JSON.parse(fs.readFileSync(workerData.ubl)), cii: JSON.parse(fs.readFileSync(workerData.cii)) }
  parentPort.postMessage(workerData.files.map((file) => {
    const name = path.basename(file)
    const [, expected, rule, syntax] = /^(valid|broken)-(.*)\.(ubl|cii)\.xml$/.exec(name)
    const { principalResult } = SaxonJS.transform({
      stylesheetInternal: rules[syntax],
      sourceText: fs.readFileSync(file, "utf8"),
      destination: "serialized",
    })
    const fired = [...new Set([...principalResult.matchAll(/<svrl:failed-assert\b([^>]*)>/g)]
      .map(([, attributes]) => /\bid="([^"]*)"/.exec(attributes)?.[1] ?? "?"))]
    // What is no report of the rules at all has passed nothing.
    const judged = principalResult.includes("<svrl:fired-rule")
    return { name, expected, syntax, fired, right: judged && (expected === "valid" ? fired.length === 0 : fired.includes(rule)) }
  }))
}
