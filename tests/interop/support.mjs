// What the interop tests share: running cases one after the other with TAP as output, starting
// programs, waiting for events within a bound.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import assert from "node:assert/strict";

export { assert };

const here = dirname(fileURLToPath(import.meta.url));
const wrapper = (process.env.SIO_WRAPPER ?? "").split(" ").filter((word) => word !== "");

// A bound is only ever reached by a failure, so it is generous; under valgrind more so.
export const PATIENCE_MS = wrapper.length > 0 ? 60000 : 20000;

export const MODES = [
  { name: "polling", transports: ["polling"] },
  { name: "websocket", transports: ["websocket"] },
  { name: "upgrade", transports: ["polling", "websocket"] },
];

const cases = [];
const children = new Set();

// `ms` bounds the whole test. One that gives { skip } back could not run here, for
// that reason.
export function test(name, run, ms = 2 * PATIENCE_MS) {
  cases.push({ name, run, ms });
}

// One test for each way to use the transports; `run(t, mode)`.
export function testEachMode(name, run) {
  for (const mode of MODES) {
    test(`${mode.name}: ${name}`, (t) => run(t, mode));
  }
}

class Case {
  #cleanups = [];
  output = "";

  after(cleanup) {
    this.#cleanups.push(cleanup);
  }

  async finish() {
    let fault;
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await within(cleanup(), "cleaning up");
      } catch (error) {
        fault ??= error;
      }
    }
    if (fault !== undefined) {
      throw fault;
    }
  }
}

// Rejects when `promise` takes too long.
export async function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// The arguments of the next event of that name.
export function next(emitter, name) {
  return within(new Promise((resolve) => emitter.once(name, (...args) => resolve(args))), name);
}

// The acknowledgement of an event, as the list of its arguments.
export function call(socket, name, ...args) {
  const answer = new Promise((resolve) => socket.emit(name, ...args, (...reply) => resolve(reply)));
  return within(answer, `the acknowledgement of ${name}`);
}

// What is sent to `echo` comes back, as an event and as an acknowledgement.
export async function comesBack(socket, args) {
  const back = next(socket, "echo-back");
  socket.emit("echo", ...args);
  same(await back, args);
  same(await call(socket, "echo", ...args), args);
}

// Resolves once condition() holds, which is looked at whenever one of the events comes.
export function until(emitter, names, condition, what) {
  return within(
    new Promise((resolve) => {
      const look = () => {
        if (condition()) {
          names.forEach((name) => emitter.off(name, look));
          resolve();
        }
      };
      names.forEach((name) => emitter.on(name, look));
      look();
    }),
    what,
  );
}

// Values must be the same in type as well, and lists as long; Buffer and Uint8Array count alike.
export function same(actual, expected, what) {
  const plain = (value) => {
    if (value instanceof ArrayBuffer) {
      return new Uint8Array(value);
    }
    if (ArrayBuffer.isView(value)) {
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    if (Array.isArray(value)) {
      return value.map(plain);
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
    }
    return value;
  };
  const [a, b] = [plain(actual), plain(expected)];
  if (!isDeepStrictEqual(a, b)) {
    assert.deepStrictEqual(a, b, what); // says what differs
    assert.fail(what);
  }
}

// ---- programs ----

function programPath(name) {
  return join(process.env.MESON_BUILD_ROOT ?? "build", "tests", "interop", name);
}

class Program {
  constructor(t, command, args, options) {
    this.output = "";
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    children.add(this.child);
    const keep = (chunk) => {
      this.output += chunk;
      t.output = `${t.output}${chunk}`.slice(-20000);
    };
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (status, signal) => {
        children.delete(this.child);
        resolve(signal ?? status);
      });
    });
    this.ended.catch(() => {});
  }
}

// Starts any program of the build, by its path there. `how` are further options of spawn(), and the
// `command` that is to start the program.
export function launch(t, path, args, env = {}, { command = [], ...how } = {}) {
  const program = join(process.env.MESON_BUILD_ROOT ?? "build", path);
  const words = [...wrapper, ...command, program, ...args];
  const options = { env: { ...process.env, ...env }, ...how };
  return new Program(t, words[0], words.slice(1), options);
}

// Starts a program of this folder: the C one, or with SIO_REFERENCE set its counterpart in
// JavaScript, which shows that what is expected is what the original does.
export function start(t, name, args, env = {}) {
  const command =
    process.env.SIO_REFERENCE === undefined
      ? [...wrapper, programPath(`interop-${name}`)]
      : [process.execPath, join(here, `reference_${name}.mjs`)];
  return startCommand(t, [...command, ...args], env);
}

function startCommand(t, [command, ...args], env = {}) {
  return new Program(t, command, args, { env: { ...process.env, ...env } });
}

