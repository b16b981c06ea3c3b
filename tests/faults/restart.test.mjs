// Our server is killed and started again under clients, and connections are cut under recovery.
// SIO_RESTARTS and SIO_CUTS say how often.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { assert, launch, runAll, same, test, within } from "../interop/support.mjs";
import {
  SHORT,
  eventually,
  folder,
  monotonic,
  say,
  sleep,
  spread,
  startProxy,
  startServer,
} from "./support.mjs";

const RESTARTS = Number(process.env.SIO_RESTARTS ?? (SHORT ? 2 : 5));
const CUTS = Number(process.env.SIO_CUTS ?? (SHORT ? 3 : 20));
const CLIENTS = SHORT ? 50 : 200;
const [DELAY, DELAY_MAX] = [100, 500]; // as in interop/crowd.c

// Many clients that say what their back-off was: interop-crowd.
function startClients(t, path, count, transports) {
  const args = [path, String(count), transports];
  const program = launch(t, "tests/interop/interop-crowd", args);
  let seen = 0;
  const all = async () => {
    const times = () => program.output.match(/^ALL$/gm)?.length ?? 0;
    await eventually(() => times() > seen, `${count} clients to connect`);
    seen = times();
  };
  const end = async () => {
    program.child.kill("SIGTERM");
    assert.equal(await within(program.ended, "the clients to end"), 0, "status of the clients");
    return [...program.output.matchAll(/^DELAYS (.*)$/gm)].map(([, row]) => row.split(" ").map(Number));
  };
  return { all, end };
}

test(
  `our server is killed ${RESTARTS} times under ${CLIENTS} clients`,
  async (t) => {
    const path = join(folder(t), "socket");
    let server = await startServer(t, ["--unix", path]);
    const clients = startClients(t, path, CLIENTS, "polling,websocket");
    await clients.all();
    const times = [];
    for (let i = 0; i < RESTARTS; i++) {
      await server.kill();
      rmSync(path, { force: true });
      const from = monotonic();
      server = await startServer(t, ["--unix", path]);
      await clients.all();
      times.push(monotonic() - from);
    }
    const [[, count, min, max, mean]] = await clients.end();
    say(`all back after ${spread(times).join(", ")} ms (least, median, most)`);
    say(`${count} delays before a first attempt: ${min} to ${max}, on average ${mean} ms`);
    assert.ok(Math.max(...times) < 10000, "all back within 10 s");
    assert.ok(count >= RESTARTS * CLIENTS, `${count} delays`);
    assert.ok(min >= DELAY / 2 - 1 && max <= Math.min(DELAY * 1.5, DELAY_MAX), `${min} to ${max}`);
    assert.ok(max - min >= 0.3 * DELAY, "they come at different times");
  },
  240000,
);

// With recovery nothing is lost and nothing comes twice, in order, over all cuts.
for (const [transports, manner] of [
  ["websocket", "reset"],
  ["websocket", "close"],
]) {
  test(
    `${transports}: connections are cut ${CUTS} times by ${manner} and recovered`,
    async (t) => {
      const dir = folder(t);
      const [path, front] = [join(dir, "socket"), join(dir, "front")];
      const server = await startServer(t, ["--unix", path, "--recovery"]);
      const proxy = await startProxy(t, `unix:${path}`, `unix:${front}`);
      const count = SHORT ? 10 : 50;
      const clients = startClients(t, front, count, transports);
      await clients.all();
      await server.tell("tick 10");
      await sleep(100); // a session can be recovered once it has had an event
      for (let i = 0; i < CUTS; i++) {
        await proxy.tell(`now ${manner}`);
        await clients.all();
      }
      await sleep(100);
      await server.tell("tick 0");
      const [, asked, answered, next, wrong, connects, recoveries] = (
        await server.tell("report", /^REPORT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m)
      ).map(Number);
      say(`${count * CUTS} cuts: ${next / count} events to each client, ${wrong} lost or doubled`);
      same([asked, answered, wrong], [count, count, 0]);
      same([connects, recoveries], [count * (CUTS + 1), count * CUTS]);
      assert.equal(next % count, 0, "all have as many");
      await clients.end();
    },
    240000,
  );
}

await runAll();
