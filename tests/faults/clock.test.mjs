// The wall clock jumps, as when a machine learns the time. Nothing depends on it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, runAll, same, test } from "../interop/support.mjs";
import { SHIM, ask, connected, eventually, folder, say, sleep, startCrowd, startServer } from "./support.mjs";

const HOUR = 3600;
const PINGS = ["--ping-interval", "200", "--ping-timeout", "2000"];

// A clock that is off by what set() says, for the programs started with `how`.
function clock(t) {
  const file = join(folder(t), "offset");
  const set = (seconds) => writeFileSync(file, String(seconds));
  set(0);
  return { set, how: { env: { ...SHIM, SHIM_CLOCK: file } } };
}

for (const offset of [HOUR, -HOUR, 24 * 365 * HOUR, -24 * 365 * HOUR]) {
  test(`the clock of both sides jumps by ${offset / HOUR} hours: nobody is disconnected`, async (t) => {
    const { set, how } = clock(t);
    const server = await startServer(t, ["--say", "--down", "50", ...PINGS], how);
    const crowd = startCrowd(t, ["--url", server.url, "--clients", 6, "--every", 50], how);
    await crowd.all();
    const issued = await issuedAt(t, server);
    set(offset);
    await sleep(700); // some heartbeats
    // So that it is known that the program believes the clock.
    const jumped = Math.round(((await issuedAt(t, server)) - issued) / 1000);
    assert.ok(Math.abs(jumped - offset) < 30, `the clock has jumped by ${jumped} s`);
    set(0);
    await sleep(700);
    const total = await crowd.total();
    same([total.disconnects, total.lost, total.wrong], ["0", "0 0", "0 0"]);
  });
}

// When the server says that a handshake came.
async function issuedAt(t, server) {
  const client = await connected(t, server.url);
  const issued = await ask(client, "issued");
  client.disconnect();
  return issued;
}

test("the client's back-off does not follow the clock", async (t) => {
  const { set, how } = clock(t);
  const server = await startServer(t, PINGS);
  const crowd = startCrowd(t, ["--url", server.url, "--clients", 6, "--every", 50], how);
  await crowd.all();
  const are = (count) => crowd.output.match(/^STAT .*$/gm)?.at(-1)?.includes(` connected ${count} `);
  for (const offset of [-HOUR, HOUR]) {
    await eventually(() => are(6), "all to be there");
    server.signal("SIGSTOP");
    await eventually(() => are(0), "all to be lost");
    set(offset);
    server.signal("SIGCONT");
    await crowd.all();
  }
  say(JSON.stringify(await crowd.total()));
});

await runAll();
