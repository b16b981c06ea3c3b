// The official JavaScript client against interop-server, over each way to use the transports.
import { io } from "socket.io-client";
import ioV2 from "socket.io-client-v2";
import {
  assert,
  call,
  certificate,
  comesBack,
  next,
  runAll,
  same,
  startServer,
  test,
  testEachMode,
  until,
  within,
} from "./support.mjs";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";

// A client with its own connection, not yet connected.
function client(t, server, mode, nsp = "/", options = {}) {
  const socket = io(server.url + nsp, {
    forceNew: true,
    autoConnect: false,
    reconnection: false,
    transports: mode.transports,
    ...options,
  });
  // Not awaited by anyone: without a listener it would be lost silently.
  socket.on("connect_error", (error) => {
    t.output += `connect_error: ${error.message} ${error.description ?? ""}\n`;
  });
  t.after(async () => socket.disconnect());
  return socket;
}

// The client, connected; its welcome has come.
async function connected(t, server, mode, nsp, options) {
  const socket = client(t, server, mode, nsp, options);
  const welcome = next(socket, "welcome");
  socket.connect();
  socket.welcome = await welcome;
  return socket;
}

// Waits for the upgrade where there is one to come.
async function settled(socket, mode) {
  const { engine } = socket.io;
  if (mode.name === "upgrade" && engine.transport.name !== "websocket") {
    await next(engine, "upgrade");
  }
  return socket;
}

function finalTransport(mode) {
  return mode.name === "polling" ? "polling" : "websocket";
}

// A namespace per case that is looked at by a second client.
async function withWitness(t, mode, ...args) {
  const server = await startServer(t, ...args);
  const witness = await connected(t, server, { transports: ["websocket"] });
  const socket = await settled(await connected(t, server, mode), mode);
  return { server, witness, socket };
}

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const VALUES = [
  ["none"],
  ["text", "", "café", "☃𝄞", "\u0000 inside", "\u2028\u2029", "a".repeat(5000)],
  ["escapes", 'quotes " and \\ and \n', "\u0001\u001f\u007f/"],
  ["numbers", 0, -1, 42, 1.5, -0.1, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1],
  ["constants", true, false, null],
  ["lists", [], [[[]]], [1, "two", [3]], [null, null]],
  ["objects", {}, { a: { b: [] } }, { "": 0, "ключ": 1, toString: "x" }],
  ["no placeholder", { _placeholder: false, num: 0 }],
  ["lone surrogate", "\ud800"],
];

const BINARIES = [
  ["alone", BYTES],
  ["empty", Buffer.alloc(0)],
  ["several", BYTES, "between", Buffer.from([0]), 7, Buffer.from([255, 254])],
  ["nested", { a: Buffer.from([0, 1]), list: ["x", Buffer.alloc(0), { deep: BYTES }] }, [[BYTES]]],
  ["ten", ...Array.from({ length: 10 }, (_, i) => Buffer.from([i]))],
  ["views", new Uint8Array([1, 2]).subarray(1), new Uint8Array(9).buffer, new Float32Array([1.5])],
];

// ---- connecting ----

// IO38
testEachMode("connects, with an id of its own and the auth payload", async (t, mode) => {
  const server = await startServer(t);
  const auth = { token: "abc", n: { list: [1, "☃"] } };
  const socket = await connected(t, server, mode, "/", { auth });
  same(socket.welcome, [socket.id, auth]);
  assert.equal(socket.id.length, 20);
  assert.notEqual(socket.id, socket.io.engine.id);
  await settled(socket, mode);
  same(await call(socket, "transport"), [finalTransport(mode)]);
});

testEachMode("has an empty auth payload when the client sends none", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  same(socket.welcome, [socket.id, {}]);
});

testEachMode("connects anew with another id and another auth payload", async (t, mode) => {
  const server = await startServer(t);
  let attempt = 0;
  const auth = (send) => send({ attempt: ++attempt });
  const socket = await connected(t, server, mode, "/", { auth });
  const first = socket.id;
  socket.disconnect();
  const welcome = next(socket, "welcome");
  socket.connect();
  same(await welcome, [socket.id, { attempt: 2 }]);
  assert.notEqual(socket.id, first);
});

test("a transport that the server lacks is refused", async (t) => {
  for (const [offered, wanted] of [
    ["websocket", "polling"],
    ["polling", "websocket"],
  ]) {
    const server = await startServer(t, "--transports", offered);
    const socket = client(t, server, { transports: [wanted] });
    const refused = next(socket, "connect_error");
    socket.connect();
    await refused;
    assert.equal(socket.connected, false);
    const other = await connected(t, server, { transports: [offered] });
    same(await call(other, "transport"), [offered]);
  }
});

