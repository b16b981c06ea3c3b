// The JavaScript client through nginx and haproxy, set up as examples/proxy/ says, to two servers:
// a client stays with one of them, and the servers learn who it is. A client's address is any of
// 127.0.0.0/8, the proxies' own is 127.0.0.1.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import * as support from "./support.mjs";

const { MODES, assert, call, next, runAll, same, startOther, startServer, test, within } = support;

const examples = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "examples", "proxy");

// ---- the proxies ----

// In one pass: what is put in may contain what another change looks for (a port that begins with 3001).
function changed(text, ...changes) {
  const replacements = new Map(changes);
  for (const from of replacements.keys()) {
    assert.ok(text.includes(from), `the example has no "${from}" any more`);
  }
  const literal = (from) => from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const any = new RegExp([...replacements.keys()].map(literal).join("|"), "g");
  return text.replace(any, (from) => replacements.get(from));
}

// What is different from an installation: ports, and where files are put.
const PROXIES = [
  {
    name: "nginx",
    command: "/usr/sbin/nginx",
    args: (dir) => ["-e", "stderr", "-p", dir, "-c", join(dir, "config")],
    config(port, a, b) {
      const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
      return changed(
        readFileSync(join(examples, "nginx.conf"), "utf8"),
        ["events {}", "events {}\ndaemon off;\npid pid;\nerror_log stderr;"],
        ["http {", `http {\naccess_log off;\n${paths.map((p) => `${p}_temp_path ${p};`).join("\n")}`],
        ["listen 3000;", `listen 127.0.0.1:${port};`],
        ["127.0.0.1:3001", `127.0.0.1:${a}`],
        ["127.0.0.1:3002", `127.0.0.1:${b}`],
      );
    },
  },
  {
    name: "haproxy",
    command: "/usr/sbin/haproxy",
    args: (dir) => ["-db", "-f", join(dir, "config")],
    config: (port, a, b) =>
      changed(
        readFileSync(join(examples, "haproxy.cfg"), "utf8"),
        ["bind :3000", `bind 127.0.0.1:${port}`],
        ["127.0.0.1:3001", `127.0.0.1:${a}`],
        ["127.0.0.1:3002", `127.0.0.1:${b}`],
      ),
  },
];

// Below the ports that the system gives to others.
async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (free) {
      await new Promise((resolve) => probe.close(resolve));
      return port;
    }
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

// Two servers behind the proxy. Their ports, and the proxy's URL.
async function startBehind(t, proxy) {
  const dir = mkdtempSync(join(tmpdir(), "sio-proxy-"));
  t.after(async () => rmSync(dir, { recursive: true }));
  chmodSync(dir, 0o755); // nginx that is started by root works as somebody else
  const a = await startServer(t, "--trusted-proxy", "127.0.0.1");
  const b = await startServer(t, "--trusted-proxy", "127.0.0.1");
  const port = await freePort();
  writeFileSync(join(dir, "config"), proxy.config(port, a.port, b.port));
  const program = startOther(t, proxy.command, proxy.args(dir));
  t.after(async () => {
    program.child.kill("SIGTERM");
    await program.ended;
  });
  const ready = async () => {
    while (!(await accepts(port))) {
      assert.equal(program.child.exitCode, null, `${proxy.name} has ended`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const failed = program.ended.then((status) => {
    throw new Error(`${proxy.name} ended with ${status}`);
  });
  failed.catch(() => {});
  await within(Promise.race([ready(), failed]), `${proxy.name} to listen`);
  return { ports: [a.port, b.port], url: `http://127.0.0.1:${port}` };
}

// ---- clients ----

function connectFrom(t, url, address, mode, options = {}) {
  const agent = new Agent({ localAddress: address, keepAlive: true });
  const socket = io(url, {
    agent,
    forceNew: true,
    reconnection: false,
    transports: mode.transports,
    withCredentials: true, // take and send the cookie that names the server
    ...options,
  });
  t.after(async () => {
    socket.disconnect();
    agent.destroy();
  });
  return socket;
}

// Resolves when the client is on the last of its transports.
async function settled(socket, mode) {
  const failed = new Promise((_, reject) => socket.once("connect_error", reject));
  failed.catch(() => {});
  await Promise.race([next(socket, "connect"), failed]);
  const engine = socket.io.engine;
  if (engine.transport.name !== mode.transports.at(-1)) {
    await next(engine, "upgrade");
  }
}

for (const proxy of PROXIES) {
  for (const mode of MODES) {
    test(`${proxy.name}, ${mode.name}: text and binary pass, both ways`, async (t) => {
      const { url } = await startBehind(t, proxy);
      const socket = connectFrom(t, url, "127.0.1.1", mode);
      await settled(socket, mode);
      same(await call(socket, "transport"), [mode.transports.at(-1)]);
      for (const value of ["text", "x".repeat(300000), Buffer.alloc(200000, 7)]) {
        same(await call(socket, "echo", value), [value]);
      }
      const left = next(socket, "disconnect");
      socket.emit("kick");
      same((await left)[0], "io server disconnect");
    });

    test(`${proxy.name}, ${mode.name}: the server knows the client's address`, async (t) => {
      const { url } = await startBehind(t, proxy);
      const lie = { extraHeaders: { "X-Forwarded-For": "6.6.6.6" } };
      for (const options of [{}, lie]) {
        const socket = connectFrom(t, url, "127.0.3.4", mode, options);
        await settled(socket, mode);
        same((await call(socket, "whoami")).slice(0, 2), ["127.0.3.4", false]);
      }
    });
  }

  test(`${proxy.name}: clients are spread, and each stays with its server`, async (t) => {
    const { ports, url } = await startBehind(t, proxy);
    const mode = MODES.at(-1);
    const sockets = Array.from({ length: 12 }, (_, n) =>
      connectFrom(t, url, `127.0.${n + 1}.1`, mode),
    );
    await Promise.all(sockets.map((socket) => settled(socket, mode)));
    const seen = new Set();
    for (const socket of sockets) {
      const [, , port] = await call(socket, "whoami");
      seen.add(port);
    }
    same([...seen].sort(), ports.sort());
  });
}

await runAll();
