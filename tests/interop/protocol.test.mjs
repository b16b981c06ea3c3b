// interop-server, asked packet by packet: what stands on the wire for both generations of the
// protocol, and how faults of a client are answered. With SIO_REFERENCE set the JavaScript server
// is held to the same.
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { WebSocket } from "ws";
import {
  assert,
  next,
  runAll,
  same,
  startServer,
  test,
  within,
} from "./support.mjs";
import { io } from "socket.io-client";

const SEPARATOR = "\x1e";
const BYTES = Buffer.from([1, 2, 3, 4]);
const UNKNOWN_SID = { code: 1, message: "Session ID unknown" };
const BAD_REQUEST = { code: 3, message: "Bad request" };
const EIO3 = { eio: 3 };
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

// ---- HTTP ----

// Sends a request; resolves with {status, headers, body}, or rejects when the connection is lost.
function request(server, query, { method = "GET", body, headers, path = "/socket.io/" } = {}) {
  let sent;
  const answer = new Promise((resolve, reject) => {
    sent = http.request(
      { host: "127.0.0.1", port: server.port, path: path + query, method, headers },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          resolve({ status: response.statusCode, headers: response.headers, body: text, bytes });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
  const bounded = within(answer, `${method} ${query}`);
  bounded.catch(() => {});
  return Object.assign(bounded, { abort: () => sent.destroy() });
}

async function expectError(answer, status, body) {
  const got = await answer;
  assert.equal(got.status, status);
  same(JSON.parse(got.body), body);
  assert.match(got.headers["content-type"], /^application\/json/);
}

// A session over long-polling.
class Polling {
  constructor(server, { eio = 4, extra = "" } = {}) {
    this.server = server;
    this.eio = eio;
    this.query = `?EIO=${eio}&transport=polling${extra}`;
  }

  async open() {
    const { status, body } = await request(this.server, this.query);
    assert.equal(status, 200);
    this.open = JSON.parse(body.slice(body.indexOf("{")));
    this.sid = this.open.sid;
    this.query += `&sid=${this.sid}`;
    return this;
  }

  get() {
    return request(this.server, this.query);
  }

  post(body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    return request(this.server, this.query, { method: "POST", body, headers });
  }

  async send(body) {
    const { status, body: answer } = await this.post(body);
    same([status, answer], [200, "ok"]);
  }

  async expect(body) {
    const got = await this.get();
    same([got.status, got.body], [200, body]);
  }

  async expectGone() {
    await expectError(this.get(), 400, UNKNOWN_SID);
  }

  // The packets of the next answers, until there are so many.
  async packets(count) {
    const packets = [];
    while (packets.length < count) {
      packets.push(...(await this.get()).body.split(SEPARATOR));
    }
    assert.equal(packets.length, count, packets.join("   "));
    return packets;
  }

  // Joins a namespace, checks the reply and the greeting. Returns the id.
  async join(nsp = "", auth = "") {
    await this.send(`40${nsp}${auth}`);
    return checkJoin(await this.packets(2), nsp, auth);
  }
}

function checkJoin([connect, welcome], nsp, auth) {
  assert.ok(connect.startsWith(`40${nsp}{`), connect);
  const reply = JSON.parse(connect.slice(2 + nsp.length));
  same(Object.keys(reply), ["sid"]);
  assert.equal(welcome, `42${nsp}["welcome","${reply.sid}",${auth || "{}"}]`);
  return reply.sid;
}

async function polling(t, options, ...args) {
  const server = await startServer(t, ...args);
  return new Polling(server, options).open();
}

// ---- WebSocket ----

class Socket {
  #messages = [];
  #wake = () => {};

  constructor(t, server, query) {
    this.ws = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/${query}`);
    this.closed = new Promise((resolve) => this.ws.on("close", resolve));
    this.opened = once(this.ws, "open");
    this.opened.catch(() => {});
    this.ws.on("error", () => {});
    this.ws.on("message", (data, binary) => {
      this.#messages.push(binary ? data : data.toString());
      this.#wake();
    });
    t.after(async () => this.ws.terminate());
  }

  send(data) {
    this.ws.send(data);
  }

  async next() {
    const arrived = async () => {
      while (this.#messages.length === 0) {
        await new Promise((resolve) => {
          this.#wake = resolve;
        });
      }
      return this.#messages.shift();
    };
    return within(arrived(), "a WebSocket message");
  }

  async expect(...messages) {
    for (const message of messages) {
      same(await this.next(), message);
    }
  }

  // What comes before the end does not matter.
  async expectClose() {
    return within(this.closed, "the WebSocket to be closed");
  }

  async join(nsp = "", auth = "") {
    this.send(`40${nsp}${auth}`);
    return checkJoin([await this.next(), await this.next()], nsp, auth);
  }
}

async function webSocket(t, server, query = "?EIO=4&transport=websocket") {
  const socket = new Socket(t, server, query);
  await within(socket.opened, "the WebSocket to open");
  const open = await socket.next();
  assert.equal(open[0], "0");
  socket.open = JSON.parse(open.slice(1));
  return socket;
}

async function joined(t, ...args) {
  const socket = await webSocket(t, await startServer(t, ...args));
  await socket.join();
  return socket;
}

// Who sees with what reason others leave.
async function witness(t, server) {
  const socket = io(server.url, { transports: ["websocket"], forceNew: true });
  t.after(async () => socket.disconnect());
  await next(socket, "welcome");
  return socket;
}

// ---- handshake ----

const FIELDS = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

// T4-1 T5-1
test("handshake over polling", async (t) => {
  const server = await startServer(t);
  const { status, headers, body } = await request(server, "?EIO=4&transport=polling");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(body[0], "0");
  const open = JSON.parse(body.slice(1));
  same(Object.keys(open).sort(), FIELDS);
  assert.match(open.sid, /^[\w-]{20}$/);
  same(open, {
    sid: open.sid,
    upgrades: ["websocket"],
    pingInterval: 25000,
    pingTimeout: 20000,
    maxPayload: 1000000,
  });
});

// T4-5 T5-5
test("handshake over WebSocket", async (t) => {
  const { open } = await webSocket(t, await startServer(t, "--ping-interval", "20000"));
  same(Object.keys(open).sort(), FIELDS);
  same([open.upgrades, open.pingInterval], [[], 20000]);
});

test("an empty sid asks for a handshake, whatever else is in the query", async (t) => {
  const server = await startServer(t);
  for (const query of [
    "?EIO=4&transport=polling&sid=",
    "?t=x&EIO=4&a=%00&transport=polling&b64=1",
  ]) {
    const { status, body } = await request(server, query);
    same([status, body[0]], [200, "0"]);
  }
});

// T4-2 T4-3 T4-4 T5-2 T5-3 T5-4 E132
test("impossible requests are refused with their codes", async (t) => {
  const server = await startServer(t);
  const version = { code: 5, message: "Unsupported protocol version" };
  const transport = { code: 0, message: "Transport unknown" };
  const method = { code: 2, message: "Bad handshake method" };
  for (const [query, error, options] of [
    ["?transport=polling", version],
    ["?EIO=abc&transport=polling", version],
    ["?EIO=3&transport=polling", version],
    ["?EIO=4", transport],
    ["?EIO=4&transport=abc", transport],
    ["?EIO=4&transport=constructor", transport],
    ["?EIO=4&transport=__proto__", transport],
    ["?EIO=4&transport=polling", method, { method: "POST", body: "40" }],
    ["?EIO=4&transport=polling", method, { method: "PUT", body: "40" }],
    ["?EIO=4&transport=websocket", BAD_REQUEST],
    ["?EIO=4&transport=polling&sid=abc", UNKNOWN_SID],
    ["?EIO=4&transport=polling&sid=__proto__", UNKNOWN_SID],
  ]) {
    await expectError(request(server, query, options), 400, error);
  }
  assert.equal((await request(server, "", { path: "/elsewhere" })).status, 404);
});

// T4-6 T4-7 T5-6 T5-7
test("impossible WebSocket requests end without a session", async (t) => {
  const server = await startServer(t);
  for (const query of [
    "?transport=websocket",
    "?EIO=abc&transport=websocket",
    "?EIO=4",
    "?EIO=4&transport=abc",
    "?EIO=4&transport=websocket&sid=abc",
  ]) {
    await new Socket(t, server, query).expectClose();
  }
});

// ---- Engine.IO over polling ----

test("polling: a POST is answered with ok, several packets come as one payload", async (t) => {
  const session = await polling(t);
  await session.join();
  const { status, headers, body } = await session.post(
    ['42["echo",1]', '42["echo","☃"]', '42["echo",3]'].join(SEPARATOR),
  );
  same([status, body, headers["content-type"]], [200, "ok", "text/html"]);
  await session.expect(
    ['42["echo-back",1]', '42["echo-back","☃"]', '42["echo-back",3]'].join(SEPARATOR),
  );
});

test("polling: binary travels as base64", async (t) => {
  const session = await polling(t);
  await session.join();
  await session.send(`451-["echo",${PLACEHOLDER}]${SEPARATOR}bAQIDBA==`);
  await session.expect(`451-["echo-back",${PLACEHOLDER}]${SEPARATOR}bAQIDBA==`);
});

for (const [what, payload] of [
  ["an unknown packet", "abc"],
  ["an empty body", ""],
  ["an empty last packet", `3${SEPARATOR}`],
]) {
  test(`polling: ${what} ends the session`, async (t) => {
    const session = await polling(t);
    const eye = await witness(t, session.server);
    const id = await session.join();
    const left = next(eye, "peer-left");
    await session.post(payload);
    same(await left, [id, "parse error"]);
    await session.expectGone();
  });
}

test("polling: a second GET ends the session, the first gets a close packet", async (t) => {
  const session = await polling(t);
  const eye = await witness(t, session.server);
  const id = await session.join();
  const left = next(eye, "peer-left");
  const answers = await Promise.all([session.get(), session.get()]);
  // Which of them came first is up to the network.
  answers.sort((a, b) => a.status - b.status);
  same(answers.map(({ status, body }) => [status, body]), [[200, "1"], [400, ""]]);
  same(await left, [id, "transport error"]);
  await session.expectGone();
});

test("polling: a second POST ends the session and the first one's connection", async (t) => {
  const session = await polling(t);
  const eye = await witness(t, session.server);
  const id = await session.join();
  const left = next(eye, "peer-left");
  const first = net.connect(session.server.port, "127.0.0.1");
  const cut = once(first, "close");
  first.on("error", () => {});
  first.resume();
  first.write(
    `POST /socket.io/${session.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n42["echo"`,
  );
  // The first one's head and the second come over different connections: until it was read, the
  // second is an ordinary POST.
  let answer;
  do {
    answer = await session.post("3");
  } while (answer.status === 200);
  same([answer.status, answer.body], [400, ""]);
  same(await left, [id, "transport error"]);
  await within(cut, "the first POST to be cut");
  await session.expectGone();
});

test("polling: a GET that is given up ends the session", async (t) => {
  const session = await polling(t);
  const eye = await witness(t, session.server);
  const id = await session.join();
  const left = next(eye, "peer-left");
  const held = session.get();
  const alive = next(eye, "held");
  await session.send(`42["broadcast","held"]`);
  await alive;
  held.abort();
  same(await left, [id, "transport error"]);
  await session.expectGone();
});

test("polling: octet-stream is refused and ends the session", async (t) => {
  const session = await polling(t);
  const headers = { "Content-Type": "application/octet-stream" };
  const { status, body } = await session.post("3", headers);
  same([status, body], [400, ""]);
  await session.expectGone();
});

test("polling: a body over the limit is refused, the session goes on", async (t) => {
  const session = await polling(t, {}, "--max-payload", "1000");
  await session.join();
  const { status, body } = await session.post(`42["echo","${"x".repeat(1000)}"]`);
  same([status, body], [413, ""]);
  const args = `"${"x".repeat(1000 - '42["echo",""]'.length)}"`;
  await session.send(`42["echo",${args}]`);
  await session.expect(`42["echo-back",${args}]`);
});

test("polling: other methods are refused, the session goes on", async (t) => {
  const session = await polling(t);
  for (const method of ["PUT", "DELETE"]) {
    const { status, body } = await request(session.server, session.query, { method });
    same([status, body], [500, ""]);
  }
  await session.join();
});

test("polling: another protocol version or transport than the session's is refused", async (t) => {
  const session = await polling(t, {}, "--eio3");
  const query = session.query.replace("EIO=4", "EIO=3");
  await expectError(request(session.server, query), 400, BAD_REQUEST);
  const socket = await webSocket(t, session.server);
  const mixed = `?EIO=4&transport=polling&sid=${socket.open.sid}`;
  await expectError(request(session.server, mixed), 400, BAD_REQUEST);
  await session.join();
});

test("polling: a chunked body and one in small pieces are read whole", async (t) => {
  const session = await polling(t);
  await session.join();
  const connection = net.connect(session.server.port, "127.0.0.1");
  connection.setNoDelay(true);
  const answer = once(connection, "data");
  const body = '7\r\n42["ech\r\n7;x=y\r\no","☃\r\n2\r\n"]\r\n0\r\n\r\n';
  const line = `POST /socket.io/${session.query} HTTP/1.1`;
  const head = `${line}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (const byte of Buffer.from(head + body)) {
    connection.write(Buffer.of(byte));
  }
  assert.match((await within(answer, "the answer")).toString(), /^HTTP\/1.1 200 /);
  connection.destroy();
  await session.expect('42["echo-back","☃"]');
});

// ---- Engine.IO heartbeat and close ----

// T4-17 T5-8
test("polling: ping and pong", async (t) => {
  const session = await polling(t, {}, "--ping-interval", "50", "--ping-timeout", "10000");
  for (let i = 0; i < 3; i++) {
    await session.expect("2");
    await session.send("3");
  }
});

// T4-18 T5-9
test("polling: without pong the session ends", async (t) => {
  const session = await polling(t, {}, "--ping-interval", "50", "--ping-timeout", "100");
  await session.expect("2");
  const { status, body } = await session.get();
  assert.ok((status === 200 && body === "1") || status === 400, `${status} ${body}`);
  await session.expectGone();
});

// T4-19 T5-10
test("WebSocket: ping and pong", async (t) => {
  const args = ["--ping-interval", "50", "--ping-timeout", "10000"];
  const socket = await webSocket(t, await startServer(t, ...args));
  for (let i = 0; i < 3; i++) {
    await socket.expect("2");
    socket.send("3");
  }
});

// T4-20 T5-11
test("WebSocket: without pong the session ends", async (t) => {
  const args = ["--ping-interval", "50", "--ping-timeout", "100"];
  const socket = await webSocket(t, await startServer(t, ...args));
  await socket.expect("2");
  await socket.expectClose();
});

test("a ping of the client is an error", async (t) => {
  const socket = await joined(t);
  socket.send("2");
  await socket.expectClose();
});

// T4-21 T5-12
test("polling: a close packet releases the held GET and ends the session", async (t) => {
  const session = await polling(t);
  const eye = await witness(t, session.server);
  const id = await session.join();
  const left = next(eye, "peer-left");
  const held = session.get();
  await session.send(`42["echo"]`);
  same((await held).body, '42["echo-back"]');
  const last = session.get();
  const seen = next(eye, "held");
  await session.send('42["broadcast","held"]');
  await seen;
  await session.send("1");
  const { status, body } = await last;
  // The GET may have come after the POST: then there is no session any more.
  assert.ok((status === 200 && body === "6") || status === 400, `${status} ${body}`);
  same(await left, [id, "transport close"]);
  await session.expectGone();
});

// T4-22 T5-13
test("WebSocket: a close packet ends the session", async (t) => {
  const server = await startServer(t);
  const eye = await witness(t, server);
  const socket = await webSocket(t, server);
  const id = await socket.join();
  const left = next(eye, "peer-left");
  socket.send("1");
  await socket.expectClose();
  same(await left, [id, "transport close"]);
});

// E86
test("WebSocket: large messages do not starve the heartbeat", async (t) => {
  const COUNT = 100;
  const args = ["--ping-interval", "50", "--ping-timeout", "10000", "--max-payload", "1000000"];
  const socket = await joined(t, ...args);
  const text = "x".repeat(100000);
  for (let i = 0; i < COUNT; i++) {
    socket.send(`42["echo",${i},"${text}"]`);
  }
  let [pings, echoes] = [0, 0];
  while (pings < 3 || echoes < COUNT) {
    const packet = await socket.next();
    if (packet === "2") {
      pings++;
      socket.send("3");
    } else {
      same(packet, `42["echo-back",${echoes++},"${text}"]`);
    }
  }
});

test("WebSocket: what cannot be decoded ends the session", async (t) => {
  const server = await startServer(t);
  const eye = await witness(t, server);
  for (const packet of ["abc", "", "9"]) {
    const socket = await webSocket(t, server);
    const id = await socket.join();
    const left = next(eye, "peer-left");
    socket.send(packet);
    await socket.expectClose();
    same(await left, [id, "parse error"]);
  }
});

// ---- upgrade ----

async function probe(t, session) {
  const query = `?EIO=${session.eio}&transport=websocket&sid=${session.sid}`;
  const socket = new Socket(t, session.server, query);
  await within(socket.opened, "the WebSocket to open");
  socket.send("2probe");
  await socket.expect("3probe");
  return socket;
}

// T4-23 T5-14
test("upgrade: the poll is released, then all goes over WebSocket", async (t) => {
  const session = await polling(t);
  await session.join();
  const held = session.get();
  const socket = await probe(t, session);
  same((await held).body, "6");
  socket.send("5");
  socket.send('42["echo",1]');
  await socket.expect('42["echo-back",1]');
  socket.send('421["transport"]');
  await socket.expect('431["websocket"]');
});

test("upgrade: the next poll is released when none was held", async (t) => {
  const session = await polling(t);
  const socket = await probe(t, session);
  await session.expect("6");
  socket.send("5");
  await socket.join();
});

// T4-24 T4-25 T5-15 T5-16
test("upgrade: afterwards polling is refused, and so is another WebSocket", async (t) => {
  const session = await polling(t);
  const socket = await probe(t, session);
  await session.expect("6");
  socket.send("5");
  await socket.join();
  await expectError(session.get(), 400, BAD_REQUEST);
  const query = `?EIO=4&transport=websocket&sid=${session.sid}`;
  await new Socket(t, session.server, query).expectClose();
  socket.send('42["echo",1]');
  await socket.expect('42["echo-back",1]');
});

test("upgrade: anything else on the probing WebSocket ends it, the session stays", async (t) => {
  const session = await polling(t);
  await session.join();
  for (const packet of ["2", '42["echo",1]', "abc"]) {
    const socket = await probe(t, session);
    socket.send(packet);
    await socket.expectClose();
    // A noop for the probe may have been under way.
    await session.send('42["echo",2]');
    let { body } = await session.get();
    if (body === "6") {
      ({ body } = await session.get());
    }
    same(body, '42["echo-back",2]');
  }
});

test("upgrade: a second probe beside the first is refused", async (t) => {
  const session = await polling(t);
  await session.join();
  const socket = await probe(t, session);
  const query = `?EIO=4&transport=websocket&sid=${session.sid}`;
  await new Socket(t, session.server, query).expectClose();
  await session.expect("6");
  socket.send("5");
  socket.send('42["echo",1]');
  await socket.expect('42["echo-back",1]');
});

test("upgrade: what was queued meanwhile comes once, in order", async (t) => {
  const session = await polling(t);
  await session.join();
  const socket = await probe(t, session);
  await session.send('42["echo",1]');
  let { body } = await session.get();
  const got = body.split(SEPARATOR).filter((packet) => packet !== "6");
  await session.send('42["echo",2]');
  socket.send("5");
  socket.send('42["echo",3]');
  while (got.length < 3) {
    got.push(await socket.next());
  }
  same(got, ['42["echo-back",1]', '42["echo-back",2]', '42["echo-back",3]']);
});

// ---- Socket.IO ----

test("CONNECT, with and without a payload, to both namespaces", async (t) => {
  const server = await startServer(t);
  for (const nsp of ["", "/chat,"]) {
    for (const auth of ["", '{"token":"123"}']) {
      const socket = await webSocket(t, server);
      const id = await socket.join(nsp, auth);
      assert.notEqual(id, socket.open.sid);
      const session = await new Polling(server).open();
      await session.join(nsp, auth);
    }
  }
});

test("CONNECT to an unknown namespace", async (t) => {
  const socket = await webSocket(t, await startServer(t));
  socket.send("40/random");
  await socket.expect('44/random,{"message":"Invalid namespace"}');
  await socket.join();
});

test("a namespace is left alone, and with its connection", async (t) => {
  const socket = await joined(t, "--ping-interval", "300");
  await socket.join("/chat,");
  socket.send("41/chat,");
  socket.send('42["echo","message"]');
  await socket.expect('42["echo-back","message"]');
  await socket.join("/chat,");
  socket.send("41");
  socket.send("41/chat");
  await socket.expect("2"); // the connection stays
});

test("events, acknowledgements and their binary forms, byte for byte", async (t) => {
  const socket = await joined(t);
  const two = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  socket.send('42["echo",1,"2",{"3":[true]}]');
  await socket.expect('42["echo-back",1,"2",{"3":[true]}]');
  socket.send('42456["echo",1,"2",{"3":[false]}]');
  await socket.expect('43456[1,"2",{"3":[false]}]');
  socket.send(`452-["echo",${two}]`);
  socket.send(BYTES);
  socket.send(Buffer.of(5));
  await socket.expect(`452-["echo-back",${two}]`, BYTES, Buffer.of(5));
  socket.send(`452-789["echo",${two}]`);
  socket.send(BYTES);
  socket.send(Buffer.alloc(0));
  await socket.expect(`462-789[${two}]`, BYTES, Buffer.alloc(0));
  await socket.join("/chat,");
  socket.send('42/chat,0["echo"]');
  await socket.expect("43/chat,0[]");
});

test("the server's own acknowledgement ids begin at 0, unknown ones are ignored", async (t) => {
  const socket = await joined(t);
  socket.send('42["ask-me","why"]');
  await socket.expect('420["question","why"]');
  socket.send('435["nobody asked"]');
  socket.send('430["because",1]');
  socket.send('430["again"]');
  await socket.expect('42["answer","because",1]');
  socket.send('42["echo"]');
  await socket.expect('42["echo-back"]');
});

for (const [what, ...packets] of [
  ["an unknown packet type", "4abc"],
  ["an event without a name", "42{}"],
  ["an event with a letter in its id", '42abc["echo"]'],
  ["a reserved name", '42["disconnect"]'],
  ["a text in the place of an attachment", `451-["echo",${PLACEHOLDER}]`, '42["echo"]'],
  ["binary that nobody announced", Buffer.of(1)],
  ["a placeholder out of range", `451-["echo",${PLACEHOLDER.replace(0, 1)}]`, Buffer.of(1)],
  ["too many attachments", '4511-["echo"]'],
  ["an event for a namespace not joined", '42/admin,["echo"]'],
  ["a second CONNECT", "40"],
]) {
  test(`${what} closes the connection`, async (t) => {
    const server = await startServer(t);
    const eye = await witness(t, server);
    const socket = await webSocket(t, server);
    const id = await socket.join();
    const left = next(eye, "peer-left");
    packets.forEach((packet) => socket.send(packet));
    await socket.expectClose();
    same(await left, [id, "forced close"]);
    await new Polling(server).open(); // and nothing else
  });
}

test("an event before CONNECT closes the connection", async (t) => {
  const socket = await webSocket(t, await startServer(t));
  socket.send('42["echo"]');
  await socket.expectClose();
});

test("without CONNECT the connection is closed in time", async (t) => {
  const args = ["--connect-timeout", "100"];
  const server = await startServer(t, ...args);
  const socket = await webSocket(t, server);
  await socket.expectClose();
  const session = await new Polling(server).open();
  assert.match((await session.get()).body, /^(6\x1e)?1$|Session ID unknown/);
  await session.expectGone();
});

test("the server leaves two namespaces, then closes", async (t) => {
  const socket = await joined(t);
  await socket.join("/chat,");
  socket.send('42["kick-hard"]');
  same([await socket.next(), await socket.next()].sort(), ["41", "41/chat,"]);
  await socket.expectClose();
});

test("polling: the server leaves, then closes", async (t) => {
  const session = await polling(t);
  await session.join();
  await session.send('42["kick-hard"]');
  const seen = [];
  while (seen.at(-1) !== "1") {
    seen.push(...(await session.get()).body.split(SEPARATOR));
  }
  same(seen.filter((packet) => packet !== "6"), ["41", "1"]);
  await session.expectGone();
});

// ---- the generation before ----

const frame3 = (text) => `${text.length}:${text}`;

test("EIO3: handshake over polling, then the server joins by itself", async (t) => {
  const server = await startServer(t, "--eio3");
  for (const query of ["?EIO=3&transport=polling", "?transport=polling&b64=1"]) {
    const { status, body } = await request(server, query);
    assert.equal(status, 200);
    const [, length, packet] = /^(\d+):(0.*)$/s.exec(body);
    assert.equal(packet.length, Number(length));
    const { sid, upgrades } = JSON.parse(packet.slice(1));
    same(upgrades, ["websocket"]);
    const next = await request(server, `${query}&sid=${sid}`);
    assert.ok(next.body.startsWith("2:40"), next.body);
  }
});

// T3-2 T3-3
test("EIO3: impossible requests are refused with their codes", async (t) => {
  const server = await startServer(t, "--eio3");
  const transport = { code: 0, message: "Transport unknown" };
  const method = { code: 2, message: "Bad handshake method" };
  for (const [query, error, options] of [
    ["?EIO=3", transport],
    ["?EIO=3&transport=abc", transport],
    ["?EIO=3&transport=polling", method, { method: "POST", body: "2:40" }],
    ["?EIO=3&transport=polling", method, { method: "PUT", body: "2:40" }],
  ]) {
    await expectError(request(server, query, options), 400, error);
  }
});

// T3-5: what is not 4 counts as 3, as in the reference, and ends for its silence.
test("EIO3: impossible WebSocket requests end", async (t) => {
  const args = ["--eio3", "--ping-interval", "50", "--ping-timeout", "100"];
  const server = await startServer(t, ...args);
  for (const query of ["?EIO=abc&transport=websocket", "?EIO=3", "?EIO=3&transport=abc"]) {
    await new Socket(t, server, query).expectClose();
  }
});

// A session of that generation that has got its greeting.
async function polling3(t, extra = "") {
  const session = await polling(t, { ...EIO3, extra }, "--eio3");
  let body = "";
  while (!body.includes("welcome")) {
    ({ body } = await session.get());
  }
  return session;
}

test("EIO3: lengths count UTF-16 units", async (t) => {
  const session = await polling3(t);
  await session.send(frame3('42["echo","€😀"]') + frame3('42["echo",2]'));
  await session.expect(frame3('42["echo-back","€😀"]') + frame3('42["echo-back",2]'));
});

test("EIO3: binary as base64 and as bytes", async (t) => {
  const header = frame3(`451-["echo",${PLACEHOLDER}]`);
  const back = `451-["echo-back",${PLACEHOLDER}]`;
  const text = await polling3(t, "&b64=1");
  await text.send(`${header}10:b4AQIDBA==`);
  await text.expect(`${frame3(back)}10:b4AQIDBA==`);

  const bytes = await polling3(t);
  await bytes.send(`${header}10:b4AQIDBA==`);
  const got = await bytes.get();
  assert.equal(got.headers["content-type"], "application/octet-stream");
  const digits = [...String(back.length)].map(Number);
  same(
    got.bytes,
    Buffer.concat([
      Buffer.from([0, ...digits, 255]),
      Buffer.from(back),
      Buffer.from([1, 5, 255, 4]),
      BYTES,
    ]),
  );
});

test("EIO3: the client pings", async (t) => {
  const session = await polling3(t);
  for (let i = 0; i < 3; i++) {
    await session.send("1:2");
    await session.expect("1:3");
  }
});

test("EIO3: silence ends the session", async (t) => {
  const args = ["--eio3", "--ping-interval", "50", "--ping-timeout", "100"];
  const server = await startServer(t, ...args);
  const socket = await webSocket(t, server, "?EIO=3&transport=websocket");
  await socket.expectClose();
});

test("EIO3: WebSocket with text and binary", async (t) => {
  const server = await startServer(t, "--eio3");
  const socket = await webSocket(t, server, "?EIO=3&transport=websocket");
  await socket.expect("40", `42["welcome","${socket.open.sid}",{}]`);
  socket.send("2");
  await socket.expect("3");
  socket.send(`451-["echo",${PLACEHOLDER}]`);
  socket.send(Buffer.concat([Buffer.of(4), BYTES]));
  await socket.expect(
    `451-["echo-back",${PLACEHOLDER}]`,
    Buffer.concat([Buffer.of(4), BYTES]),
  );
  socket.send("40/chat?token=abc&uid=1%20x,");
  await socket.expect(
    "40/chat,",
    `42/chat,["welcome","/chat#${socket.open.sid}",{"token":"abc","uid":"1 x"}]`,
  );
  socket.send("40/nope,");
  await socket.expect('44/nope,{"message":"Invalid namespace"}');
});

test("EIO3: upgrade", async (t) => {
  const session = await polling3(t);
  const held = session.get();
  const socket = await probe(t, session);
  same((await held).body, "1:6");
  socket.send("5");
  socket.send('42["echo",1]');
  await socket.expect('42["echo-back",1]');
  await expectError(session.get(), 400, BAD_REQUEST);
});

test("EIO3: a close packet and a bad one", async (t) => {
  for (const body of ["1:1", "abc"]) {
    const session = await polling3(t);
    await session.post(body);
    await session.expectGone();
  }
});

await runAll();
