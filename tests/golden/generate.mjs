// Writes the golden vectors. For maintainers, by hand:
//   cd tests/golden && npm ci --ignore-scripts && node generate.mjs
// The same packages give the same bytes; `node generate.mjs --check` only compares.
import { readFileSync, writeFileSync } from "node:fs";
import * as eio from "./eio.mjs";
import * as msgpack from "./msgpack.mjs";
import * as sio from "./sio.mjs";

const files = {
  "eio4.txt": eio.generate(4),
  "eio3.txt": eio.generate(3),
  "sio5.txt": sio.generate(5),
  "sio4.txt": sio.generate(4),
  "msgpack.txt": msgpack.generate(),
};

const check = process.argv[2] === "--check";
let different = 0;
for (const [name, vectors] of Object.entries(files)) {
  const path = new URL(name, import.meta.url);
  if (!check) {
    writeFileSync(path, vectors.toString());
  } else if (readFileSync(path, "utf8") !== vectors.toString()) {
    different++;
  }
  console.log(`${name}: ${vectors.names.size} vectors`);
}
if (different > 0) {
  console.error(`${different} files differ from what the packages give`);
  process.exitCode = 1;
}
