// The WebSocket of an upgrade is cut at every stage of it, in every way, while events go both ways:
// the session goes on with polling and has lost nothing, or it ends, once on each side.
import { assert, runAll, test } from "../interop/support.mjs";
import { Member, startLedgerServer } from "./ledger.mjs";
import { SHORT, eventually, monotonic, say, sleep, startCrowd, startProxy, startServer } from "./support.mjs";

const SEED = Number(process.env.SIO_SEED ?? Date.now() % 1000000);
const AT_ONCE = 14; // cuts that are tried side by side, waiting mostly
const STEP = SHORT ? 40 : 10;
const PING = { pingInterval: 300, pingTimeout: 1500 };
const PINGS = ["--ping-interval", "300", "--ping-timeout", "1500"];
const DOWN_MS = 15;
const UP_MS = 10;

// Requests of an upgrade are shorter than that, and so is what comes back, with the first messages.
const REACH = { up: 480, down: 320 };

// Offsets that differ from run to run; the seed is printed.
function* cuts() {
  let state = SEED;
  const draw = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  for (const [direction, reach] of Object.entries(REACH)) {
    for (const [i, manner] of ["reset", "close", "half", "silent"].entries()) {
      const step = STEP * [1, 3, 4, 5][i];
      for (let at = 0; at < reach; at += step) {
        yield { direction, manner, at: at + draw(step) };
      }
    }
  }
}

// Tries all cuts, some at a time, on the first WebSocket of each client; `attempt(proxy)` resolves
// with the disconnects of the clients.
async function eachCut(t, port, clients, attempt) {
  const rest = [...cuts()];
  const tried = { cuts: rest.length, ended: 0, disconnects: 0 };
  const work = async () => {
    const proxy = await startProxy(t, port);
    await proxy.tell("match transport=websocket");
    for (let cut = rest.shift(); cut !== undefined; cut = rest.shift()) {
      await proxy.tell(`manner ${cut.manner}`);
      await proxy.tell(`${cut.direction === "up" ? "down" : "up"} -1`);
      await proxy.tell(`${cut.direction} ${cut.at}`);
      await proxy.tell(`times ${clients}`);
      try {
        const disconnects = await attempt(t, proxy);
        tried.disconnects += disconnects;
        tried.ended += disconnects > 0 ? 1 : 0;
      } catch (error) {
        say(`${JSON.stringify(cut)}, seed ${SEED}`);
        throw error;
      }
    }
  };
  const began = monotonic();
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  say(
    `${tried.cuts} cuts, seed ${SEED}: the session went on after ${tried.cuts - tried.ended}, ` +
      `ended ${tried.disconnects} times after the others; ${monotonic() - began} ms`,
  );
  // Those before the upgrade has happened.
  assert.ok(tried.cuts - tried.ended > tried.cuts / 3, "sessions that went on");
  return tried;
}

let first = 0;

// Two clients of ours, one of which sends again what is not acknowledged.
async function ours(t, proxy) {
  const url = `http://127.0.0.1:${proxy.port}`;
  const args = ["--url", url, "--clients", 2, "--first", (first += 2), "--every", UP_MS];
  const crowd = startCrowd(t, [...args, "--transports", "polling,websocket"]);
  await crowd.all();
  await sleep(250);
  const total = await crowd.total();
  assert.equal(Number(total.connects), Number(total.disconnects) + 2, "ends of our clients");
  return Number(total.disconnects);
}

async function theirs(t, proxy) {
  const url = `http://127.0.0.1:${proxy.port}`;
  const options = { transports: ["polling", "websocket"] };
  const member = new Member(t, url, options, UP_MS);
  await eventually(() => member.socket.connected, "the client to connect");
  await sleep(250);
  await member.finish();
  return member.disconnects;
}

// Each connection that the server saw begin ended once. A client may not have learnt of some.
async function agree({ cuts: count, disconnects }, clients, connects, ends) {
  await eventually(() => ends().length >= connects().length, "the server to see all ends");
  await sleep(100);
  assert.deepEqual([...ends()].sort(), [...connects()].sort());
  assert.ok(ends().length >= disconnects + count * clients, "fewer ends than at the clients");
}

for (const [name, attempt, clients] of [
  ["our client", ours, 2],
  ["their client", theirs, 1],
]) {
  test(
    `${name}, our server: upgrades are cut`,
    async (t) => {
      const server = await startServer(t, ["--say", "--down", String(DOWN_MS), ...PINGS]);
      const tried = await eachCut(t, server.port, clients, attempt);
      const ids = (word) => () =>
        [...server.output.matchAll(new RegExp(`^${word} \\d+ (\\S+)`, "gm"))].map(([, id]) => id);
      await agree(tried, clients, ids("CONNECT"), ids("DISCONNECT"));
      const counters = await server.metrics();
      assert.equal(counters.sessions, 0);
      assert.ok(counters['upgrades_total{stage="failed"}'] > 0, "upgrades failed");
    },
    180000,
  );
}

test(
  "our client, their server: upgrades are cut",
  async (t) => {
    const server = await startLedgerServer(t, PING, DOWN_MS);
    const tried = await eachCut(t, server.port, 2, ours);
    await agree(tried, 2, () => server.connects, () => server.disconnects);
  },
  180000,
);

await runAll();
