// Socket.IO beside an evhttp server: the JavaScript client over both transports, and evhttp itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { io } from "socket.io-client";

let child;
let url;

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

before(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  child = spawn(join(process.env.MESON_BUILD_ROOT, "examples", "evhttp_glue"), [String(port)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (;;) {
    try {
      await fetch(url);
      return;
    } catch {
      assert.equal(child.exitCode, null);
    }
  }
});

after(() => child.kill());

async function echoes(options) {
  const client = io(url, { forceNew: true, reconnection: false, ...options });
  try {
    await new Promise((resolve, reject) => {
      client.on("connect", resolve);
      client.on("connect_error", reject);
    });
    if (client.io.engine.transport.name !== options.transports.at(-1)) {
      await new Promise((resolve) => client.io.engine.once("upgrade", resolve));
    }
    const text = "x".repeat(options.size ?? 10);
    const back = new Promise((resolve) => client.once("echo", resolve));
    client.emit("echo", text);
    assert.equal(await back, text);
  } finally {
    client.close();
  }
}

test("over polling", () => echoes({ transports: ["polling"] }));
test("over WebSocket", () => echoes({ transports: ["websocket"] }));
test("upgrading", () => echoes({ transports: ["polling", "websocket"] }));
test("a large post", () => echoes({ transports: ["polling"], size: 500000 }));
test("evhttp answers the rest", async () => {
  assert.equal(await (await fetch(`${url}/page`)).text(), "evhttp\n");
});
test("many at once", () =>
  Promise.all(Array.from({ length: 20 }, () => echoes({ transports: ["polling", "websocket"] }))));