test("no upgrade is offered when the server does not want one", async (t) => {
  for (const args of [["--no-upgrade"], ["--transports", "polling"]]) {
    const server = await startServer(t, ...args);
    const socket = client(t, server, { transports: ["polling", "websocket"] });
    const welcome = next(socket, "welcome");
    socket.connect();
    const [handshake] = await next(socket.io.engine, "handshake");
    same(handshake.upgrades, []);
    await welcome;
    same(await call(socket, "transport"), ["polling"]);
  }
});

// ---- events and acknowledgements ----

// IO79 IO81 IO99
for (const [what, ...args] of VALUES) {
  testEachMode(`values come back, as events and acknowledged: ${what}`, async (t, mode) => {
    const socket = await connected(t, await startServer(t), mode);
    for (let round = 0; round < 2; round++) {
      await comesBack(socket, args);
      await settled(socket, mode);
    }
  });
}

// E78 E79 E80 IO87 IO88 IO101 IO104
for (const [what, ...args] of BINARIES) {
  testEachMode(`binary comes back as it was: ${what}`, async (t, mode) => {
    const socket = await connected(t, await startServer(t), mode);
    for (let round = 0; round < 2; round++) {
      await comesBack(socket, args);
      await settled(socket, mode);
    }
  });
}

// E96
testEachMode("text and binary messages keep their order", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  const got = [];
  socket.on("echo-back", (...args) => got.push(args));
  const value = (i) => (i % 3 === 0 ? Buffer.from([i]) : `text ${i}`);
  const sent = Array.from({ length: 60 }, (_, i) => [i, value(i)]);
  sent.forEach((args) => socket.emit("echo", ...args));
  await until(socket, ["echo-back"], () => got.length >= sent.length, "all echoes");
  same(got, sent);
});

testEachMode("the server asks and is answered", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  socket.on("question", (value, answer) => answer(value, { x: BYTES }, [1]));
  const answer = next(socket, "answer");
  socket.emit("ask-me", "how many?");
  same(await answer, ["how many?", { x: BYTES }, [1]]);
});

testEachMode("the server gives up waiting, and a late answer is ignored", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  const answers = [];
  socket.on("answer", (...args) => answers.push(args));
  const question = next(socket, "question");
  const gaveUp = next(socket, "answer-timeout");
  socket.emit("ask-me", "slow", 100);
  const [, late] = await question;
  same(await gaveUp, []);
  late("too late");
  same(await call(socket, "echo", 1), [1]);
  same(answers, []);
});

testEachMode("the client gives up waiting for what is never acknowledged", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  await assert.rejects(socket.timeout(100).emitWithAck("unknown", 1), /timed out/);
  same(await call(socket, "echo", 1), [1]);
});

testEachMode("1000 acknowledgements at once find their callers", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  same(
    await Promise.all(numbers.map((n) => call(socket, "echo", n))),
    numbers.map((n) => [n]),
  );
});

// ---- namespaces ----

// IO41 IO110
testEachMode("several namespaces share one connection", async (t, mode) => {
  const server = await startServer(t);
  const main = await connected(t, server, mode);
  const chat = main.io.socket("/chat", { auth: { who: "chat" } });
  const admin = main.io.socket("/admin");
  const welcomes = [next(chat, "welcome"), next(admin, "welcome")];
  chat.connect();
  admin.connect();
  const [[chatId, chatAuth]] = await Promise.all(welcomes);
  same([chatId, chatAuth], [chat.id, { who: "chat" }]);
  assert.equal(new Set([main.id, chat.id, admin.id]).size, 3);

  const strays = [];
  main.onAny((name) => strays.push(name));
  admin.onAny((name) => strays.push(name));
  const said = next(chat, "said");
  chat.emit("all", "said", "hi");
  same(await said, ["hi"]);
  for (const socket of [main, chat, admin]) {
    same(await call(socket, "echo", socket.nsp, BYTES), [socket.nsp, BYTES]);
  }
  same(strays, []);
});

// IO48
testEachMode("an unknown namespace is refused, the others go on", async (t, mode) => {
  const main = await connected(t, await startServer(t), mode);
  const nope = main.io.socket("/nope");
  const refused = next(nope, "connect_error");
  nope.connect();
  const [error] = await refused;
  assert.equal(error.message, "Invalid namespace");
  assert.equal(error.data, undefined);
  assert.equal(nope.connected, false);
  same(await call(main, "echo", 1), [1]);
});

