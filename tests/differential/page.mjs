// docs/internals/differences.md holds the same list for people. `node page.mjs` writes its tables anew.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../docs/internals/differences.md", import.meta.url));
const START = "<!-- written by tests/differential/page.mjs -->";

export const row = ({ name, subjects, why }) => `| ${name} | ${why} | ${subjects.join(", ")} |`;

/** Whether the page has this difference as the list has it. */
export const isOnPage = (difference) => readFileSync(PAGE, "utf8").includes(row(difference) + "\n");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { DIFFERENCES } = await import("./differences.mjs");
  const before = readFileSync(PAGE, "utf8");
  const head = before.slice(0, before.indexOf(START) + START.length);
  const table = ["| ours | why, and what the reference does | test |", "| --- | --- | --- |", ...DIFFERENCES.map(row)];
  writeFileSync(PAGE, `${head}\n\n${table.join("\n")}\n`);
}