// A script of this folder, run by the system's Python, which has Debian's packages.
export function startPython(t, script, args) {
  return startCommand(t, ["/usr/bin/python3", "-B", join(here, script), ...args]);
}

// The counterpart in JavaScript, whatever SIO_REFERENCE says.
export function startReference(t, name, args) {
  return startCommand(t, [process.execPath, join(here, `reference_${name}.mjs`), ...args]);
}

// A program of the system.
export function startOther(t, command, args) {
  return new Program(t, command, args, {});
}

// A running interop-server, to be ended with SIGTERM and status 0 after the test.
export function startServer(t, ...args) {
  return listening(t, start(t, "server", args), args);
}

// What startServer() gives, for a program that prints LISTENING as interop-server does.
export async function listening(t, program, args) {
  const printed = new Promise((resolve) => {
    program.child.stdout.on("data", () => {
      const line = /^LISTENING (\d+)$/m.exec(program.output);
      if (line !== null) {
        resolve(Number(line[1]));
      }
    });
  });
  const early = program.ended.then((status) => {
    throw new Error(`the server ended with ${status} before it listened`);
  });
  early.catch(() => {});
  const port = await proxied(
    t,
    await within(Promise.race([printed, early]), "the server to listen"),
  );
  const tlsPort = Number(/^TLS (\d+)$/m.exec(program.output)?.[1]);
  const scheme = args.includes("--tls-cert") && !tlsPort ? "https" : "http";
  const server = {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    tlsUrl: `https://127.0.0.1:${tlsPort}`, // with --both
    async stop() {
      program.child.kill("SIGTERM");
      assert.equal(await within(program.ended, "the server to end"), 0, "status of the server");
    },
  };
  t.after(() => server.stop());
  return server;
}

// With SIO_PROXY set, a faults-proxy stands before each server, and that is what it is told: commands
// separated by semicolons. The port to connect to.
export async function proxied(t, port) {
  const commands = process.env.SIO_PROXY;
  if (commands === undefined) {
    return port;
  }
  const proxy = launch(t, "tests/faults/faults-proxy", ["0", String(port)], {}, {
    stdio: ["pipe", "pipe", "pipe"],
  });
  t.after(async () => proxy.child.stdin.end());
  const words = commands.split(";");
  const told = new Promise((resolve) => {
    proxy.child.stdout.on("data", () => {
      if ((proxy.output.match(/^OK$/gm)?.length ?? 0) === words.length) {
        resolve();
      }
    });
  });
  proxy.child.stdin.write(words.map((word) => `${word.trim()}\n`).join(""));
  await within(told, "the proxy to be told");
  return Number(/^LISTENING (\d+)$/m.exec(proxy.output)[1]);
}

// A key and a certificate for localhost and 127.0.0.1, signed by itself.
export function certificate(t) {
  const dir = mkdtempSync(join(tmpdir(), "sio-interop-"));
  t.after(async () => rmSync(dir, { recursive: true }));
  const files = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") };
  const command = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1`;
  const args = command.split(/\s+/).concat("-keyout", files.key, "-out", files.cert);
  execFileSync("openssl", args, { stdio: "ignore" });
  return files;
}

// ---- running ----

async function runCase(item) {
  const t = new Case();
  let stray;
  const unforeseen = new Promise((_, reject) => {
    stray = reject;
  });
  unforeseen.catch(() => {});
  process.on("uncaughtException", stray);
  let fault, skipped;
  try {
    skipped = await within(Promise.race([item.run(t), unforeseen]), "the whole test", item.ms);
  } catch (error) {
    fault = error;
  }
  try {
    await t.finish();
  } catch (error) {
    fault ??= error;
  }
  process.off("uncaughtException", stray);
  return {
    fault: fault && `${fault.stack ?? fault}\n${t.output}`,
    directive: skipped?.skip === undefined ? "" : ` # SKIP ${skipped.skip}`,
  };
}

// Runs all tests, those whose names hold the word of the command line, or for `2/3` the second
// third of them. Prints TAP.
export async function runAll() {
  const word = process.argv[2] ?? "";
  const part = /^(\d+)\/(\d+)$/.exec(word);
  const chosen = cases.filter(({ name }, index) =>
    part === null ? name.includes(word) : index % Number(part[2]) === Number(part[1]) - 1,
  );
  let failed = 0;
  for (const [index, item] of chosen.entries()) {
    const { fault, directive } = await runCase(item);
    if (fault !== undefined) {
      failed++;
      console.log(fault.replace(/^/gm, "# "));
    }
    console.log(`${fault === undefined ? "ok" : "not ok"} ${index + 1} - ${item.name}${directive}`);
  }
  console.log(`1..${chosen.length}`);
  process.exit(failed === 0 && chosen.length > 0 ? 0 : 1);
}

process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