testEachMode("a namespace is left and entered again while another goes on", async (t, mode) => {
  const { server, witness, socket: main } = await withWitness(t, mode);
  const watcher = await connected(t, server, { transports: ["websocket"] }, "/chat");
  const chat = main.io.socket("/chat");
  const first = next(chat, "welcome");
  chat.connect();
  await first;
  const id = chat.id;
  const left = next(watcher, "peer-left");
  chat.disconnect();
  same(await left, [id, "client namespace disconnect"]);
  const again = next(chat, "welcome");
  chat.connect();
  same(await again, [chat.id, {}]);
  assert.notEqual(chat.id, id);
  same(await call(main, "echo", 1), [1]);
  same(await call(witness, "echo", 2), [2]);
});

// ---- rooms and broadcasting ----

// Three clients; got[i] lists what client i received. `settle` waits until all that was sent came.
async function trio(t, mode) {
  const server = await startServer(t);
  const all = [];
  for (let i = 0; i < 3; i++) {
    all.push(await connected(t, server, mode));
  }
  const got = all.map(() => []);
  all.forEach((socket, i) => socket.onAny((...event) => got[i].push(event)));
  return {
    all,
    got,
    // What a client sends is handled in order, and so is what it is sent.
    async settle(sender) {
      await call(sender, "echo");
      await Promise.all(all.map((socket) => call(socket, "echo")));
    },
  };
}

testEachMode("joins and leaves rooms", async (t, mode) => {
  const socket = await connected(t, await startServer(t), mode);
  same(await call(socket, "rooms"), []);
  for (const room of ["b", "a", "b", "комната"]) {
    same(await call(socket, "join", room), ["ok"]);
  }
  same(await call(socket, "rooms"), ["a", "b", "комната"]);
  same(await call(socket, "leave", "a"), ["ok"]);
  same(await call(socket, "leave", "never joined"), ["ok"]);
  same(await call(socket, "rooms"), ["b", "комната"]);
});

testEachMode("a room's members get what is sent to it, the sender not", async (t, mode) => {
  const { all, got, settle } = await trio(t, mode);
  const [a, b] = all;
  await call(a, "join", "red");
  await call(b, "join", "red");
  a.emit("to-room", "red", "news", { x: BYTES }, 1);
  a.emit("in-room", "red", "more");
  await settle(a);
  same(got, [[["more"]], [["news", { x: BYTES }, 1], ["more"]], []]);
  await call(b, "leave", "red");
  a.emit("to-room", "red", "nobody");
  await settle(a);
  same(got[1].length, 2);
});

testEachMode("a member of two rooms gets a message once", async (t, mode) => {
  const { all, got, settle } = await trio(t, mode);
  const [a, b, c] = all;
  await call(b, "join", "red");
  await call(b, "join", "blue");
  await call(c, "join", "blue");
  a.emit("to-rooms", "red", "blue", "news", 1);
  await settle(a);
  same(got, [[], [["news", 1]], [["news", 1]]]);
});

testEachMode("each client is in the room named by its id", async (t, mode) => {
  const { all, got, settle } = await trio(t, mode);
  all[0].emit("to-room", all[2].id, "psst", "☃");
  await settle(all[0]);
  same(got, [[], [], [["psst", "☃"]]]);
});

testEachMode("broadcasts to the others, to all, to all but a room", async (t, mode) => {
  const { all, got, settle } = await trio(t, mode);
  await call(all[1], "join", "red");
  all[0].emit("broadcast", "others", BYTES);
  all[0].emit("all", "all", { n: 1 });
  all[0].emit("except", "red", "not red");
  await settle(all[0]);
  same(got, [
    [["all", { n: 1 }], ["not red"]],
    [["others", BYTES], ["all", { n: 1 }]],
    [["others", BYTES], ["all", { n: 1 }], ["not red"]],
  ]);
});

testEachMode("one who left gets no more", async (t, mode) => {
  const { all, got } = await trio(t, mode);
  const [a, b, c] = all;
  await call(b, "join", "red");
  const left = next(a, "peer-left");
  b.disconnect();
  await left;
  a.emit("in-room", "red", "nobody");
  a.emit("broadcast", "others");
  await call(a, "echo");
  await call(c, "echo");
  same(got[1], []);
  same(got[2].at(-1), ["others"]);
});

