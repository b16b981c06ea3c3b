// conformance-server, profile by profile: each line of what it promises, with the official client
// where there is one and raw bytes where none would send them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import {
  assert,
  call,
  certificate,
  launch,
  listening,
  next,
  runAll,
  same,
  test,
  until,
  within,
} from "../interop/support.mjs";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
const { io } = require("socket.io-client");
const { Socket: EngineSocket } = require("engine.io-client");
const { WebSocket } = require("ws");

const TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]];
const SEPARATOR = "\x1e";

function serve(t, profile, ...args) {
  const all = ["--profile", profile, "--port", "0", ...args];
  return listening(t, launch(t, "tests/conformance/conformance-server", all), args);
}

// ---- official clients ----

// A client of one namespace, not yet connected.
function client(t, server, name = "/", options = {}) {
  const socket = io(server.url + name, {
    transports: ["websocket"],
    forceNew: true,
    autoConnect: false,
    reconnection: false,
    ...options,
  });
  socket.events = []; // all that came, in order
  socket.onAny((...event) => socket.events.push(event));
  t.after(async () => socket.disconnect());
  return socket;
}

// The same, connected; what `first` names came as the first event.
async function connected(t, server, name, options, first) {
  const socket = client(t, server, name, options);
  const coming = Promise.all([next(socket, "connect"), first && next(socket, first)]);
  const refused = next(socket, "connect_error").then(([error]) => Promise.reject(error));
  refused.catch(() => {});
  socket.connect();
  const [, args] = await Promise.race([coming, refused]);
  socket.first = args;
  return socket;
}

async function refusal(t, server, name, options) {
  const socket = client(t, server, name, options);
  socket.connect();
  const [error] = await next(socket, "connect_error");
  return { message: error.message, data: error.data };
}

// A raw Engine.IO client, open, whose messages are collected.
async function engineClient(t, server, options = {}) {
  const socket = new EngineSocket(`${server.url}/engine.io/`, {
    transports: ["websocket"],
    ...options,
  });
  socket.binaryType = "arraybuffer";
  socket.messages = [];
  socket.on("message", (message) => socket.messages.push(message));
  t.after(async () => socket.close());
  await next(socket, "open");
  return socket;
}

function messages(socket, count) {
  return until(socket, ["message"], () => socket.messages.length >= count, `${count} messages`);
}

// ---- HTTP ----

async function http(server, path, options) {
  const response = await within(fetch(server.url + path, options), path);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const status = async (...args) => (await http(...args)).status;

// A polling session by hand.
class Polling {
  constructor(server, base) {
    Object.assign(this, { server, base });
  }

  static async open(server, path) {
    const base = `${path}?EIO=4&transport=polling`;
    const { text } = await http(server, base);
    assert.equal(text[0], "0");
    const session = new Polling(server, base);
    session.handshake = JSON.parse(text.slice(1));
    session.base += `&sid=${session.handshake.sid}`;
    return session;
  }

  get() {
    return http(this.server, this.base);
  }

  post(body) {
    return http(this.server, this.base, { method: "POST", body });
  }
}

// ---- WebSocket by hand ----

// Packets of a WebSocket that `ws` made; next() gives them in order, `closed` is the close code.
class Frames {
  #waiting = [];
  #packets = [];

  constructor(t, url, options) {
    this.ws = new WebSocket(url, options);
    this.ws.on("message", (data, binary) => this.#take(binary ? data : data.toString()));
    this.ws.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.ws.on("close", (code) => {
        resolve(code);
        this.#waiting.forEach((waiter) => waiter(null));
      });
    });
    t.after(async () => this.ws.terminate());
  }

  static async open(t, server, path, options) {
    const url = `${server.url.replace(/^http/, "ws")}${path}?EIO=4&transport=websocket`;
    const frames = new Frames(t, url, options);
    assert.equal((await frames.next())?.[0], "0", "the handshake");
    return frames;
  }

  #take(packet) {
    (this.#waiting.shift() ?? ((item) => this.#packets.push(item)))(packet);
  }

  // null when it was closed instead.
  next() {
    if (this.#packets.length > 0) {
      return this.#packets.shift();
    }
    const coming = new Promise((resolve) => this.#waiting.push(resolve));
    return within(Promise.race([coming, this.closed.then(() => null)]), "a packet");
  }

  // The next that is not a ping.
  async message() {
    let packet;
    do {
      packet = await this.next();
    } while (packet === "2");
    return packet;
  }

  send(packet) {
    this.ws.send(packet);
  }

  // Bytes behind what `ws` wrote.
  raw(bytes) {
    this.ws._socket.write(bytes);
  }

  end() {
    return within(this.closed, "the connection to close");
  }
}

// One frame as a client sends it. `lead` is its first byte.
function frame(lead, payload, { masked = true } = {}) {
  const data = Buffer.from(payload);
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = [lead];
  const bit = masked ? 0x80 : 0;
  if (data.length < 126) {
    head.push(bit | data.length);
  } else {
    head.push(bit | 126, data.length >> 8, data.length & 255);
  }
  const body = masked ? data.map((byte, i) => byte ^ mask[i % 4]) : data;
  return Buffer.concat([Buffer.from(head), masked ? mask : Buffer.alloc(0), body]);
}

// ---- bytes on a port ----

// What comes back for these bytes, up to the end of the connection or until `enough(text)`.
function exchange(port, bytes, enough = () => false) {
  const answer = new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    const finish = () => {
      socket.destroy();
      resolve(text);
    };
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (enough(text)) {
        finish();
      }
    });
    socket.on("close", finish);
    socket.on("error", finish);
  });
  return within(answer, "an answer");
}

