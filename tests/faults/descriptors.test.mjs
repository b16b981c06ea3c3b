// A server without descriptors left, and storms of connections.
import { connect } from "node:net";
import { assert, runAll, test } from "../interop/support.mjs";
import {
  SHORT,
  ask,
  connected,
  eventually,
  monotonic,
  say,
  serves,
  sleep,
  spread,
  startCrowd,
  startServer,
} from "./support.mjs";

const LIMIT = 64;

function open(t, port) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  t.after(async () => socket.destroy());
  return new Promise((resolve) => socket.once("connect", () => resolve(socket)));
}

// The connections complete in the kernel; the server has descriptors for some of them only.
test("out of descriptors the server rests, serves who is there, and goes on", async (t) => {
  const server = await startServer(t, [], { command: ["prlimit", `--nofile=${LIMIT}`] });
  const before = server.descriptors();
  const client = await connected(t, server.url);
  const idle = await Promise.all(Array.from({ length: 2 * LIMIT }, () => open(t, server.port)));
  await eventually(() => server.descriptors() >= LIMIT, "the descriptors to be used up");

  const [cpu, from] = [server.cpu(), monotonic()];
  while (monotonic() - from < 2000) {
    assert.equal(await ask(client, "echo", "still there"), "still there");
    await sleep(100);
  }
  const used = server.cpu() - cpu;
  const share = (100 * used) / (monotonic() - from);
  say(`full for ${monotonic() - from} ms: ${used} ms of CPU, ${share.toFixed(1)} %`);
  assert.ok(share < 5, `${share} % of the CPU while full`);

  // Who waited is served once there is room: the last that came included.
  idle.slice(0, -1).forEach((socket) => socket.destroy());
  const freed = monotonic();
  const last = idle.at(-1);
  const answered = new Promise((resolve) => last.once("data", resolve));
  last.write("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(String(await answered), /^HTTP\/1\.1 200 /);
  const took = monotonic() - freed;
  say(`accepts went on ${took} ms after descriptors were free`);
  assert.ok(took < 5000, `${took} ms`);
  await serves(t, server.url);
  client.disconnect();
  last.destroy();
  await eventually(() => server.descriptors() === before, "the descriptors to be free");
});

// One client asks on while thousands come at once.
for (const transports of ["websocket", "polling"]) {
  test(`${transports}: an open client is served through a storm of connections`, async (t) => {
    const clients = SHORT ? 200 : 1000;
    const server = await startServer(t);
    const client = await connected(t, server.url);
    const args = ["--url", server.url, "--clients", clients, "--transports", transports];
    const times = [];
    const began = monotonic();
    const crowd = startCrowd(t, args);
    let all = false;
    crowd.all().then(() => (all = true));
    while (!all) {
      const asked = performance.now();
      await ask(client, "echo", "x");
      times.push(performance.now() - asked);
    }
    const took = monotonic() - began;
    const [, median, max] = spread(times);
    const p99 = [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)];
    say(
      `${clients} connections in ${took} ms; ${times.length} echoes of an open client: ` +
        `median ${median.toFixed(1)}, p99 ${p99.toFixed(1)}, at most ${max.toFixed(1)} ms`,
    );
    assert.ok(times.length > 5, "echoes");
    assert.ok(max < 5000, `${max} ms`);
    await crowd.kill();
  });
}

// Connections that are reset before the server has taken them.
test("a storm of connections that are gone at once leaves nothing", async (t) => {
  const server = await startServer(t);
  await serves(t, server.url);
  const before = server.descriptors();
  const storm = SHORT ? 500 : 3000;
  for (let i = 0; i < storm; i += 100) {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open(t, server.port)));
    sockets.forEach((socket, n) => {
      if (n % 2 === 0) {
        socket.write("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n");
      }
      socket.resetAndDestroy();
    });
  }
  await eventually(() => server.descriptors() <= before, "the descriptors to be free");
  assert.equal((await server.metrics()).sessions, 0);
  await serves(t, server.url);
});

await runAll();
