// soak.mjs MINUTES [CLIENTS [SEED]]: many clients that come and go through a proxy that does its
// worst by chance, against our server. Samples memory and descriptors of server and clients each
// second. Fails when the trend over the second half is above its bound, when anything that was
// acknowledged is lost or anything comes twice, and when anything is left open at the end.
import { runAll, assert, test } from "../interop/support.mjs";
import { Member } from "./ledger.mjs";
import {
  eventually,
  monotonic,
  say,
  serves,
  sleep,
  startCrowd,
  startProxy,
  startServer,
} from "./support.mjs";

const MINUTES = Number(process.argv[2] ?? 60);
const CLIENTS = Number(process.argv[3] ?? 1000);
const SEED = Number(process.argv[4] ?? Date.now() % 1000000);
process.argv.length = 2; // the rest is not for runAll()

const EVERY_MS = 2000; // each client sends, and is sent, so often
const JAVASCRIPT = 5; // clients of that kind besides
const JAVASCRIPT_MS = Math.max(EVERY_MS, MINUTES * 60); // they have 1,024 events each
const TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]];
const PINGS = ["--ping-interval", "4000", "--ping-timeout", "4000"];

// Over the second half. What a process has taken from the system moves in steps, so short runs are
// allowed as much as an hour. Sanitizers keep what is freed for a while.
const SANITIZED = process.env.SIO_FAULTS === "short";
const MEMORY_KIB = SANITIZED ? Infinity : 1024 * Math.max(1, MINUTES / 60);
const DESCRIPTORS = CLIENTS / 5; // how many happen to be connecting again

// The slope of a line through [x, y], by least squares.
function slope(points) {
  const n = points.length;
  const [mx, my] = [0, 1].map((i) => points.reduce((sum, p) => sum + p[i], 0) / n);
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return over / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

class Samples {
  constructor(programs) {
    this.programs = programs;
    this.rows = Object.keys(programs).map((name) => ({ name, memory: [], descriptors: [] }));
  }

  take(at) {
    for (const row of this.rows) {
      const program = this.programs[row.name];
      row.memory.push([at, program.memory()]);
      row.descriptors.push([at, program.descriptors()]);
    }
  }

  // Prints the trends; what is beyond its bound.
  check() {
    const problems = [];
    for (const row of this.rows) {
      for (const [what, unit, bound] of [
        ["memory", "KiB", MEMORY_KIB],
        ["descriptors", "", DESCRIPTORS],
      ]) {
        const half = row[what].slice(row[what].length >> 1);
        const perMs = slope(half);
        const grown = perMs * (half.at(-1)[0] - half[0][0]);
        const text =
          `${row.name} ${what}: ${half[0][1]} ${unit} at half time, ${half.at(-1)[1]} at the end, ` +
          `slope ${(perMs * 3600000).toFixed(1)} ${unit}/h (${grown.toFixed(1)} over the half)`;
        say(text);
        if (grown > bound) {
          problems.push(`${text}: more than ${bound}`);
        }
      }
    }
    return problems;
  }
}

test(
  `${CLIENTS} clients for ${MINUTES} minutes through chaos, seed ${SEED}`,
  async (t) => {
    const server = await startServer(t, ["--down", EVERY_MS, ...PINGS].map(String));
    await serves(t, server.url);
    const proxy = await startProxy(t, server.port);
    const url = `http://127.0.0.1:${proxy.port}`;
    const before = server.descriptors();
    await proxy.tell(`chaos ${SEED}`);
    const churn = Math.ceil(CLIENTS / 20);
    const crowd = startCrowd(t, [
      "--url", url, "--clients", CLIENTS, "--churn", churn, "--every", EVERY_MS, // prettier-ignore
    ]);
    const others = Array.from(
      { length: JAVASCRIPT },
      (_, i) => new Member(t, url, { transports: TRANSPORTS[i % 3] }, JAVASCRIPT_MS),
    );

    const began = monotonic();
    const samples = new Samples({ server, crowd, proxy });
    for (let second = 1; monotonic() - began < MINUTES * 60000; second++) {
      await sleep(began + second * 1000 - monotonic());
      assert.ok(!server.gone && !crowd.gone && !proxy.gone, "a program ended");
      samples.take(monotonic() - began);
      if (second % 60 === 0) {
        say(/STAT .*\n$/.exec(crowd.output)[0].trim());
      }
    }
    const cpu = { server: server.cpu(), crowd: crowd.cpu(), proxy: proxy.cpu() };
    const { accepted, cut } = await proxy.links();
    say(`the proxy took ${accepted} connections and cut ${cut}; CPU in ms: ${JSON.stringify(cpu)}`);

    await proxy.tell("clear");
    const acked = await Promise.all(others.map((member) => member.finish()));
    say(`clients in JavaScript: ${acked.join(", ")} events acknowledged, all of them came, once`);
    say(JSON.stringify(await crowd.total()));
    await proxy.tell("now reset");
    await eventually(async () => {
      const counters = await server.metrics();
      await sleep(50);
      return counters.sessions === 0 && counters.peers === 0 && server.descriptors() === before;
    }, "the server to have nothing open");
    const problems = samples.check();
    assert.deepEqual(problems, []);
    await serves(t, server.url);
  },
  MINUTES * 60000 + 240000,
);

await runAll();