const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));

// A port in front of the server whose connections can be cut.
async function cuttable(t, server) {
  const pairs = new Set();
  const proxy = createTcpServer((near) => {
    const far = connectTcp(server.port, "127.0.0.1");
    const pair = {
      cut() {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      },
    };
    pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to);
      from.on("error", pair.cut);
      from.on("close", pair.cut);
    }
  });
  const cut = () => pairs.forEach((pair) => pair.cut());
  await within(new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve)), "the proxy");
  t.after(async () => {
    proxy.close();
    cut();
  });
  return { url: `http://127.0.0.1:${proxy.address().port}`, cut };
}

// ---- profile protocol ----

for (const transports of TRANSPORTS) {
  test(`protocol: auth comes first, events and acknowledgements, ${transports}`, async (t) => {
    const server = await serve(t, "protocol");
    for (const name of ["/", "/custom"]) {
      const bare = await connected(t, server, name, { transports }, "auth");
      same(bare.events[0], ["auth", {}]);
      const named = await connected(t, server, name, { transports, auth: { token: "t" } }, "auth");
      same(named.events[0], ["auth", { token: "t" }]);
    }
    const socket = await connected(t, server, "/", { transports }, "auth");
    const args = [1, "2", { 3: [true] }, Buffer.from([4, 5]), null];
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    same(await back, args);
    same(await call(socket, "message-with-ack", ...args), args);
    same(await refusal(t, server, "/other"), { message: "Invalid namespace", data: undefined });
  });
}

test("protocol: handshakes and bad requests of Engine.IO", async (t) => {
  const server = await serve(t, "protocol");
  const { handshake } = await Polling.open(server, "/engine.io/");
  const keys = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];
  assert.deepEqual(Object.keys(handshake).sort(), keys);
  assert.deepEqual(
    [handshake.upgrades, handshake.pingInterval, handshake.pingTimeout, handshake.maxPayload],
    [["websocket"], 300, 200, 1000000],
  );
  const bad = ["", "?EIO=abc&transport=polling", "?EIO=4", "?EIO=4&transport=abc"];
  for (const query of [...bad, "?EIO=4&transport=polling&sid=none"]) {
    assert.equal(await status(server, `/engine.io/${query}`), 400, query);
  }
  for (const method of ["POST", "PUT"]) {
    const path = "/engine.io/?EIO=4&transport=polling";
    assert.equal(await status(server, path, { method }), 400, method);
  }
  const url = `ws://127.0.0.1:${server.port}/engine.io/?EIO=abc&transport=websocket`;
  const refused = new Frames(t, url);
  await refused.end();
});

test("protocol: messages over polling come back as they came", async (t) => {
  const server = await serve(t, "protocol");
  const session = await Polling.open(server, "/engine.io/");
  const { status: code, text } = await session.post(`4one${SEPARATOR}bAQIDBA==${SEPARATOR}4☃`);
  assert.deepEqual([code, text], [200, "ok"]);
  const reply = await session.get();
  assert.equal(reply.text, `4one${SEPARATOR}bAQIDBA==${SEPARATOR}4☃`);
});