test("40 clients on mixed transports each get 50 broadcasts once, in order", async (t) => {
  const server = await startServer(t);
  const modes = [["polling"], ["websocket"], ["polling", "websocket"]];
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, i) => connected(t, server, { transports: modes[i % 3] })),
  );
  const done = all.map((socket) => {
    const got = [];
    socket.on("n", (n) => got.push(n));
    return until(socket, ["n"], () => got.length >= 50, "50 broadcasts").then(() => got);
  });
  const numbers = Array.from({ length: 50 }, (_, i) => i);
  numbers.forEach((n) => all[0].emit("all", "n", n));
  for (const got of await Promise.all(done)) {
    same(got, numbers);
  }
});

// ---- endings, as both sides see them ----

testEachMode("reasons: the client leaves the namespace", async (t, mode) => {
  const { witness, socket } = await withWitness(t, mode);
  const { id } = socket;
  const [left, here] = [next(witness, "peer-left"), next(socket, "disconnect")];
  socket.disconnect();
  same((await here)[0], "io client disconnect");
  same(await left, [id, "client namespace disconnect"]);
});

testEachMode("reasons: the server disconnects one namespace", async (t, mode) => {
  const { witness, socket } = await withWitness(t, mode);
  const chat = socket.io.socket("/chat");
  const welcome = next(chat, "welcome");
  chat.connect();
  await welcome;
  const { id } = socket;
  const [left, here] = [next(witness, "peer-left"), next(socket, "disconnect")];
  socket.emit("kick");
  same((await here)[0], "io server disconnect");
  same(await left, [id, "server namespace disconnect"]);
  same(await call(chat, "echo", 1), [1]);
});

testEachMode("reasons: the server disconnects the client wholly", async (t, mode) => {
  const { server, witness, socket } = await withWitness(t, mode);
  const watcher = await connected(t, server, { transports: ["websocket"] }, "/chat");
  const chat = socket.io.socket("/chat");
  const welcome = next(chat, "welcome");
  chat.connect();
  await welcome;
  const [id, chatId] = [socket.id, chat.id];
  const left = [next(witness, "peer-left"), next(watcher, "peer-left")];
  const here = [next(socket, "disconnect"), next(chat, "disconnect")];
  socket.emit("kick-hard");
  const reasons = (await Promise.all(here)).map(([reason]) => reason);
  same(reasons, ["io server disconnect", "io server disconnect"]);
  same(await left[0], [id, "server namespace disconnect"]);
  same(await left[1], [chatId, "server namespace disconnect"]);
});

testEachMode("reasons: the server closes the connection", async (t, mode) => {
  const { witness, socket } = await withWitness(t, mode);
  const { id } = socket;
  const [left, here] = [next(witness, "peer-left"), next(socket, "disconnect")];
  socket.emit("drop");
  same((await here)[0], "transport close");
  same(await left, [id, "forced close"]);
});

testEachMode("reasons: the client closes the connection", async (t, mode) => {
  const { witness, socket } = await withWitness(t, mode);
  const { id } = socket;
  const left = next(witness, "peer-left");
  socket.io.engine.close();
  same(await left, [id, "transport close"]);
});

testEachMode("reasons: the connection is lost", async (t, mode) => {
  const server = await startServer(t);
  const witness = await connected(t, server, { transports: ["websocket"] });
  const agent = new Agent({ keepAlive: true });
  const socket = await settled(await connected(t, server, mode, "/", { agent }), mode);
  const { id } = socket;
  const left = next(witness, "peer-left");
  const { transport } = socket.io.engine;
  if (transport.name === "websocket") {
    transport.ws.terminate();
    same(await left, [id, "transport close"]);
  } else {
    // With the answer to a POST come and gone, what is left is the poll that the server holds.
    await call(socket, "echo");
    await until(transport, ["poll"], () => transport._polling, "a poll to be pending");
    agent.destroy();
    same(await left, [id, "transport error"]);
  }
});

testEachMode("reasons: the client does not answer pings", async (t, mode) => {
  const limits = ["--ping-interval", "600", "--ping-timeout", "400"];
  const { witness, socket } = await withWitness(t, mode, ...limits);
  const { id } = socket;
  const left = next(witness, "peer-left");
  const here = next(socket, "disconnect");
  socket.io.engine.removeAllListeners("ping");
  const { engine } = socket.io;
  const send = engine._sendPacket;
  engine._sendPacket = (type, ...rest) => type !== "pong" && send.call(engine, type, ...rest);
  same(await left, [id, "ping timeout"]);
  same((await here)[0], "transport close");
});

