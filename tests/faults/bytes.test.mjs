// Bytes that come and go in pieces of any size: whatever the pieces, the messages are the same.
import { randomBytes } from "node:crypto";
import { connect as connectTls } from "node:tls";
import { assert, certificate, runAll, same, test } from "../interop/support.mjs";
import { Member } from "./ledger.mjs";
import {
  MODES,
  SHORT,
  SHIM,
  ask,
  connected,
  eventually,
  say,
  sleep,
  startCrowd,
  startProxy,
  startServer,
} from "./support.mjs";

// Messages around the sizes at which lengths take more bytes, buffers grow, and reads end.
const SIZES = [0, 1, 2, 124, 125, 126, 127, 500, 1400, 4095, 4096, 8191, 8192, 16384, 65535, 65536, 200000];

async function echoes(socket, limit) {
  let bytes = 0;
  for (const size of SIZES.filter((value) => value <= limit)) {
    const binary = randomBytes(size);
    const text = randomBytes(size >> 1).toString("hex");
    same(await ask(socket, "echo", { binary, list: [text] }), { binary, list: [text] });
    bytes += 4 * size;
  }
  // Many at once, so that the pieces do not end where the messages do.
  const many = Array.from({ length: 50 }, (_, i) => randomBytes((i * 37) % 300));
  same(await Promise.all(many.map((item) => ask(socket, "echo", item))), many);
  return bytes;
}

const secured = (t, tls) => {
  const files = tls ? certificate(t) : undefined;
  return tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
};

// ---- a proxy that writes byte by byte ----

for (const tls of [false, true]) {
  const scheme = tls ? "TLS" : "TCP";

  for (const transports of MODES) {
    test(`${scheme}, ${transports}: byte by byte between their client and our server`, async (t) => {
      const server = await startServer(t, secured(t, tls));
      const proxy = await startProxy(t, server.port);
      await proxy.tell("chunk 1");
      const url = server.url.replace(server.port, proxy.port);
      const socket = await connected(t, url, { transports: transports.split(",") });
      await echoes(socket, SHORT ? 4096 : 16384);
      assert.equal(server.output.match(/error/i), null);
    });
  }

  test(`${scheme}: byte by byte between our clients and our server`, async (t) => {
    const server = await startServer(t, ["--down", "100", ...secured(t, tls)]);
    const proxy = await startProxy(t, server.port);
    const url = server.url.replace(server.port, proxy.port);
    await proxy.tell("chunk 1");
    const crowd = startCrowd(t, ["--url", url, "--clients", 9, "--every", 40, "--insecure"]);
    await crowd.all();
    await sleep(1500);
    const total = await crowd.total();
    assert.equal(total.disconnects, "0");
    say(`${scheme}: ${JSON.stringify(total)}`);
  });
}

// ---- short sends, narrow buffers ----

// The program's own calls take and give a few bytes, or none: partial writes and reads at every
// place.
for (const tls of [false, true]) {
  const scheme = tls ? "TLS" : "TCP";
  const short = (seed) => ({ env: { ...SHIM, SHIM_SHORT: String(seed) } });

  for (const transports of MODES) {
    test(`${scheme}, ${transports}: the server's calls are cut short`, async (t) => {
      const seed = Date.now() % 100000;
      const server = await startServer(t, secured(t, tls), short(seed));
      const socket = await connected(t, server.url, { transports: transports.split(",") });
      const bytes = await echoes(socket, 200000);
      say(`${bytes} bytes each way, some hundred with a call, seed ${seed}`);
    });
  }

  test(`${scheme}: the calls of client and server are cut short`, async (t) => {
    const server = await startServer(t, ["--down", "20", ...secured(t, tls)], short(1));
    const args = ["--url", server.url, "--clients", 9, "--every", 10, "--insecure"];
    const crowd = startCrowd(t, args, short(2));
    await crowd.all();
    await sleep(1500);
    const total = await crowd.total();
    assert.equal(total.disconnects, "0");
    say(`${scheme}: ${JSON.stringify(total)}`);
  });

  // Each write waits for the receiver's word that there is room, so this takes its time.
  test(`${scheme}: 2 KiB of send buffer`, async (t) => {
    const server = await startServer(t, ["--sndbuf", "2048", ...secured(t, tls)]);
    await Promise.all(
      MODES.map(async (transports) => {
        const socket = await connected(t, server.url, { transports: transports.split(",") });
        await echoes(socket, SHORT ? 4096 : 16384);
      }),
    );
  });
}

// ---- half-closed ----

// A client that sends FIN behind its request still gets the answer.
test("TLS: a request and the end of the stream in one", async (t) => {
  const server = await startServer(t, secured(t, true));
  const before = server.descriptors();
  const socket = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
  let seen = "";
  socket.on("data", (chunk) => (seen += chunk));
  socket.on("error", () => {});
  const ended = new Promise((resolve) => socket.on("close", resolve));
  socket.end("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  await ended;
  assert.match(seen, /^HTTP\/1\.1 200 [\s\S]*"upgrades":\["websocket"\]/);
  await eventually(() => server.descriptors() === before, "the connection to be gone");
});

// ---- both directions limited, for clients of the original ----

test("a line of 100 kB/s with 20 ms of delay", async (t) => {
  const server = await startServer(t, ["--down", "50"]);
  const proxy = await startProxy(t, server.port);
  await proxy.tell("rate 100000");
  await proxy.tell("delay 20");
  const url = `http://127.0.0.1:${proxy.port}`;
  const members = MODES.map((mode) => new Member(t, url, { transports: mode.split(",") }, 30));
  const crowd = startCrowd(t, ["--url", url, "--clients", 3, "--every", 30]);
  await crowd.all();
  await sleep(1500);
  for (const member of members) {
    await member.finish();
    assert.equal(member.disconnects, 0);
  }
  assert.equal((await crowd.total()).disconnects, "0");
});

await runAll();