test("protocol: what cannot be decoded ends the session", async (t) => {
  const server = await serve(t, "protocol");
  const session = await Polling.open(server, "/engine.io/");
  await session.post("abc");
  assert.equal((await session.get()).status, 400);
  const frames = await Frames.open(t, server, "/engine.io/");
  frames.send("abc");
  await frames.end();
  for (const packet of ["4abc", "42{}", '42abc["message"]', "44{}", '42["connect"]']) {
    const socket = await Frames.open(t, server, "/socket.io/");
    socket.send("40");
    assert.match(await socket.message(), /^40\{"sid":"[^"]+"\}$/);
    socket.send(packet);
    await socket.end();
  }
});

test("protocol: a second GET ends the session", async (t) => {
  const server = await serve(t, "protocol");
  const session = await Polling.open(server, "/engine.io/");
  const replies = await Promise.all([session.get(), session.get()]);
  replies.sort((a, b) => a.status - b.status);
  assert.deepEqual([replies[0].status, replies[0].text], [200, "1"]);
  assert.ok([400, 500].includes(replies[1].status));
  assert.equal((await session.get()).status, 400);
});

test("protocol: heartbeat, and the end of those who do not answer", async (t) => {
  const server = await serve(t, "protocol");
  const polling = await Polling.open(server, "/engine.io/");
  for (let i = 0; i < 2; i++) {
    assert.equal((await polling.get()).text, "2");
    assert.equal((await polling.post("3")).text, "ok");
  }
  assert.equal((await polling.get()).text, "2");
  assert.equal((await polling.get()).text, "1");
  assert.equal((await polling.get()).status, 400);
  const frames = await Frames.open(t, server, "/engine.io/");
  assert.equal(await frames.next(), "2");
  frames.send("3");
  assert.equal(await frames.next(), "2");
  await frames.end();
});

test("protocol: a client says that it closes", async (t) => {
  const server = await serve(t, "protocol");
  const session = await Polling.open(server, "/engine.io/");
  const [pending] = await Promise.all([session.get(), session.post("1")]);
  assert.ok(["6", "1"].includes(pending.text) || pending.status === 400, pending.text);
  assert.equal((await session.get()).status, 400);
  const frames = await Frames.open(t, server, "/engine.io/");
  frames.send("1");
  await frames.end();
});

test("protocol: upgrade", async (t) => {
  const server = await serve(t, "protocol");
  const session = await Polling.open(server, "/engine.io/");
  const url = `ws://127.0.0.1:${server.port}${session.base.replace("polling", "websocket")}`;
  const frames = new Frames(t, url);
  await within(new Promise((resolve) => frames.ws.on("open", resolve)), "the WebSocket");
  frames.send("2probe");
  assert.equal(await frames.next(), "3probe");
  assert.equal((await session.get()).text, "6");
  frames.send("5");
  frames.send("4right behind");
  assert.equal(await frames.message(), "4right behind");
  assert.equal((await session.get()).status, 400);
  await new Frames(t, url).end();
  frames.send("4still here");
  assert.equal(await frames.message(), "4still here");
});

test("protocol: leaving a namespace keeps the connection, joining none does not", async (t) => {
  const server = await serve(t, "protocol");
  const frames = await Frames.open(t, server, "/socket.io/");
  frames.send("40");
  await frames.message();
  assert.equal(await frames.message(), '42["auth",{}]');
  frames.send("41");
  assert.equal(await frames.next(), "2");
  const idle = await Frames.open(t, server, "/socket.io/");
  idle.ws.on("message", (data) => data.toString() === "2" && idle.send("3"));
  await idle.end();
});

// ---- profile jsclient ----

for (const transports of TRANSPORTS) {
  test(`jsclient: events, ${transports}`, async (t) => {
    const server = await serve(t, "jsclient");
    const socket = await connected(t, server, "/?a=b&%26a=%26%3D%3Fa", {
      transports,
      auth: { token: 1 },
    });
    const answer = async (event, args, ...expected) => {
      const coming = next(socket, expected[0]);
      socket.emit(event, ...args);
      same((await coming).slice(0, expected.length - 1), expected.slice(1));
    };
    const bytes = Buffer.from("asdfasdf");
    await answer("hi", [], "hi");
    same(await call(socket, "echo", null), [null]);
    same(await call(socket, "echo", { b: bytes }), [{ b: bytes }]);
    socket.once("ack", (ack) => ack(5, { test: true }));
    await answer("ack", [], "got it");
    const [date] = await call(socket, "getAckDate", { test: true });
    assert.equal(new Date(date).toISOString(), date);
    for (const event of ["Date", "DateObj"]) {
      const coming = next(socket, `take${event}`);
      socket.emit(`get${event}`);
      const [value] = await coming;
      const text = event === "Date" ? value : value.date;
      assert.equal(new Date(text).toISOString(), text);
    }
    const before = socket.events.length;
    socket.emit("getUtf8");
    await answer("false", [], "false", false);
    const texts = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];
    const utf8 = socket.events.slice(before, before + 5);
    same(
      utf8.map((event) => event.slice(0, 2)), // without the offset
      texts.map((text) => ["takeUtf8", text]),
    );
    await answer("doge", [], "doge", bytes);
    await answer("getbin", [], "takebin", bytes);
    await answer("buffa", [bytes], "buffack");
    const object = { hello: "lol", message: bytes, goodbye: "gotcha" };
    await answer("jsonbuff", [object], "jsonbuff-ack");
    socket.emit("abuff1", bytes);
    await answer("abuff2", ["please arrive second"], "abuff2-ack");
    const [handshake] = await call(socket, "getHandshake");
    assert.equal(handshake.query["&a"], "&=?a");
    assert.deepEqual(handshake.auth, { token: 1 });
    same(await call(socket, "getId"), [socket.id]);
    assert.notEqual(socket.id, socket.io.engine.id);
    const count = socket.events.length;
    socket.emit("buffa", "text");
    socket.emit("jsonbuff", { hello: "lol" });
    socket.emit("unknown", () => assert.fail("acknowledged"));
    await call(socket, "getId");
    assert.equal(socket.events.length, count);
  });
}

test("jsclient: namespaces, and who is refused", async (t) => {
  const server = await serve(t, "jsclient");
  for (const name of ["/timeout_socket", "/valid", "/asd"]) {
    await connected(t, server, name);
  }
  const foo = await connected(t, server, "/foo");
  same(await call(foo, "getId"), [foo.id]);
  const abc = await connected(t, server, "/abc?x=y", { auth: { a: 1 } }, "handshake");
  assert.equal(abc.first[0].query.x, "y");
  assert.deepEqual(abc.first[0].auth, { a: 1 });
  const messageOf = async (...args) => (await refusal(t, server, ...args)).message;
  assert.equal(await messageOf("/no"), "Auth failed (custom namespace)");
  assert.equal(await messageOf("/?fail=true"), "Auth failed (main namespace)");
  assert.equal(await messageOf("/doesnotexist"), "Invalid namespace");
  await connected(t, server, "/?fail=");
});

test("jsclient: handshakes come late, sessions are recovered", async (t) => {
  const server = await serve(t, "jsclient");
  const started = performance.now();
  const socket = await connected(t, server, "/", { reconnection: true, reconnectionDelay: 1 });
  assert.ok(performance.now() - started >= 10);
  const id = socket.id;
  const coming = next(socket, "hi"); // the offset comes with it
  socket.emit("hi");
  await coming;
  const again = next(socket, "connect");
  socket.io.engine.close();
  await again;
  assert.deepEqual([socket.recovered, socket.id], [true, id]);
});

// ---- profile eioclient ----

for (const transports of TRANSPORTS) {
  test(`eioclient: messages, ${transports}`, async (t) => {
    const server = await serve(t, "eioclient");
    const socket = await engineClient(t, server, { transports });
    const bytes = Buffer.from([9, 8]);
    ["give binary", "give utf8", "text ☃", bytes].forEach((message) => socket.send(message));
    await messages(socket, 5);
    const binary = Buffer.from([0, 1, 2, 3, 4]);
    same(socket.messages, ["hi", binary, "пойду спать всем спокойной ночи", "text ☃", bytes]);
  });
}