testEachMode("reasons: the server ends", async (t, mode) => {
  const server = await startServer(t);
  const socket = await settled(await connected(t, server, mode), mode);
  const here = next(socket, "disconnect");
  const { stop } = server;
  const ended = stop.call(server);
  server.stop = async () => {};
  assert.match((await here)[0], /^(transport (close|error)|io server disconnect)$/);
  await ended;
});

testEachMode("the heartbeat keeps an idle connection", async (t, mode) => {
  const server = await startServer(t, "--ping-interval", "50", "--ping-timeout", "5000");
  const socket = await connected(t, server, mode);
  for (let i = 0; i < 10; i++) {
    await next(socket.io.engine, "ping");
  }
  same(await call(socket, "echo", 1), [1]);
});

testEachMode("reconnects with a new id, sends once, in order, what was kept", async (t, mode) => {
  const server = await startServer(t);
  const options = { reconnection: true, reconnectionDelay: 50, randomizationFactor: 0 };
  const socket = await connected(t, server, mode, "/", options);
  const first = socket.id;
  for (let n = 0; n < 3; n++) {
    const gone = next(socket, "disconnect");
    socket.emit("drop");
    await gone;
    const welcome = next(socket, "welcome");
    for (let i = 0; i < 100; i++) {
      socket.emit("up", i);
    }
    await welcome;
    assert.notEqual(socket.id, first);
    same(await call(socket, "up-report"), [100, 99, 0]);
  }
});

// ---- size and order ----

testEachMode("1 MB of text and of binary go both ways", async (t, mode) => {
  const server = await startServer(t, "--max-payload", "10000000");
  const socket = await connected(t, server, mode);
  const text = "aé☃𝄞".repeat(100000);
  const bytes = Buffer.from(Uint8Array.from({ length: 1000000 }, (_, i) => i * 7));
  for (let round = 0; round < 2; round++) {
    same(await call(socket, "echo", text), [text]);
    same(await call(socket, "echo", { bytes }, text), [{ bytes }, text]);
    await settled(socket, mode);
  }
});

testEachMode("a message over the limit closes the connection", async (t, mode) => {
  const { witness, socket } = await withWitness(t, mode, "--max-payload", "10000");
  same(await call(socket, "echo", "x".repeat(9000)), ["x".repeat(9000)]);
  const { id } = socket;
  const [left, here] = [next(witness, "peer-left"), next(socket, "disconnect")];
  socket.emit("echo", "x".repeat(10001));
  // Over polling the client takes the 413 for the end; over WebSocket the server closes.
  const polling = mode.name === "polling";
  same((await here)[0], polling ? "transport error" : "transport close");
  if (!polling) {
    same(await left, [id, "transport error"]);
  }
});

testEachMode("10,000 numbered events each way arrive once, in order", async (t, mode) => {
  const COUNT = 10000;
  const server = await startServer(t);
  const socket = await connected(t, server, mode);
  let [got, wrong] = [0, 0];
  socket.on("down", (n) => {
    wrong += n === got ? 0 : 1;
    got++;
  });
  const end = next(socket, "down-end");
  socket.emit("stream", COUNT, 1, 20);
  // Spread over many turns, so that the upgrade falls into them.
  await new Promise((resolve) => {
    let sent = 0;
    const some = () => {
      for (let i = 0; i < 20; i++) {
        socket.emit("up", sent++);
      }
      if (sent < COUNT) {
        setTimeout(some, 1);
      } else {
        resolve();
      }
    };
    some();
  });
  same(await call(socket, "up-report"), [COUNT, COUNT - 1, 0]);
  same(await end, [COUNT]);
  same([got, wrong], [COUNT, 0]);
  await settled(socket, mode);
  same(await call(socket, "transport"), [finalTransport(mode)]);
});

testEachMode("a volley of 10,000 events in one turn arrives once, in order", async (t, mode) => {
  const COUNT = 10000;
  const socket = await connected(t, await startServer(t), mode);
  const end = next(socket, "down-end");
  let wrong = 0;
  let got = 0;
  socket.on("down", (n) => {
    wrong += n === got ? 0 : 1;
    got++;
  });
  for (let i = 0; i < COUNT; i++) {
    socket.emit("up", i);
  }
  socket.emit("stream", COUNT, 0, COUNT);
  same(await call(socket, "up-report"), [COUNT, COUNT - 1, 0]);
  same(await end, [COUNT]);
  same([got, wrong], [COUNT, 0]);
});

// ---- compression, TLS ----

