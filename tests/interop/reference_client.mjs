// interop-client over the JavaScript client, for the scenarios whose halves in js_server.test.mjs
// could ask for more than the original does: run that with SIO_REFERENCE set.
import { io as ioV4 } from "socket.io-client";
import ioV2 from "socket.io-client-v2";
import { assert, call, next, same, until } from "./support.mjs";
import { readFileSync } from "node:fs";

const io = process.env.SIO_EIO === "3" ? ioV2 : ioV4;
const [scenario, url, mode] = process.argv.slice(2);
const settings = {
  forceNew: true,
  transports: mode === "upgrade" ? ["polling", "websocket"] : [mode],
  reconnectionDelay: 100,
  reconnectionDelayMax: 300,
  randomizationFactor: 0,
  ...(process.env.SIO_CA && { ca: readFileSync(process.env.SIO_CA) }),
};

// Whatever comes is kept until it is asked for.
function open(options = {}) {
  const socket = io(url, { ...settings, ...options });
  const inbox = [];
  const keep = (name) => (...args) => {
    inbox.push([name, ...args]);
    socket.io.emit("kept");
  };
  socket.onAny?.((name, ...args) => keep(name)(...args));
  const others = socket.onAny ? [] : ["welcome", "bye"]; // 2.x
  for (const name of ["connect", "connect_error", "disconnect", ...others]) {
    socket.on(name, keep(name));
  }
  socket.take = async (name) => {
    const find = () => inbox.findIndex(([kept]) => kept === name);
    await until(socket.io, ["kept"], () => find() >= 0, name);
    return inbox.splice(find(), 1)[0].slice(1);
  };
  return socket;
}

async function finish(socket) {
  socket.emit("done");
  same((await socket.take("bye"))[0], "ok"); // an offset may follow
  socket.disconnect();
}

async function hello(socket, n) {
  await socket.take("connect");
  same(await socket.take("hello"), [n]);
}

async function numbered(step) {
  const socket = open();
  await socket.take("connect");
  let [got, wrong] = [0, 0];
  socket.on("down", (n) => {
    wrong += n === got++ ? 0 : 1;
  });
  const end = next(socket, "down-end");
  socket.emit("start");
  for (let i = 0; i < 10000; i++) {
    socket.emit("up", i);
    if (i % step === step - 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  await end;
  same([got, wrong], [10000, 0]);
  await finish(socket);
}

const scenarios = {
  async basic() {
    const socket = open();
    const question = next(socket, "question");
    await socket.take("welcome");
    socket.emit("greet", "café", 42, -1.5, true, false, null, { a: { b: [] } }, []);
    same(await call(socket, "sum", 2, 3), [5]);
    same(await call(socket, "multi"), ["a", 2, { k: [true] }]);
    same(await call(socket, "none"), []);
    (await question)[1](7, "seven");
    await finish(socket);
  },
  async binary() {
    const socket = open();
    const question = next(socket, "bin-question");
    const blob = await socket.take("blob");
    socket.emit("blob-back", ...blob);
    socket.emit("blob-built", ...blob);
    await call(socket, "bin-ack", Buffer.from("deadbeef", "hex"), 1);
    (await question)[1](Buffer.from([9, 9]), "t");
    await finish(socket);
  },
  async early() {
    const socket = open();
    [1, 2, 3, Buffer.from([4])].forEach((value) => socket.emit("e", value));
    same(await call(socket, "last", 5), ["ok"]);
    socket.disconnect();
  },
  async acks() {
    const socket = open();
    const answers = Array.from({ length: 100 }, (_, i) => call(socket, "later", i));
    socket.emit("answer-all");
    await Promise.all(answers);
    await finish(socket);
  },
  async "ack-timeout"() {
    const socket = open();
    await assert.rejects(socket.timeout(100).emitWithAck("slow", 1));
    same(await call(socket, "fast"), ["ok"]);
    await finish(socket);
  },
  async upgrade() {
    const socket = open();
    same(await socket.take("transport"), ["websocket"]);
    await finish(socket);
  },
  async big() {
    const socket = open();
    for (let round = 0; round < 2; round++) {
      socket.emit("big-back", ...(await socket.take("big")));
    }
    await finish(socket);
  },
  order: () => numbered(20),
  volley: () => numbered(Infinity),
  async maxpayload() {
    const socket = open();
    await socket.take("connect");
    for (let i = 0; i < 50; i++) {
      socket.emit("item", i, "x".repeat(1000));
    }
    await finish(socket);
  },
  async "server-disconnect"() {
    const socket = open();
    await hello(socket, 1);
    socket.emit("kick-me");
    same((await socket.take("disconnect"))[0], "io server disconnect");
    socket.connect();
    await hello(socket, 2);
    socket.emit("kick-hard");
    same((await socket.take("disconnect"))[0], "io server disconnect");
  },
  async reconnect() {
    const socket = open();
    await hello(socket, 1);
    socket.once("disconnect", () => [1, 2, 3].forEach((n) => socket.emit("kept", n)));
    socket.emit("cut-me");
    same((await socket.take("disconnect"))[0], "transport close");
    await hello(socket, 2);
    await finish(socket);
  },
  async "reconnect-hard"() {
    const socket = open();
    await hello(socket, 1);
    let failures = 0;
    socket.io.on("reconnect_error", () => failures++);
    socket.emit("go-away");
    await hello(socket, 2);
    assert.ok(failures > 0);
    await finish(socket);
  },
  async "ack-lost"() {
    const socket = open();
    await hello(socket, 1);
    socket.emit("cut-me", () => {});
    await hello(socket, 2);
    await finish(socket);
  },
  async recovery() {
    const socket = open();
    for (let i = 0; i < 200; i++) {
      same((await socket.take("n"))[0], i);
    }
    for (let i = 0; i < 2; i++) {
      same((await socket.take("disconnect"))[0], "transport close");
    }
    socket.emit("got", 2);
    await finish(socket);
  },
  async "recovery-lost"() {
    const socket = open();
    await socket.take("hello");
    socket.emit("cut-me");
    await socket.take("hello");
    assert.equal(socket.recovered, false);
    await finish(socket);
  },
  async heartbeat() {
    const socket = open();
    await hello(socket, 1);
    await socket.take("alive");
    await finish(socket);
  },
  async "ping-timeout"() {
    const socket = open({ reconnection: false });
    await hello(socket, 1);
    same((await socket.take("disconnect"))[0], "ping timeout");
  },
  async refused() {
    const socket = open({ reconnection: false });
    await socket.take("connect_error");
    socket.disconnect();
  },
  async auth() {
    const socket = open({
      path: "/custom/path/",
      query: { room: 42, x: "a&b" },
      extraHeaders: { "X-Token": "abc" },
      auth: { token: "bad" },
    });
    await socket.take("connect_error");
    socket.auth = { token: "good", n: [1, "☃"] };
    socket.connect();
    same(await socket.take("welcome"), ["authorized"]);
    socket.disconnect();
  },
  async namespaces() {
    const main = open();
    const [a, b] = ["/a", "/b"].map((name) => main.io.socket(name).connect());
    const denied = main.io.socket("/denied").connect();
    const [error] = await next(denied, "connect_error");
    same([error.message, error.data], ["denied", { code: 403, why: ["x"] }]);
    same(await call(a, "tag", "/a"), ["/a"]);
    same(await call(b, "ping-me"), ["/b"]);
    a.disconnect();
    b.disconnect();
    await finish(main);
  },
};

await scenarios[scenario]();
process.exitCode = 0;