test("eioclient: the headers of a POST", async (t) => {
  const server = await serve(t, "eioclient");
  const extraHeaders = { "X-Custom-Header": "my value" };
  const options = { transports: ["polling"], extraHeaders };
  const socket = await engineClient(t, server, options);
  socket.send("sendHeaders");
  await messages(socket, 2);
  const headers = JSON.parse(socket.messages[1]);
  assert.equal(headers["x-custom-header"], "my value");
  assert.match(headers.host, /^127\.0\.0\.1:\d+$/);
});

test("eioclient: cookies come with the handshake only", async (t) => {
  const server = await serve(t, "eioclient");
  const expected = (cookies) => {
    assert.equal(cookies.length, 4);
    const fixed = ["1=1; Max-Age=86400", "2=2; Path=/; HttpOnly; Secure; SameSite=Strict"];
    assert.deepEqual(cookies.slice(0, 3), [...fixed, "3=3; Max-Age=0"]);
    assert.match(cookies[3], /^4=4; Expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/);
  };
  const base = "/engine.io/?EIO=4&transport=polling";
  const { headers, text } = await http(server, base);
  expected(headers.getSetCookie());
  const later = await http(server, `${base}&sid=${JSON.parse(text.slice(1)).sid}`);
  assert.deepEqual(later.headers.getSetCookie(), []);
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/engine.io/?EIO=4&transport=websocket`);
  t.after(async () => ws.terminate());
  const response = new Promise((resolve) => ws.on("upgrade", resolve));
  expected((await within(response, "the handshake")).headers["set-cookie"]);
});

test("eioclient: refusals and limits", async (t) => {
  const server = await serve(t, "eioclient");
  const base = "/engine.io/?EIO=4&transport=polling";
  const denied = await http(server, `${base}&deny=1`);
  assert.deepEqual([denied.status, denied.text], [403, '{"code":4,"message":"Forbidden"}']);
  const unknown = await http(server, `${base}&sid=abc`);
  const message = '{"code":1,"message":"Session ID unknown"}';
  assert.deepEqual([unknown.status, unknown.text], [400, message]);
  for (const more of ["&deny=1", "&sid=abc"]) {
    const path = `/engine.io/?EIO=4&transport=websocket${more}`;
    const ws = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
    ws.on("error", () => {});
    const response = new Promise((resolve) => ws.on("unexpected-response", (_, r) => resolve(r)));
    const { statusCode } = await within(response, "the refusal");
    assert.ok([400, 403].includes(statusCode), String(statusCode));
    ws.terminate();
  }
  const session = await Polling.open(server, "/engine.io/");
  const large = await session.post(`4${"x".repeat(100)}`);
  assert.deepEqual([large.status, large.text], [413, ""]);
  const exact = await Polling.open(server, "/engine.io/");
  assert.equal((await exact.post(`4${"x".repeat(99)}`)).text, "ok");
  const frames = await Frames.open(t, server, "/engine.io/");
  frames.send(`4${"x".repeat(100)}`);
  assert.equal(await frames.end(), 1009);
});

// ---- profile general ----

for (const transports of TRANSPORTS) {
  test(`general: every namespace greets and echoes, ${transports}`, async (t) => {
    const server = await serve(t, "general");
    for (const name of ["/", "/chat", "/auth", "/room-7", "/room-007"]) {
      const auth = { token: "letmein", n: 1 };
      const socket = await connected(t, server, name, { transports, auth }, "welcome");
      same(socket.first, [socket.id, auth]);
      const args = [1.5, "☃𝄞", null, { a: [Buffer.from([0, 255]), {}] }, [], Buffer.alloc(0)];
      same(await call(socket, "echo", ...args), args);
      same(await call(socket, "echo"), []);
      const back = next(socket, "echo-back");
      socket.emit("echo", ...args);
      same(await back, args);
    }
    const ten = Array.from({ length: 10 }, (_, i) => Buffer.from([i]));
    const socket = await connected(t, server, "/", { transports }, "welcome");
    same(socket.first, [socket.id, {}]);
    same(await call(socket, "echo", ...ten), ten);
  });
}

test("general: namespaces, and who is refused", async (t) => {
  const server = await serve(t, "general");
  for (const name of ["/room-", "/room-1x", "/xroom-1", "/room-1/", "/Room-1", "/other"]) {
    same(await refusal(t, server, name), { message: "Invalid namespace", data: undefined });
  }
  const refused = { message: "not authorized", data: { code: 401, hint: "token" } };
  for (const auth of [{}, { token: 1 }, { token: "letmein " }]) {
    same(await refusal(t, server, "/auth", { auth }), refused);
  }
});

test("general: /chat", async (t) => {
  const server = await serve(t, "general");
  const [a, b] = [await connected(t, server, "/chat"), await connected(t, server, "/chat")];
  const heard = [next(a, "said"), next(b, "said")];
  a.emit("say", "hello");
  same(await Promise.all(heard), [
    [a.id, "hello"],
    [a.id, "hello"],
  ]);
  const left = next(b, "disconnect");
  b.emit("kick");
  assert.equal((await left)[0], "io server disconnect");
  same(await call(a, "echo", 1), [1]);
});

test("general: questions", async (t) => {
  const server = await serve(t, "general");
  const socket = await connected(t, server);
  let question = next(socket, "question");
  let answer = next(socket, "answer");
  socket.emit("ask-me", { a: 1 }, "not passed on");
  const [value, ack, ...rest] = await question;
  same([value, rest], [{ a: 1 }, []]);
  ack(value, "b", Buffer.from("c"));
  same(await answer, [{ a: 1 }, "b", Buffer.from("c")]);
  question = next(socket, "question");
  answer = next(socket, "answer-timeout");
  socket.emit("ask-me");
  const [nothing, late] = await question;
  assert.equal(nothing, null);
  same(await answer, []);
  late("late");
  const count = socket.events.length;
  same(await call(socket, "rooms"), [[]]);
  assert.equal(socket.events.length, count);
});

test("general: rooms and broadcasts", async (t) => {
  const server = await serve(t, "general");
  const sockets = [];
  for (let i = 0; i < 3; i++) {
    sockets.push(await connected(t, server, "/", {}, "welcome"));
  }
  const [one, two, three] = sockets;
  for (const [socket, room] of [
    [one, "z"],
    [one, "room"],
    [two, "room"],
  ]) {
    same(await call(socket, "join", room), ["ok"]);
  }
  same(await call(one, "rooms"), [["room", "z"]]);
  same(await call(one, "leave", "z"), ["ok"]);
  same(await call(one, "rooms"), [["room"]]);
  // Who gets what the first one sends, in this order.
  const sent = [
    [["to-room", "room", "e", { n: 1 }], [two]],
    [["in-room", "room", "e", Buffer.from("b")], [one, two]],
    [["in-room", three.id, "e", 3], [three]],
    [["broadcast", "e", 4], [two, three]],
    [["all", "e", 5], [one, two, three]],
    [["except", "room", "e", null], [three]],
    [["to-room", 7, "e", 7], []],
    [["to-room", "room", 7, 7], []],
    [["to-room", "nobody", "e", 8], []],
    [["all", "end"], [one, two, three]],
  ];
  const ends = sockets.map((socket) => next(socket, "end"));
  sent.forEach(([event]) => one.emit(...event));
  await Promise.all(ends);
  for (const socket of sockets) {
    const expected = sent.filter(([, to]) => to.includes(socket)).map(([event]) => event.at(-1));
    const got = socket.events.filter(([name]) => name === "e").map(([, data]) => data);
    same(got, expected.slice(0, -1));
    same(socket.events.at(-1), ["end", null]);
  }
});

// What the others are told, and what the one who leaves sees.
const LEAVING = [
  ["client namespace disconnect", (s) => s.disconnect(), "io client disconnect"],
  ["server namespace disconnect", (s) => s.emit("kick"), "io server disconnect"],
  ["server namespace disconnect", (s) => s.emit("kick-hard"), "io server disconnect"],
  ["forced close", (s) => s.emit("drop"), "transport close"],
  ["transport close", (s) => s.io.engine.close(), "forced close"],
  ["forced close", (s) => s.io.engine.write("2{}"), "transport close"], // as in JavaScript
];

for (const transports of TRANSPORTS.slice(0, 2)) {
  test(`general: reasons, ${transports}`, async (t) => {
    const server = await serve(t, "general");
    const observer = await connected(t, server);
    for (const [reason, leave, own] of LEAVING) {
      const socket = await connected(t, server, "/", { transports });
      const { id } = socket;
      const seen = Promise.all([next(observer, "peer-left"), next(socket, "disconnect")]);
      leave(socket);
      const [told, [mine]] = await seen;
      assert.deepEqual([told, mine], [[id, reason], own]);
      socket.io.engine.close();
    }
  });
}

test("general: reasons of a WebSocket", async (t) => {
  const server = await serve(t, "general");
  const observer = await connected(t, server);
  const large = `42["echo","${"x".repeat(10000000)}"]`;
  for (const [reason, leave] of [
    ["transport close", (frames) => frames.send("1")],
    ["transport close", (frames) => frames.ws.close()],
    ["transport close", (frames) => frames.ws.terminate()],
    ["parse error", (frames) => frames.send("9")],
    ["transport error", (frames) => frames.raw(frame(0x81, [0x34, 0xff]))],
    ["transport error", (frames) => frames.send(large)],
    ["ping timeout", () => {}],
  ]) {
    const frames = await Frames.open(t, server, "/socket.io/");
    frames.send("40");
    const { sid } = JSON.parse((await frames.message()).slice(2));
    const told = next(observer, "peer-left");
    leave(frames);
    assert.deepEqual(await told, [sid, reason]);
  }
});

for (const transports of TRANSPORTS) {
  test(`general: order and number of events, ${transports}`, async (t) => {
    const server = await serve(t, "general");
    const count = 10000;
    const socket = await connected(t, server, "/", { transports }, "welcome");
    const end = next(socket, "down-end");
    socket.emit("no-ack", 1, () => assert.fail("acknowledged"));
    socket.emit("stream", count, 0, 10);
    for (let n = 0; n < count; n++) {
      socket.emit("up", n);
    }
    same(await end, [count]);
    same(await call(socket, "up-report"), [count, count - 1, 0]);
    const down = socket.events.filter(([name]) => name === "down");
    assert.ok(down.every(([, n, pad], i) => n === i && pad === "xxxxxxxxxx"));
    assert.equal(down.length, count);
    const { engine } = socket.io;
    const wanted = transports.at(-1);
    if (engine.transport.name !== wanted) {
      await until(engine, ["upgrade"], () => engine.transport.name === wanted, "the upgrade");
    }
    same(await call(socket, "transport"), [wanted]);
    socket.emit("up", "odd");
    same(await call(socket, "up-report"), [count + 1, 0, 1]);
  });
}

// ---- profile csr ----

test("csr: cut connections lose nothing of a stream, nor their state", async (t) => {
  const server = await serve(t, "csr");
  const proxy = await cuttable(t, server);
  const options = { reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 2 };
  const socket = await connected(t, proxy, "/", options, "welcome");
  const { id } = socket;
  const [count, cuts] = [400, 20];
  same(await call(socket, "join", "room"), ["ok"]);
  let ups = 0;
  let recovered = 0;
  socket.on("recovered", (own) => {
    recovered += own === id ? 1 : 0;
  });
  let done = 0;
  socket.on("down", (n) => {
    socket.emit("up", ups++);
    if (recovered === done && done < cuts && n >= ((done + 1) * count) / (cuts + 1)) {
      done++;
      proxy.cut();
    }
  });
  socket.emit("stream", count, 2, 10);
  const ended = () => recovered === done && socket.events.some(([name]) => name === "down-end");
  await until(socket, ["down-end", "recovered"], ended, "the end of the stream");
  assert.ok(done > 0);
  const down = socket.events.filter(([name]) => name === "down").map(([, n]) => n);
  same(
    down,
    Array.from({ length: count }, (_, i) => i),
  );
  assert.deepEqual([socket.id, socket.recovered], [id, true]);
  assert.equal(socket.events.filter(([name]) => name === "welcome").length, 1);
  same(await call(socket, "rooms"), [["room"]]);
  const [got] = await call(socket, "up-report");
  assert.ok(got > 0 && got <= ups, `${got} of ${ups}`);
});

test("csr: what was missed comes before `recovered`, with offsets", async (t) => {
  const server = await serve(t, "csr");
  const parsed = async (frames) => JSON.parse((await frames.message()).slice(2));
  const first = await Frames.open(t, server, "/socket.io/");
  first.send("40");
  const { sid, pid } = await parsed(first);
  const [name, id, , offset] = await parsed(first);
  assert.deepEqual([name, id, typeof offset], ["welcome", sid, "string"]);
  ['42["up",0]', '42["up",1]', '421["join","room"]'].forEach((packet) => first.send(packet));
  assert.equal(await first.message(), '431["ok"]');
  first.send('42["stream",3,0,0]');
  first.ws.terminate();
  const observer = await connected(t, server); // by now the server knows of the end
  const second = await Frames.open(t, server, "/socket.io/");
  second.send(`40${JSON.stringify({ pid, offset })}`);
  const missed = [];
  for (let i = 0; i < 4; i++) {
    missed.push(await parsed(second));
  }
  const names = missed.map((event) => event.slice(0, 2));
  assert.deepEqual(names, [["down", 0], ["down", 1], ["down", 2], ["down-end", 3]]);
  assert.ok(missed.every((event) => typeof event.at(-1) === "string"));
  assert.deepEqual(await parsed(second), { sid, pid });
  assert.deepEqual((await parsed(second)).slice(0, 2), ["recovered", sid]);
  second.send('422["rooms"]');
  assert.equal(await second.message(), '432[["room"]]');
  second.send('423["up-report"]');
  assert.equal(await second.message(), "433[2,1,0]");
  const stranger = await Frames.open(t, server, "/socket.io/");
  stranger.send(`40${JSON.stringify({ pid: "unknown", offset })}`);
  assert.notEqual((await parsed(stranger)).sid, sid);
  observer.disconnect();
});

test("general: without recovery, cuts give new sockets", async (t) => {
  const server = await serve(t, "general");
  const proxy = await cuttable(t, server);
  const options = { reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 2 };
  const socket = await connected(t, proxy, "/", options, "welcome");
  const ids = new Set([socket.id]);
  for (let i = 0; i < 10; i++) {
    const again = next(socket, "welcome");
    proxy.cut();
    const [id] = await again;
    assert.ok(!ids.has(id) && !socket.recovered);
    ids.add(id);
    same(await call(socket, "up-report"), [0, -1, 0]);
  }
});

// ---- profile wire ----

const UPGRADE =
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

// That others are still served.
async function alive(t, server) {
  const socket = await connected(t, server);
  same(await call(socket, "message-with-ack", "alive"), ["alive"]);
  socket.disconnect();
}

async function joined(t, server, options) {
  const frames = await Frames.open(t, server, "/socket.io/", options);
  frames.send("40");
  assert.match(await frames.message(), /^40/);
  return frames;
}

test("wire: fragments, with control frames between, byte for byte", async (t) => {
  const server = await serve(t, "wire");
  const frames = await joined(t, server, { perMessageDeflate: false });
  const pong = new Promise((resolve) => frames.ws.on("pong", (data) => resolve(data.toString())));
  frames.raw(frame(0x01, '42["mess'));
  frames.raw(frame(0x89, "ping"));
  frames.raw(frame(0x00, 'age","\xe2'.slice(0, 6)));
  frames.raw(frame(0x8a, "unasked for"));
  frames.raw(frame(0x80, '☃"]'));
  assert.equal(await within(pong, "a pong"), "ping");
  assert.equal(await frames.message(), '42["message-back","☃"]');
  for (const byte of frame(0x81, '42["message","slow"]')) {
    frames.raw(Buffer.from([byte]));
  }
  assert.equal(await frames.message(), '42["message-back","slow"]');
  frames.raw(frame(0x01, Buffer.from('42["message","\xe2', "latin1"))); // half a character
  frames.raw(frame(0x80, Buffer.from('\x98\x83"]', "latin1")));
  assert.equal(await frames.message(), '42["message-back","☃"]');
});

const BAD_FRAMES = [
  ["not masked", frame(0x81, "2", { masked: false }), 1002],
  ["reserved bit 1", frame(0xc1, "2"), 1002],
  ["reserved bit 2", frame(0xa1, "2"), 1002],
  ["reserved bit 3", frame(0x91, "2"), 1002],
  ["reserved opcode 3", frame(0x83, "2"), 1002],
  ["reserved control opcode", frame(0x8b, "2"), 1002],
  ["continuation of nothing", frame(0x80, "2"), 1002],
  ["data inside a message", Buffer.concat([frame(0x01, "4"), frame(0x81, "4")]), 1002],
  ["ping in fragments", frame(0x09, "a"), 1002],
  ["ping too long", frame(0x89, "x".repeat(126)), 1002],
  ["length with the top bit", Buffer.from("81ffffffffffffffffff01020304", "hex"), [1002, 1009]],
  ["length not minimal, 16 bits", Buffer.from("81fe0001010203043333", "hex"), 1002],
  ["length not minimal, 64 bits", Buffer.from("81ff0000000000000001010203043333", "hex"), 1002],
  ["too large", Buffer.from("81ff00000000000f424101020304", "hex"), 1009],
  ["invalid UTF-8", frame(0x81, [0x34, 0xff]), 1007],
  ["surrogate", frame(0x81, [0x34, 0xed, 0xa0, 0x80]), 1007],
  ["overlong", frame(0x81, [0x34, 0xc0, 0xaf]), 1007],
  ["unfinished character", frame(0x81, [0x34, 0xe2, 0x98]), 1007],
  ["close with one byte", frame(0x88, [3]), 1002],
  ["close 1000", frame(0x88, [3, 232]), 1000],
  ["close without a code", frame(0x88, []), [1000, 1005]],
  ["close 1005", frame(0x88, [3, 237]), 1002],
  ["close 999", frame(0x88, [3, 231]), 1002],
  ["close 1016", frame(0x88, [3, 248]), 1002],
  ["close 4999", frame(0x88, [19, 135]), 4999],
  ["close, bad reason", frame(0x88, [3, 232, 0xff]), 1007],
];

test("wire: frames that are not allowed, and close codes", async (t) => {
  const server = await serve(t, "wire");
  for (const [what, bytes, code] of BAD_FRAMES) {
    const frames = await joined(t, server, { perMessageDeflate: false });
    frames.raw(bytes);
    const got = await frames.end();
    assert.ok([code].flat().includes(got), `${what}: ${got}`);
  }
  await alive(t, server);
});

test("wire: packets that are not allowed", async (t) => {
  const server = await serve(t, "wire");
  const nested = `42["message",${"[".repeat(100000)}`;
  for (const packet of [
    "9",
    "4",
    "47",
    "42",
    "42[]",
    "42[1.5e999999",
    '42["message"',
    '42["message"] ',
    "42[{}]",
    '42["disconnect"]',
    "42/",
    '42/none,["message"]',
    "41/none,",
    "42999999999999999999999[",
    '451-["message",{"_placeholder":true,"num":1}]',
    '45-["message"]',
    "451-",
    '451-["message",{"_placeholder":true,"num":0}]\u0000',
    `4599-["message"${',{"_placeholder":true,"num":0}'.repeat(99)}]`,
    nested,
  ]) {
    const frames = await joined(t, server);
    frames.send(packet);
    frames.send(Buffer.from("x")); // the attachment of those that have one
    await frames.end();
  }
  const frames = await joined(t, server);
  frames.send("43999[1]"); // acknowledges nothing that was sent
  frames.send('421["message-with-ack",1]');
  assert.equal(await frames.message(), "431[1]");
  await alive(t, server);
});

// Each is refused, and nothing behind it is taken for a request.
const BAD_REQUESTS = [
  ["two lengths", "POST %p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n3"],
  [
    "a length and chunks",
    "POST %p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "chunks not last",
    "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
  ],
  ["coding unknown", "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["length with a sign", "POST %p HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n3"],
  [
    "length too large",
    "POST %p HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n3",
  ],
  ["length list", "POST %p HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n3"],
  ["folded line", "GET %p HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"],
  ["no colon", "GET %p HTTP/1.1\r\nHost: a\r\nX a\r\n\r\n"],
  ["space before the colon", "GET %p HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n"],
  ["empty name", "GET %p HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"],
  ["NUL in a value", "GET %p HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"],
  ["bare CR", "GET %p HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"],
  ["no host", "GET %p HTTP/1.1\r\n\r\n"],
  ["two hosts", "GET %p HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["version 2", "GET %p HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["no version", "GET %p\r\nHost: a\r\n\r\n"],
  ["two spaces", "GET  %p HTTP/1.1\r\nHost: a\r\n\r\n"],
  [
    "bad chunk size",
    "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n3\r\n0\r\n\r\n",
  ],
  [
    "chunk size with 0x",
    "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n3\r\n0\r\n\r\n",
  ],
  [
    "chunk size overflows",
    "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n3\r\n0\r\n\r\n",
  ],
  [
    "chunk too long",
    "POST %p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n33\r\n0\r\n\r\n",
  ],
  ["not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n"],
];

test("wire: requests that two readers could read differently", async (t) => {
  const server = await serve(t, "wire");
  const smuggled = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: smuggled\r\n\r\n";
  for (const [what, request] of BAD_REQUESTS) {
    const session = await Polling.open(server, "/socket.io/");
    const bytes = request.replace("%p", session.base) + smuggled;
    const text = await exchange(server.port, Buffer.from(bytes, "latin1"));
    const codes = statuses(text);
    assert.ok(codes.length <= 1 && codes.every((code) => code >= 400), `${what}: ${text}`);
  }
  await alive(t, server);
});

test("wire: requests in one piece, in absolute form, in chunks, too large", async (t) => {
  const server = await serve(t, "wire");
  const path = "/socket.io/?EIO=4&transport=polling";
  const one = (target) => `GET ${target} HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n`;
  const both = await exchange(
    server.port,
    one(path) + one(`http://a${path}`),
    (text) => (text.match(/"maxPayload":1000000\}/g) ?? []).length === 2,
  );
  assert.deepEqual(statuses(both), [200, 200]);
  assert.match(both, /^access-control-allow-origin: \*\r$/im);
  const session = await Polling.open(server, "/socket.io/");
  const post = (more) => `POST ${session.base} HTTP/1.1\r\nHost: a\r\n${more}`;
  const chunks = "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n4\r\n1\r\n0\r\n0\r\nX: y\r\n\r\n";
  const ok = await exchange(server.port, post(chunks), (text) => text.endsWith("ok"));
  assert.deepEqual(statuses(ok), [200]);
  assert.match((await session.get()).text, /^40\{"sid":/);
  for (const body of [
    "Content-Length: 1000001\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nf4241\r\n",
  ]) {
    const text = await exchange(server.port, post(body), (answer) => answer.includes("\r\n\r\n"));
    assert.deepEqual(statuses(text), [413]);
  }
  const head = `GET ${path} HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(200000)}\r\n\r\n`;
  assert.deepEqual(statuses(await exchange(server.port, head)), [431]);
  await alive(t, server);
});

