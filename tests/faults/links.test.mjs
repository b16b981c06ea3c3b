// Links that are dead although nobody has closed them: a pulled cable, and a middle that is silent.
// Only the heartbeat finds out. SIO_FAULTS_LONG=1 takes the default one, which needs 45 s.
import { execFileSync } from "node:child_process";
import { assert, certificate, runAll, test } from "../interop/support.mjs";
import {
  MODES,
  eventually,
  monotonic,
  say,
  spread,
  startCrowd,
  startProxy,
  startServer,
} from "./support.mjs";

const LONG = process.env.SIO_FAULTS_LONG === "1";
const [INTERVAL, TIMEOUT] = LONG ? [25000, 20000] : [300, 200];
const PINGS = LONG ? [] : ["--ping-interval", INTERVAL, "--ping-timeout", TIMEOUT].map(String);
const CLIENTS = 12;
const LATE_MS = LONG ? 1000 : 4000; // for loaded machines

// When the sessions of this program ended with a ping timeout, in ms after `since`.
async function ends(program, since, who) {
  const pattern = /^DISCONNECT (\d+) \S+ (.*)$/gm;
  await eventually(
    () => program.count(pattern) >= CLIENTS,
    `the ${who} to give up`,
    INTERVAL + TIMEOUT + 20000,
  );
  const times = [...program.output.matchAll(pattern)].map(([, at, reason]) => {
    assert.equal(reason, "ping timeout", `${who}: reason`);
    return Number(at) - since;
  });
  assert.equal(times.length, CLIENTS, `${who}: each ended once`);
  const [min, median, max] = spread(times);
  say(`${who}: ping timeout after ${min} to ${max} ms, median ${median}, with ${INTERVAL}/${TIMEOUT}`);
  // The last ping may be almost an interval old when the link dies.
  assert.ok(min > TIMEOUT - 50 && max < INTERVAL + TIMEOUT + LATE_MS, `${who}: ${min} to ${max} ms`);
}

async function both(server, crowd, since) {
  await Promise.all([ends(server, since, "server"), ends(crowd, since, "client")]);
}

// ---- a cable that is pulled ----

function ip(...words) {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
}

// Containers may not make network namespaces. There the proxy that falls silent stands for a cable.
function whyNoHosts() {
  const name = `sio-probe-${process.pid}`;
  try {
    ip("netns", "add", name);
    try {
      ip("-n", name, "link", "add", "cable", "type", "veth");
    } finally {
      ip("netns", "del", name);
    }
    return undefined;
  } catch (error) {
    return String(error.stderr ?? error.message).trim();
  }
}

// Two hosts with a cable between them.
function hosts(t) {
  const id = process.pid;
  const names = [`sio-a-${id}`, `sio-b-${id}`];
  const made = [];
  t.after(async () => made.forEach((name) => ip("netns", "del", name)));
  for (const name of names) {
    ip("netns", "add", name);
    made.push(name);
  }
  ip("-n", names[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", names[1]);
  names.forEach((name, i) => {
    ip("-n", name, "addr", "add", `10.213.77.${i + 1}/24`, "dev", "cable");
    ip("-n", name, "link", "set", "cable", "up");
  });
  return {
    names,
    inside: (i) => ({ command: ["ip", "netns", "exec", names[i]] }),
    plug: (i, how) => ip("-n", names[i], "link", "set", "cable", how),
  };
}

const noHosts = whyNoHosts();
if (noHosts !== undefined) {
  console.log(`# no cables to pull here: ${noHosts}`);
}
for (const [end, side] of noHosts === undefined ? ["server", "client"].entries() : []) {
  test(`a cable is pulled out of the ${side}`, async (t) => {
    const { inside, plug } = hosts(t);
    const server = await startServer(t, ["--host", "10.213.77.1", "--say", ...PINGS], inside(0));
    const url = `http://10.213.77.1:${server.port}`;
    const crowd = startCrowd(t, ["--url", url, "--clients", CLIENTS, "--say"], inside(1));
    await crowd.all();
    plug(end, "down");
    await both(server, crowd, monotonic());
    plug(end, "up");
    await crowd.all();
  });
}

// ---- a middle that says nothing any more ----

for (const transports of MODES) {
  for (const tls of [false, true]) {
    test(`${transports}, ${tls ? "TLS" : "TCP"}: the middle falls silent`, async (t) => {
      const files = tls ? certificate(t) : undefined;
      const secure = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
      const server = await startServer(t, ["--say", ...PINGS, ...secure]);
      const proxy = await startProxy(t, server.port);
      const url = server.url.replace(server.port, proxy.port);
      const crowd = startCrowd(t, [
        "--url", url, "--clients", CLIENTS, "--transports", transports, "--insecure", "--say", // prettier-ignore
      ]);
      await crowd.all();
      await proxy.tell("now silent");
      await both(server, crowd, monotonic());
      await crowd.all();
    });
  }
}

await runAll();
