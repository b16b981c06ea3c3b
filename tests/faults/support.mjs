// What the tests of faults share: the server, the crowd and the proxy as programs that are told
// what to do, and what the system says of them.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, launch, within } from "../interop/support.mjs";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
export const { io } = require("socket.io-client");
export const { Server } = require("socket.io");

// The sanitizers' build does less of what takes long.
export const SHORT = process.env.SIO_FAULTS === "short";

// The environment of a program that shim.c lies to. The sanitizers want to be loaded first.
export const SHIM = {
  LD_PRELOAD: join(process.env.MESON_BUILD_ROOT ?? "build", "tests/faults/libfaults-shim.so"),
  ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:verify_asan_link_order=0`,
};

export const MODES = ["websocket", "polling", "polling,websocket"];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The clock that the programs print.
export const monotonic = () => Number(process.hrtime.bigint() / 1000000n);

// Resolves with what `look()` gives once that is neither false nor undefined, asked again and
// again.
export async function eventually(look, what, ms) {
  const again = async () => {
    for (;;) {
      const seen = await look();
      if (seen !== false && seen !== undefined) {
        return seen;
      }
      await sleep(5);
    }
  };
  let last;
  try {
    return await within(again(), what, ms);
  } catch (error) {
    last = error;
  }
  throw last;
}

// A program that is told what to do on its stdin. `how` may hold `env`, and a `command` that starts
// it, such as ["prlimit", "--nofile=64"].
class Told {
  constructor(t, path, args, { command, env, ...how } = {}) {
    this.program = launch(t, path, args, env, { stdio: ["pipe", "pipe", "pipe"], command, ...how });
    this.program.child.stdin.on("error", () => {});
    this.pid = this.program.child.pid;
    this.ended = this.program.ended;
    this.gone = false;
    this.ended.then(() => (this.gone = true));
  }

  get output() {
    return this.program.output;
  }

  // The next output that matches, behind `from`.
  sees(pattern, what = String(pattern), from = 0, ms = undefined) {
    const look = () => {
      const match = pattern.exec(this.output.slice(from));
      if (match === null && this.gone) {
        throw new Error(`the program ended before ${what}`);
      }
      return match ?? undefined;
    };
    return eventually(look, what, ms);
  }

  count(pattern) {
    return this.output.match(pattern)?.length ?? 0;
  }

  async tell(command, answer = /^OK$/m) {
    const from = this.output.length;
    this.program.child.stdin.write(`${command}\n`);
    return this.sees(answer, `the answer to ${command}`, from);
  }

  signal(name) {
    this.program.child.kill(name);
  }

  async kill() {
    this.signal("SIGKILL");
    await within(this.ended, "the killed program to end");
  }

  async status(what = "the program to end", ms = undefined) {
    return within(this.ended, what, ms);
  }

  descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  // Resident memory in KiB.
  memory() {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))[1]);
  }

  // CPU time so far, in ms.
  cpu() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  }
}

// A running faults-server. It must end with status 0 after the test, unless it was killed.
export async function startServer(t, args = [], how = {}) {
  const server = new Told(t, "tests/faults/faults-server", args, how);
  server.port = Number((await server.sees(/^LISTENING (\d+)$/m, "the server to listen"))[1]);
  server.url = `${args.includes("--tls-cert") ? "https" : "http"}://127.0.0.1:${server.port}`;
  server.stop = async (ms) => {
    server.signal("SIGTERM");
    assert.equal(await server.status("the server to end", ms), 0, "status of the server");
  };
  server.metrics = () => metrics(args.includes("--unix") ? args[args.indexOf("--unix") + 1] : server.port);
  t.after(async () => {
    if (!server.gone) {
      await server.stop();
    }
  });
  return server;
}

