// Many clients of one program lose their server again and again: all come back, each in its own
// time, and with recovery nothing is lost or comes twice. SIO_RESTARTS says how often, SIO_CLIENTS
// how many there are; the full measure is 100 and 200.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Server } from "socket.io";
import { assert, launch, runAll, same, startOther, test, within } from "./support.mjs";

const RESTARTS = Number(process.env.SIO_RESTARTS ?? 8);
const CLIENTS = Number(process.env.SIO_CLIENTS ?? 200);
const BOUND_MS = 40000 + 5000 * RESTARTS;
const [DELAY, DELAY_MAX] = [100, 500]; // as in crowd.c

const here = dirname(fileURLToPath(import.meta.url));

function socketPath(t) {
  const dir = mkdtempSync(join(tmpdir(), "sio-restart-"));
  t.after(async () => rmSync(dir, { recursive: true }));
  return join(dir, "socket");
}

class Crowd {
  #waiting;
  #seen = 0;

  constructor(t, path, transports) {
    const args = [path, String(CLIENTS), transports];
    this.program = launch(t, "tests/interop/interop-crowd", args);
    this.program.child.stdout.on("data", () => this.#look());
    this.program.ended.then(() => this.#look());
  }

  #look() {
    const times = this.program.output.match(/^ALL$/gm)?.length ?? 0;
    if (times > this.#seen) {
      this.#seen = times;
      this.#waiting?.();
    }
  }

  // Resolves when all are connected the next time.
  async all() {
    const connected = new Promise((resolve) => {
      this.#waiting = resolve;
    });
    await within(connected, `${CLIENTS} clients to connect`);
  }

  // What the delays before the attempts were: [attempt, count, min, max, mean].
  async end() {
    this.program.child.kill("SIGTERM");
    assert.equal(await within(this.program.ended, "the crowd to end"), 0, "status");
    const lines = this.program.output.matchAll(/^DELAYS (.*)$/gm);
    return [...lines].map(([, numbers]) => numbers.split(" ").map(Number));
  }
}

// Twice as long for each attempt, half of it more or less, and never more than the maximum.
function checkSpread(delays, draws) {
  for (const [attempt, count, min, max, mean] of delays.filter(([, n]) => n > 0)) {
    const base = DELAY * 2 ** (attempt - 1);
    const what = `attempt ${attempt}: ${count} delays of ${min} to ${max}, on average ${mean}`;
    console.log(`# ${what}`);
    assert.ok(min >= Math.min(base / 2, DELAY_MAX) - 1 && max <= Math.min(base * 1.5, DELAY_MAX), what);
  }
  const [, count, min, max, mean] = delays[0];
  assert.ok(count >= draws, `${count} delays before a first attempt`);
  // Of so many draws some are near the ends.
  assert.ok(min < DELAY * 0.6 && max > DELAY * 1.4, `from ${min} to ${max}`);
  assert.ok(mean > DELAY * 0.9 && mean < DELAY * 1.1, `on average ${mean}`);
}

function startKillable(t, path) {
  return startOther(t, process.execPath, [join(here, "restart_server.mjs"), path]);
}

for (const transports of ["websocket", "polling,websocket"]) {
  test(`${transports}: the server is killed and started again`, async (t) => {
    const path = socketPath(t);
    const crowd = new Crowd(t, path, transports);
    let connected = crowd.all();
    let server = startKillable(t, path);
    await connected;
    for (let i = 0; i < RESTARTS; i++) {
      connected = crowd.all();
      server.child.kill("SIGKILL");
      await within(server.ended, "the server's end");
      rmSync(path, { force: true });
      server = startKillable(t, path);
      await connected;
    }
    console.log(`# ${RESTARTS} restarts, ${CLIENTS} clients`);
    checkSpread(await crowd.end(), RESTARTS * CLIENTS);
  }, BOUND_MS);
}

// Of each client: the events it got, those of them that were wrong, connections, recoveries.
async function reports(io) {
  const sockets = [...io.of("/").sockets.values()].filter((socket) => socket.connected);
  same(sockets.length, CLIENTS);
  const ask = (socket) =>
    new Promise((resolve) => socket.emit("report", (...report) => resolve(report)));
  return within(Promise.all(sockets.map(ask)), "the reports");
}

// The server stays, all connections are cut at once while it sends.
async function cutAndRecover(t, transports) {
  const path = socketPath(t);
  const http = createServer();
  const connections = new Set();
  http.on("connection", (connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    connection.on("error", () => {});
  });
  const io = new Server(http, { serveClient: false, connectionStateRecovery: {} });
  t.after(async () => {
    io.close();
    connections.forEach((connection) => connection.destroy());
  });
  await within(new Promise((resolve) => http.listen(path, resolve)), "the server to listen");
  // Between two polls a session has no connection that could be cut.
  const cut = () =>
    transports === "polling"
      ? Object.values(io.engine.clients).forEach((session) => session.close())
      : connections.forEach((connection) => connection.destroy());
  const crowd = new Crowd(t, path, transports);
  await crowd.all();
  // A session can be continued once it has an offset, which comes with its first event.
  io.emit("n", 0);
  await reports(io);
  let n = 1;
  const ticks = setInterval(() => io.emit("n", n++), 10);
  t.after(async () => clearInterval(ticks));
  for (let i = 0; i < RESTARTS; i++) {
    const connected = crowd.all();
    cut();
    await connected;
  }
  clearInterval(ticks);
  for (const report of await reports(io)) {
    same(report, [n, 0, RESTARTS + 1, RESTARTS]);
  }
  console.log(`# ${RESTARTS} cuts, ${CLIENTS} clients, ${n} events each`);
  await crowd.end();
}

for (const transports of ["websocket", "polling"]) {
  const run = (t) => cutAndRecover(t, transports);
  test(`${transports}: connections are cut and recovered`, run, BOUND_MS);
}

await runAll();