testEachMode("compressed messages come back as they were", async (t, mode) => {
  const server = await startServer(t, "--deflate");
  const socket = await settled(await connected(t, server, mode), mode);
  if (mode.name !== "polling") {
    assert.match(socket.io.engine.transport.ws.extensions, /permessage-deflate/);
  }
  for (const size of [10, 1023, 1024, 5000, 200000]) {
    const args = ["ab☃".repeat(size / 5), Buffer.alloc(size, "xyz"), { size }];
    same(await call(socket, "echo", ...args), args);
  }
});

testEachMode("over TLS", async (t, mode) => {
  const { cert, key } = certificate(t);
  const server = await startServer(t, "--tls-cert", cert, "--tls-key", key);
  const socket = await connected(t, server, mode, "/", { ca: readFileSync(cert) });
  for (let round = 0; round < 2; round++) {
    const text = "☃".repeat(100000);
    same(await call(socket, "echo", text, BYTES), [text, BYTES]);
    await settled(socket, mode);
  }
  same(await call(socket, "transport"), [finalTransport(mode)]);
});

test("a plain request to the TLS port does no harm", async (t) => {
  const { cert, key } = certificate(t);
  const server = await startServer(t, "--tls-cert", cert, "--tls-key", key);
  const plain = fetch(`http://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=polling`);
  await assert.rejects(within(plain, "the refusal"));
  const ca = readFileSync(cert);
  const socket = await connected(t, server, { transports: ["polling"] }, "/", { ca });
  same(await call(socket, "echo", 1), [1]);
});

// ---- the client of Socket.IO 2.x ----

function clientV2(t, server, mode, nsp = "/", options = {}) {
  const socket = ioV2(server.url + nsp, {
    forceNew: true,
    reconnection: false,
    transports: mode.transports,
    ...options,
  });
  t.after(async () => socket.disconnect());
  return socket;
}

testEachMode("2.x: events, acknowledgements, binary", async (t, mode) => {
  const socket = clientV2(t, await startServer(t, "--eio3"), mode);
  const welcome = next(socket, "welcome");
  await next(socket, "connect");
  same(await welcome, [socket.id, {}]);
  for (let round = 0; round < 2; round++) {
    for (const args of [
      [],
      ["€😀", { a: [1, null] }],
      [BYTES, "x", { deep: [BYTES] }],
      [Buffer.alloc(0)],
    ]) {
      await comesBack(socket, args);
    }
    await settled(socket, mode);
  }
  same(await call(socket, "transport"), [finalTransport(mode)]);
});

testEachMode("2.x: namespaces, the query being the auth payload", async (t, mode) => {
  const server = await startServer(t, "--eio3");
  const main = clientV2(t, server, mode);
  const chat = main.io.socket("/chat", { query: { token: "a&b=ü", n: 1 } });
  const nope = main.io.socket("/nope");
  const [welcome, refused] = [next(chat, "welcome"), next(nope, "error")];
  chat.connect();
  nope.connect();
  same(await welcome, [chat.id, { token: "a&b=ü", n: "1" }]);
  assert.match(chat.id, /^\/chat#/);
  same(await refused, [{ message: "Invalid namespace" }]);
  same(await call(chat, "echo", 1), [1]);
});

testEachMode("2.x: endings", async (t, mode) => {
  const server = await startServer(t, "--eio3");
  const witness = await connected(t, server, { transports: ["websocket"] });
  for (const [event, here, there] of [
    ["kick", "io server disconnect", "server namespace disconnect"],
    ["drop", "transport close", "forced close"],
  ]) {
    const socket = clientV2(t, server, mode);
    await next(socket, "welcome");
    await settled(socket, mode);
    const { id } = socket;
    const [left, reason] = [next(witness, "peer-left"), next(socket, "disconnect")];
    socket.emit(event);
    same((await reason)[0], here);
    same(await left, [id, there]);
  }
});

testEachMode("2.x: the heartbeat is the client's", async (t, mode) => {
  const server = await startServer(t, "--eio3", "--ping-interval", "50", "--ping-timeout", "5000");
  const socket = clientV2(t, server, mode);
  for (let i = 0; i < 10; i++) {
    await next(socket.io, "pong");
  }
  same(await call(socket, "echo", 1), [1]);
});

testEachMode("2.x: is refused unless it is wanted", async (t, mode) => {
  const socket = clientV2(t, await startServer(t), mode);
  await next(socket, "connect_error");
  assert.equal(socket.connected, false);
});

await runAll();
