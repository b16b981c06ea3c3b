// Peers that die, that stop, and that are written to after they are gone.
import { assert, certificate, runAll, test } from "../interop/support.mjs";
import {
  MODES,
  SHORT,
  connected,
  eventually,
  monotonic,
  say,
  serves,
  sleep,
  spread,
  startCrowd,
  startProxy,
  startServer,
} from "./support.mjs";

const CROWD = 250;
const ROUNDS = SHORT ? 1 : 2;
const SINGLE = SHORT ? 3 : 10;

// Each on its own; typically within 100 ms. The bound is for loaded machines.
for (const transports of MODES) {
  test(`${transports}: the server learns at once that a client was killed`, async (t) => {
    const server = await startServer(t, ["--say"]);
    const times = [];
    for (let i = 0; i < SINGLE; i++) {
      const from = server.output.length;
      const crowd = startCrowd(t, ["--url", server.url, "--transports", transports]);
      await crowd.all();
      await sleep(300); // between two polls only the heartbeat would tell
      const killed = monotonic();
      await crowd.kill();
      const seen = await server.sees(/^DISCONNECT (\d+) \S+ (.*)$/m, "the disconnect", from);
      times.push(Number(seen[1]) - killed);
      assert.match(seen[2], /^transport (close|error)$/);
    }
    const [min, median, max] = spread(times);
    say(`${transports}: known ${min} to ${max} ms after the kill, median ${median}`);
    assert.ok(max < 2000, `${max} ms`);
  });
}

// 1,500 connections in rooms, killed 250 at a time: nothing of them is left.
test("after many kills there is no session, no peer, no room and no descriptor left", async (t) => {
  const server = await startServer(t);
  await serves(t, server.url);
  const before = await idle(server);
  let kills = 0;
  for (let i = 0; i < ROUNDS; i++) {
    for (const transports of MODES) {
      const args = ["--url", server.url, "--clients", CROWD, "--transports", transports];
      const crowd = startCrowd(t, args);
      await crowd.all();
      await eventually(async () => (await server.metrics()).rooms === CROWD, "all to be in rooms");
      // Who polls is seen to go while a poll waits, or else by the heartbeat.
      await sleep(500);
      const killed = monotonic();
      await crowd.kill();
      kills += CROWD;
      await eventually(async () => (await server.metrics()).peers === 0, "all to be gone");
      say(`${transports}: ${CROWD} gone ${monotonic() - killed} ms after the kill`);
    }
  }
  const after = await idle(server);
  say(`${kills} kills; descriptors ${before.fds} before, ${after.fds} after`);
  assert.equal(after.fds, before.fds);
  for (const name of ["sessions", "peers", "rooms", "queued_bytes", "queued_messages"]) {
    assert.equal(after.counters[name], 0, name);
  }
  assert.equal(after.counters.disconnects_total - before.counters.disconnects_total, kills);
  await serves(t, server.url);
});

// The counters without sessions, and the descriptors that the server has then.
async function idle(server) {
  return eventually(async () => {
    const counters = await server.metrics();
    // That of the question itself is one of the connections, until the answer is there.
    const settled = counters.sessions === 0 && counters.connections_open <= 1;
    await sleep(50);
    return settled && { counters, fds: server.descriptors() };
  }, "the server to have nothing open");
}

// With SIGPIPE as the system has it, writing to a connection that was reset must not kill.
for (const tls of [false, true]) {
  const scheme = tls ? "TLS" : "TCP";

  test(`${scheme}: the server writes to peers that were reset`, async (t) => {
    const files = tls ? certificate(t) : undefined;
    const args = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
    const server = await startServer(t, args);
    const proxy = await startProxy(t, server.port);
    const url = server.url.replace(server.port, proxy.port);
    for (const manner of ["reset", "close", "half"]) {
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => connected(t, url, { transports: ["websocket"] })),
      );
      // Nothing of it is read before the end, so that the writing goes on into the dead ones.
      await proxy.tell("now stall");
      await Promise.all([
        server.tell("flood 200 5000"),
        proxy.tell(`now ${manner}`),
        server.tell("flood 200 5000"),
      ]);
      await server.tell("flood 200 5000");
      clients.forEach((client) => client.disconnect());
      assert.ok(!server.gone, `the server ended with ${await Promise.race([server.ended, 0])}`);
    }
    await serves(t, server.url);
  });

  test(`${scheme}: the client writes to servers that were reset`, async (t) => {
    const files = tls ? certificate(t) : undefined;
    const args = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
    const server = await startServer(t, args);
    const proxy = await startProxy(t, server.port);
    const url = server.url.replace(server.port, proxy.port);
    const crowd = startCrowd(t, ["--url", url, "--clients", 30, "--every", 20, "--insecure"]);
    await crowd.all();
    for (const manner of ["reset", "close", "half", "reset"]) {
      await proxy.tell("now stall");
      await sleep(50);
      await proxy.tell(`now ${manner}`);
      await crowd.all();
    }
    say(`${scheme}: ${JSON.stringify(await crowd.total())}`);
  });
}

// Pings every 300 ms, 3 s for the answer: who stops for one second stays, for six does not.
const PING = ["--ping-interval", "300", "--ping-timeout", "3000"];
const STOPPED = 20;

for (const who of ["client", "server"]) {
  test(`a ${who} that is stopped within the ping window loses nothing`, async (t) => {
    const server = await startServer(t, ["--say", ...PING]);
    const crowd = startCrowd(t, ["--url", server.url, "--clients", STOPPED, "--every", 100]);
    await crowd.all();
    const stopped = who === "client" ? crowd : server;
    stopped.signal("SIGSTOP");
    await sleep(1000);
    stopped.signal("SIGCONT");
    await sleep(1000);
    assert.equal(server.count(/^DISCONNECT/gm), 0, "disconnects");
    const total = await crowd.total();
    assert.equal(total.disconnects, "0");
  });
}

test("a client that is stopped for longer is ended once, and comes back", async (t) => {
  const server = await startServer(t, ["--say", ...PING]);
  const crowd = startCrowd(t, ["--url", server.url, "--clients", STOPPED, "--every", 100]);
  await crowd.all();
  crowd.signal("SIGSTOP");
  const stopped = monotonic();
  const ends = () => server.count(/^DISCONNECT \d+ \S+ ping timeout$/gm);
  await eventually(() => ends() === STOPPED, "the ping timeouts");
  const took = monotonic() - stopped;
  say(`stopped clients were given up after ${took} ms with 300/3000`);
  assert.ok(took > 2500, `${took} ms`);
  crowd.signal("SIGCONT");
  await crowd.all();
  await sleep(500);
  assert.equal(server.count(/^DISCONNECT/gm), STOPPED, "each ended once");
  const total = await crowd.total();
  assert.equal(total.disconnects, String(STOPPED));
});

test("a server that is stopped for longer is left once, and found again", async (t) => {
  const server = await startServer(t, ["--say", ...PING]);
  const crowd = startCrowd(t, ["--url", server.url, "--clients", STOPPED, "--every", 100]);
  await crowd.all();
  server.signal("SIGSTOP");
  const lost = () => crowd.output.match(/^STAT .* disconnects (\d+)/gm)?.at(-1)?.endsWith(` ${STOPPED}`);
  await eventually(() => lost() === true, "the clients to give up");
  server.signal("SIGCONT");
  await crowd.all();
  await eventually(() => server.count(/^DISCONNECT/gm) === STOPPED, "the server to see it");
  const total = await crowd.total();
  assert.equal(total.disconnects, String(STOPPED));
});

await runAll();
