// Clients that do not read, among one that does.
import { request } from "node:http";
import { assert, certificate, runAll, test } from "../interop/support.mjs";
import {
  SHORT,
  ask,
  connected,
  eventually,
  rawPeer,
  say,
  serves,
  sleep,
  startServer,
} from "./support.mjs";

const CAP = 1000000;
const SLOW = 10;
const [ROUNDS, EVENTS, BYTES] = [SHORT ? 40 : 200, 25, 20000]; // half a MB in each round

// A client of long-polling that joins, and then never polls again.
async function pollsOnce(port) {
  const call = (method, path, body) =>
    new Promise((resolve, reject) => {
      const options = { port, host: "127.0.0.1", method, path: `/socket.io/?EIO=4&transport=polling${path}` };
      const sent = request({ ...options, agent: false }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const { sid } = JSON.parse((await call("GET", "")).slice(1));
  assert.equal(await call("POST", `&sid=${sid}`, "40"), "ok");
  assert.match(await call("GET", `&sid=${sid}`), /^40/);
}

// The queue of each holds no more than its cap; nobody else waits for them.
async function flooded(t, join, expected) {
  const server = await startServer(t, ["--max-queued", String(CAP)]);
  const client = await connected(t, server.url);
  const seen = [];
  let wrong = 0;
  client.on("data", (i, text) => {
    wrong += i !== seen.length % EVENTS || text.length !== BYTES ? 1 : 0;
    seen.push(i);
  });
  await Promise.all(Array.from({ length: SLOW }, () => join(server.port)));
  const before = server.memory();
  const times = [];
  let [queued, memory] = [0, 0];
  for (let i = 0; i < ROUNDS; i++) {
    const flood = server.tell(`flood ${EVENTS} ${BYTES}`);
    const asked = performance.now();
    await ask(client, "echo", i);
    times.push(performance.now() - asked);
    await flood;
    memory = Math.max(memory, server.memory());
    if (i % 10 === 0) {
      queued = Math.max(queued, (await server.metrics()).queue_bytes_max);
    }
  }
  await eventually(() => seen.length === ROUNDS * EVENTS, "the client to get all of it");
  assert.equal(wrong, 0, "events in disorder");
  const counters = await server.metrics();
  queued = Math.max(queued, counters.queue_bytes_max);
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)];
  say(
    `${ROUNDS / 2} MB sent to ${SLOW} that do not read: ${counters.slow_closed_total} closed, at most ` +
      `${queued} bytes queued for one, memory +${memory - before} KiB; echo of another client ` +
      `median ${times[times.length >> 1].toFixed(1)}, p99 ${p99.toFixed(1)} ms`,
  );
  assert.equal(counters.slow_closed_total, expected);
  assert.equal(counters.peers, 1);
  assert.ok(queued <= CAP, `${queued} bytes queued`);
  if (!SHORT) {
    assert.ok(memory - before < 2 * SLOW * (CAP / 1024) + 4096, `${memory - before} KiB more`);
  }
  assert.ok(p99 < 2000, `${p99} ms`);
  client.disconnect();
  await serves(t, server.url);
}

test("WebSockets that do not read are closed at their cap, and others are served", async (t) => {
  const join = async (port) => (await rawPeer(t, port)).pause();
  await flooded(t, join, SLOW);
});

test("clients that poll no more are closed at their cap, and others are served", async (t) => {
  await flooded(t, pollsOnce, SLOW);
});

// What a slow client has asked for is not lost as long as it stays below the cap.
for (const tls of [false, true]) {
  test(`${tls ? "TLS" : "TCP"}: who pauses below the cap gets all of it, in order`, async (t) => {
    const files = tls ? certificate(t) : undefined;
    const args = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
    const server = await startServer(t, [...args, "--sndbuf", "4096"]);
    const client = await connected(t, server.url);
    const socket = client.io.engine.transport.ws._socket;
    const seen = [];
    client.on("data", (i, text) => seen.push(i === seen.length % EVENTS && text.length));
    for (let i = 0; i < 5; i++) {
      socket.pause();
      await server.tell(`flood ${EVENTS} ${BYTES}`);
      await sleep(50);
      socket.resume();
      await eventually(() => seen.length === (i + 1) * EVENTS, "all of it");
    }
    assert.ok(seen.every((length) => length === BYTES));
  });
}

await runAll();
