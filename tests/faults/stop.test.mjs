// A server that is told to stop, and programs that get no more memory.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { assert, certificate, runAll, test } from "../interop/support.mjs";
import {
  MODES,
  SHORT,
  ask,
  connected,
  eventually,
  monotonic,
  rawPeer,
  say,
  serves,
  sleep,
  startCrowd,
  startProxy,
  startServer,
} from "./support.mjs";

const DEADLINE_MS = 5000;
const [EVENTS, BYTES] = [50, 20000]; // 1 MB

// Leaks end it with 99. The suppressions are those of the unit tests.
const VALGRIND = [
  "valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
  "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=99",
  `--suppressions=${new URL("../valgrind.supp", import.meta.url).pathname}`, // prettier-ignore
];

// What is queued for slow clients still reaches them; new ones are refused; then it ends with 0.
async function stopped(t, transports, tls, command) {
  const files = tls ? certificate(t) : undefined;
  const secure = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
  const args = ["--close", String(DEADLINE_MS), ...secure];
  const server = await startServer(t, args, { command });
  const proxy = await startProxy(t, server.port);
  const url = server.url.replace(server.port, proxy.port);
  const client = await connected(t, url, { transports: transports.split(",") });
  const fast = await connected(t, server.url);
  await ask(client, "join", "some");
  if (transports === "polling,websocket") {
    const { engine } = client.io;
    await eventually(() => engine.transport.name === "websocket", "the upgrade");
  }
  await sleep(200); // who polls has a poll waiting
  await proxy.tell("rate 800000");
  const seen = [];
  client.on("data", (i) => seen.push(i));
  const reasons = { client: undefined, fast: undefined };
  client.on("disconnect", (reason) => (reasons.client = reason));
  fast.on("disconnect", (reason) => (reasons.fast = reason));
  await server.tell(`flood ${EVENTS} ${BYTES}`);
  const told = monotonic();
  await server.stop(60000);
  const took = monotonic() - told;
  await eventually(() => reasons.client && reasons.fast, "both to know");
  say(`${transports}: ${seen.length} of ${EVENTS} events arrived, ended after ${took} ms`);
  assert.deepEqual(seen, Array.from({ length: EVENTS }, (_, i) => i));
  await assert.rejects(connected(t, server.url, { transports: ["polling"] }));
}

for (const transports of MODES) {
  for (const tls of [false, true]) {
    test(`${transports}, ${tls ? "TLS" : "TCP"}: what is queued is flushed at the end`, (t) =>
      stopped(t, transports, tls, []));
  }
}

if (!SHORT) {
  for (const transports of MODES) {
    test(`${transports}: the same under valgrind: nothing is leaked`, (t) =>
      stopped(t, transports, true, VALGRIND), 120000);
  }
}

// The next poll comes after SIGTERM, over the connection that there is.
test("a client between two polls gets what is queued", async (t) => {
  const server = await startServer(t, ["--close", String(DEADLINE_MS)]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(async () => agent.destroy());
  const call = (method, query, body) =>
    new Promise((resolve, reject) => {
      const path = `/socket.io/?EIO=4&transport=polling${query}`;
      const sent = request({ agent, port: server.port, method, path }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const { sid } = JSON.parse((await call("GET", "")).slice(1));
  await call("POST", `&sid=${sid}`, "40");
  assert.match(await call("GET", `&sid=${sid}`), /^40/);
  await server.tell("flood 20 1000");
  server.signal("SIGTERM");
  await assert.rejects(connected(t, server.url, { transports: ["websocket"] }));
  const packets = (await call("GET", `&sid=${sid}`)).split("\x1e");
  say(`between two polls: ${packets.length} packets`);
  assert.equal(packets.filter((packet) => packet.startsWith('42["data",')).length, 20);
  assert.equal(await server.status(), 0);
});

test("who does not read keeps the server until the deadline, no longer", async (t) => {
  const server = await startServer(t, ["--close", "700"]);
  const peers = await Promise.all(Array.from({ length: 5 }, () => rawPeer(t, server.port)));
  peers.forEach((peer) => peer.pause());
  await sleep(50);
  for (let i = 0; i < 4; i++) {
    await server.tell(`flood ${EVENTS} ${BYTES}`);
  }
  const told = monotonic();
  await server.stop();
  const took = monotonic() - told;
  say(`ended after ${took} ms with a deadline of 700`);
  assert.ok(took >= 600 && took < 5000, `${took} ms`);
});

test("a second SIGTERM and clients that come meanwhile change nothing", async (t) => {
  const server = await startServer(t, ["--close", "1500"]);
  const peer = await rawPeer(t, server.port);
  peer.pause();
  await sleep(50);
  for (let i = 0; i < 4; i++) {
    await server.tell(`flood ${EVENTS} ${BYTES}`);
  }
  server.signal("SIGTERM");
  await assert.rejects(connected(t, server.url));
  assert.equal(await server.status(), 0);
});

// ---- no more memory ----

const addressSpace = (pid) =>
  1024 * Number(/^VmSize:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

function limitMemory(pid, more) {
  execFileSync("prlimit", ["--pid", String(pid), `--as=${addressSpace(pid) + more}:`]);
}

// The sanitizers need more address space than there is for this.
if (!SHORT) {
  test("a server without memory serves whom it can, and all when there is some again", async (t) => {
    const server = await startServer(t, ["--max-queued", String(64 << 20)]);
    const client = await connected(t, server.url);
    const peers = await Promise.all(Array.from({ length: 10 }, () => rawPeer(t, server.port)));
    peers.forEach((peer) => peer.pause());
    await sleep(100);
    limitMemory(server.pid, 3 << 20);
    for (let i = 0; i < 60; i++) {
      await server.tell(`flood 1 ${1000 * (i + 400)}`);
      assert.ok(!server.gone, "the server ended");
    }
    // New ones may be refused or cut, but it must not take the server along.
    const args = ["--url", server.url, "--clients", 3000, "--transports", "websocket"];
    const crowd = startCrowd(t, args);
    await sleep(2500);
    const { count } = await reached(server);
    await crowd.kill();
    peers.forEach((peer) => peer.destroy());
    client.disconnect();
    await eventually(async () => {
      const counters = await server.metrics().catch(() => ({}));
      return counters.sessions === 0;
    }, "the sessions to be gone");
    await serves(t, server.url);
    say(`${count} sessions in the rest of 3 MiB (?: no memory to say); the server lives and serves`);
  }, 120000);

  test("a client without memory lives, and connects when there is some again", async (t) => {
    const server = await startServer(t, ["--max-queued", String(64 << 20)]);
    const crowd = startCrowd(t, ["--url", server.url, "--clients", 20]);
    await crowd.all();
    limitMemory(crowd.pid, 1 << 20);
    for (let i = 0; i < 20; i++) {
      await server.tell(`flood 1 ${900000 + i * 100000}`);
      assert.ok(!crowd.gone, "the crowd ended");
    }
    await sleep(500);
    const { disconnects_total: lost } = await server.metrics();
    execFileSync("prlimit", ["--pid", String(crowd.pid), "--as=unlimited:"]);
    const are = () => crowd.output.match(/^STAT .*$/gm)?.at(-1)?.includes(" connected 20 ");
    await eventually(are, "all to be back");
    say(`${lost} connections ended for want of memory, all are back`);
    await crowd.kill();
  });
}

// How many sessions there are, as far as the server has the memory to say.
async function reached(server) {
  const counters = await server.metrics().catch(() => ({ sessions: "?" }));
  return { count: counters.sessions ?? "?" };
}

await runAll();