test("wire: handshakes of WebSocket that are not right", async (t) => {
  const server = await serve(t, "wire");
  for (const [what, request] of [
    ["no key", `${UPGRADE}\r\n`],
    ["bad key", `${UPGRADE}Sec-WebSocket-Key: abc\r\n\r\n`],
    ["two keys", `${UPGRADE}${KEY}${KEY}\r\n`],
    ["two versions", `${UPGRADE}Sec-WebSocket-Version: 13\r\n${KEY}\r\n`],
    ["version 12", `${UPGRADE.replace("13", "12")}${KEY}\r\n`],
    ["POST", `${UPGRADE.replace("GET", "POST")}${KEY}\r\n`],
    ["HTTP/1.0", `${UPGRADE.replace("1.1", "1.0")}${KEY}\r\n`],
    ["no upgrade", `${UPGRADE.replace("Upgrade: websocket\r\n", "")}${KEY}\r\n`],
  ]) {
    const text = await exchange(server.port, request, (answer) => answer.includes("\r\n\r\n"));
    const [code] = statuses(text);
    assert.ok(code >= 400 && code < 500, `${what}: ${text}`);
  }
  const text = await exchange(server.port, `${UPGRADE}${KEY}\r\n`, (a) => a.includes('"sid"'));
  assert.match(text, /^HTTP\/1\.1 101 /);
  assert.match(text, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im);
});