// The counters, by name with labels; a name without labels is the sum.
async function metrics(where) {
  const target = typeof where === "string" ? { socketPath: where } : { host: "127.0.0.1", port: where };
  const text = await within(
    new Promise((resolve, reject) => {
      const request = get({ ...target, path: "/metrics", agent: false }, (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.on("end", () => resolve(body));
      });
      request.on("error", reject);
    }),
    "the counters",
  );
  const values = {};
  for (const [, name, labels, value] of text.matchAll(/^sio_server_(\w+?)(\{[^}]*\})? (\d+)$/gm)) {
    values[name] = (values[name] ?? 0) + Number(value);
    if (labels !== undefined) {
      values[`${name}${labels}`] = Number(value);
    }
  }
  return values;
}

// A running faults-proxy in front of a port or, with `unix:PATH`, a Unix socket.
export async function startProxy(t, to, listen = "0") {
  const proxy = new Told(t, "tests/faults/faults-proxy", [listen, String(to)]);
  proxy.port = Number((await proxy.sees(/^LISTENING (\d+)$/m, "the proxy to listen"))[1]);
  proxy.links = async () => {
    const [, open, accepted, cut] = await proxy.tell("links", /^LINKS (\d+) (\d+) (\d+)$/m);
    return { open: Number(open), accepted: Number(accepted), cut: Number(cut) };
  };
  t.after(async () => {
    proxy.program.child.stdin.end();
    assert.equal(await proxy.status("the proxy to end"), 0, "status of the proxy");
  });
  return proxy;
}

// A running faults-crowd.
export function startCrowd(t, args, how = {}) {
  const crowd = new Told(t, "tests/faults/faults-crowd", args.map(String), how);
  let seen = 0;
  // All are connected, once more than when this was asked last.
  crowd.all = async (ms) => {
    await eventually(
      () => {
        assert.ok(!crowd.gone, "the crowd ended");
        return crowd.count(/^ALL$/gm) > seen;
      },
      "all clients to connect",
      ms,
    );
    seen = crowd.count(/^ALL$/gm);
  };
  // Ends it: what it counted. Its status says whether anything was lost.
  crowd.total = async () => {
    crowd.signal("SIGTERM");
    const status = await crowd.status("the crowd to end", 120000);
    const line = /^TOTAL (.*)$/m.exec(crowd.output);
    assert.ok(line !== null, `the crowd ended with ${status}`);
    assert.equal(status, 0, `status of the crowd: ${line[1]}`);
    return Object.fromEntries([...line[1].matchAll(/(\w+) ((?:\d+ ?)+)/g)].map(([, k, v]) => [k, v.trim()]));
  };
  t.after(async () => {
    if (!crowd.gone) {
      await crowd.kill();
    }
  });
  return crowd;
}

// A connected client in JavaScript.
export async function connected(t, url, options = {}) {
  const socket = io(url, {
    forceNew: true,
    reconnection: false,
    rejectUnauthorized: false,
    transports: ["websocket"],
    ...options,
  });
  t.after(async () => socket.disconnect());
  await within(
    new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    }),
    `the connection to ${url}`,
  );
  return socket;
}

export const ask = (socket, ...event) => socket.timeout(20000).emitWithAck(...event);

// The server is alive: a new client is served.
export async function serves(t, url, options = {}) {
  const socket = await connected(t, url, options);
  assert.equal(await ask(socket, "echo", "alive"), "alive");
  socket.disconnect();
}

// A WebSocket that is joined to "/" and then left to itself: nothing of what comes is read.
export async function rawPeer(t, port) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  t.after(async () => socket.destroy());
  socket.write(
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n" +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  let seen = "";
  const joined = new Promise((resolve, reject) => {
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (seen.includes('40{"sid"')) {
        resolve();
      } else if (seen.includes('0{"sid"') && !socket.asked) {
        socket.asked = true;
        socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
      }
    });
    socket.on("close", () => reject(new Error(`closed after ${seen}`)));
  });
  joined.catch(() => {});
  await within(joined, "a WebSocket to join");
  return socket;
}

export function folder(t) {
  const dir = mkdtempSync(join(tmpdir(), "sio-faults-"));
  t.after(async () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// [min, median, max]
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
}

export const say = (text) => console.log(`# ${text}`);