for (const tls of [false, true]) {
  test(`wire: compression${tls ? " over TLS" : ""}`, async (t) => {
    const files = tls ? certificate(t) : undefined;
    const args = tls ? ["--tls", files.cert, files.key] : [];
    const plain = await serve(t, "wire", ...args);
    const deflating = await serve(t, "wire", "--deflate", ...args);
    for (const server of [plain, deflating]) {
      if (tls) {
        server.url = server.url.replace("http:", "https:");
      }
      const offered = { perMessageDeflate: { threshold: 0 }, rejectUnauthorized: false };
      const frames = await joined(t, server, offered);
      const extension = server === deflating ? "permessage-deflate" : "";
      assert.equal(frames.ws.extensions.split(";")[0], extension);
      for (const text of ["", "short", "x".repeat(100000)]) {
        frames.send(`42["message","${text}"]`);
        assert.equal(await frames.message(), `42["message-back","${text}"]`);
      }
      const ca = tls ? readFileSync(files.cert) : undefined;
      for (const transports of TRANSPORTS) {
        const socket = await connected(t, server, "/", { transports, ca });
        const args = [Buffer.alloc(5000, 7), { a: "b" }];
        same(await call(socket, "message-with-ack", ...args), args);
      }
    }
  });
}

test("wire: compressed messages that are not right", async (t) => {
  const server = await serve(t, "wire", "--deflate");
  const { deflateRawSync } = await import("node:zlib");
  const bomb = deflateRawSync(Buffer.alloc(50000000, 0x34));
  const large = (data) => {
    const head = Buffer.from([0xc1, 0xfe, data.length >> 8, data.length & 255, 0, 0, 0, 0]);
    return Buffer.concat([head, data]);
  };
  for (const [what, bytes, codes] of [
    ["garbage", frame(0xc1, [0xff, 0xff, 0xff]), [1007, 1002]],
    ["a compressed ping", frame(0xc9, "a"), [1002]],
    ["compressed continuation", Buffer.concat([frame(0x01, "4"), frame(0xc0, "a")]), [1002]],
    ["a bomb", large(bomb.subarray(0, 48000)), [1009]],
  ]) {
    const frames = await joined(t, server, { perMessageDeflate: true });
    frames.raw(bytes);
    const got = await frames.end();
    assert.ok(codes.includes(got), `${what}: ${got}`);
  }
  await alive(t, server);
});

test("every profile: garbage does no harm, SIGTERM ends it", async (t) => {
  for (const profile of ["protocol", "jsclient", "eioclient", "general", "csr", "wire"]) {
    const server = await serve(t, profile);
    await exchange(server.port, Buffer.from("\0\xff\r\n\r\n\r\n\r\n", "latin1"));
    const path = profile === "eioclient" ? "/engine.io/" : "/socket.io/";
    await Polling.open(server, path); // is open when the server is told to end
  }
});

await runAll();
