// conformance-client against official JavaScript servers, one half of each scenario here, and
// against servers that misbehave: then the program must say so and fail, or be refused, never hang.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  answerDone,
  Checks,
  COMPRESSED,
  deny,
  deserted,
  inspectRequests,
  listen,
  maxpayload,
  pingTimeout,
  play as playAgainst,
  reconnect,
  refused,
  sendThroughCuts,
  serverDisconnect,
  upgrade,
} from "../interop/halves.mjs";
import { assert, launch, runAll, same, test, within } from "../interop/support.mjs";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
const engine = require("engine.io");
const { WebSocketServer } = require("ws");
const msgpack = require("socket.io-msgpack-parser");

const MODES = ["polling", "websocket", "polling,websocket"];

const client = (t, scenario, url, mode, env) =>
  launch(t, "tests/conformance/conformance-client", [scenario, url, mode], env);

async function run(t, scenario, url, mode) {
  const program = client(t, scenario, url, mode);
  const status = await within(program.ended, `the scenario ${scenario}`, 60000);
  return { status, output: program.output };
}

// The program's end, with a Socket.IO server prepared by `half(io, checks, http, mode)`.
const play = (t, name, mode, half, setting = {}) =>
  playAgainst(
    t,
    { ...setting, http: setting.http?.(), options: { ...half.options, ...setting.options } },
    (io, checks, http) => half(io, checks, http, mode),
    (url) => client(t, name, url, mode, setting.env),
  );

function scenario(name, half, setting = {}) {
  for (const mode of setting.modes ?? half.modes ?? MODES) {
    test(`${setting.title ?? "plain"}: ${name} over ${mode}`, async (t) => {
      const prepared = setting.prepare === undefined ? setting : setting.prepare(t);
      const end = await play(t, name, mode, half, prepared);
      assert.equal(end.status, 0, "status of the client");
      if (half.leaves !== false) {
        const reason = await within(end.leaving, "the server to see the end");
        assert.equal(reason, "client namespace disconnect");
      }
    });
  }
}

// A shared half, and how it is played here.
const like = (half, traits) => Object.assign((...args) => half(...args), traits);

const bytes = (hex) => Buffer.from(hex, "hex");

// ---- the servers' halves ----

function basic(io, checks) {
  io.on("connection", (socket) => {
    const seen = [];
    socket.emit("welcome", "hello", { n: 1, list: [1, 2, 3], none: null, u: "☃𝄞" });
    socket.on("greet", (...args) => {
      seen.push("greet");
      checks.run(() => same(args, ["café", 42, -1.5, true, false, null, { a: { b: [] } }, []]));
    });
    socket.on("sum", (a, b, ack) => ack(a + b));
    socket.on("multi", (ack) => {
      ack("a", 2, { k: [true] });
      socket.emit("question", "how many?", (...args) => {
        seen.push("answer");
        checks.run(() => same(args, [7, "seven"]));
      });
    });
    answerDone(socket, checks, () => same(seen, ["greet", "answer"]));
  });
}

function binary(io, checks) {
  const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
  io.on("connection", (socket) => {
    const blob = [{ a: bytes("0001ff"), l: ["x", bytes(""), { d: bytes("e29883") }] }, all];
    socket.emit("blob", ...blob);
    socket.on("blob-back", (...args) => checks.run(() => same(args, blob)));
    socket.on("bin-ack", (value, object, ack) => {
      checks.run(() => same([value, object], [bytes("deadbeef"), { x: bytes("01") }]));
      ack({ r: bytes("fe") }, value);
      socket.emit("bin-question", bytes("09"), (...args) => {
        checks.run(() => same(args, [bytes("0909"), [bytes("01"), "t"]]));
        socket.emit("bye", "ok");
      });
    });
  });
}

function early(io, checks) {
  io.on("connection", (socket) => {
    const seen = [];
    socket.on("e", (value) => seen.push(value));
    socket.on("last", (ack) => {
      checks.run(() => same(seen, [1, 2, 3]));
      ack("ok");
    });
  });
}

function namespaces(io, checks) {
  for (const name of ["/", "/a", "/b"]) {
    io.of(name).on("connection", (socket) => {
      socket.emit("hello", name);
      socket.on("tag", (value, ack) => {
        checks.run(() => same(value, name));
        ack("tagged");
      });
      socket.on("ping-me", (ack) => ack(`pong-${name}`));
      answerDone(socket, checks, () => {
        same(io.engine.clientsCount, 1);
        same(io.of("/a").sockets.size, 0);
      });
    });
  }
  deny(io.of("/denied"));
}
namespaces.leaves = false;

function auth(io, checks, http) {
  let refused = 0;
  inspectRequests(checks, http);
  io.use((socket, go) => {
    const { token } = socket.handshake.auth;
    refused += token === "bad" ? 1 : 0;
    go(token === "good" ? undefined : Object.assign(new Error("unauthorized"), { data: { code: 401 } }));
  });
  io.on("connection", (socket) => {
    checks.run(() => same(refused, 1));
    socket.emit("welcome", "authorized");
  });
}
auth.options = { path: "/custom/path/" };

// Away for 700 ms: the port is closed, then opened again.
function reconnectHard(io, checks, http) {
  let visits = 0;
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("cut-me", () => {
      const { port } = http.address();
      http.close();
      http.cut();
      setTimeout(() => http.listen(port, "127.0.0.1"), 700);
    });
    answerDone(socket, checks, () => same(visits, 2));
  });
}
reconnectHard.leaves = false;

function recovery(io, checks) {
  let started = false;
  io.on("connection", (socket) => {
    socket.on("got", (...args) => {
      checks.run(() => same(args, [200, 2, true]));
      socket.emit("bye", "ok");
    });
    if (started) {
      return;
    }
    started = true;
    sendThroughCuts(io, socket);
  });
}
recovery.leaves = false;
recovery.options = { connectionStateRecovery: {} };

function recoveryLost(io, checks) {
  let visits = 0;
  io.of("/").adapter.restoreSession = async () => null;
  io.use((socket, go) => {
    const { pid, offset } = socket.handshake.auth;
    checks.run(() =>
      same([typeof pid, typeof offset], Array(2).fill(visits === 0 ? "undefined" : "string")),
    );
    go();
  });
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("cut-me", () => socket.conn.close());
    socket.on("report", (...args) => {
      checks.run(() => same(args, [false, true]));
      socket.emit("bye", "ok");
    });
  });
}
recoveryLost.leaves = false;
recoveryLost.options = recovery.options;

function big(io, checks) {
  const text = "é".repeat(400000);
  const blob = Buffer.from(Uint8Array.from({ length: 900000 }, (_, i) => i * 7));
  io.on("connection", (socket) => {
    socket.emit("big", text, blob);
    socket.on("big-back", (gotText, gotBlob, ...more) => {
      checks.run(() => {
        assert.ok(gotText === text, "the text is the same");
        assert.ok(blob.equals(gotBlob), "the bytes are the same");
        same(more, []);
      });
      socket.emit("bye", "ok");
    });
  });
}
big.options = { maxHttpBufferSize: 1e8 };

function order(io, checks, http, mode) {
  const COUNT = 2000;
  io.on("connection", (socket) => {
    const seen = [];
    let sent = 0;
    const ticks = setInterval(() => {
      for (let i = 0; i < 5 && sent < COUNT; i++) {
        socket.emit("down", sent++);
      }
      if (sent === COUNT) {
        clearInterval(ticks);
      }
    }, 1);
    socket.on("disconnect", () => clearInterval(ticks));
    socket.on("up", (n) => seen.push(n));
    answerDone(socket, checks, (count) => {
      same(count, COUNT);
      same(seen, Array.from({ length: COUNT }, (_, i) => i));
      same(socket.conn.transport.name, mode === "polling" ? "polling" : "websocket");
    });
  });
}

function heartbeat(io, checks) {
  io.on("connection", (socket) => {
    let pongs = 0;
    socket.conn.on("packet", ({ type }) => {
      pongs += type === "pong" ? 1 : 0;
    });
    socket.on("alive", (ack) => {
      checks.run(() => assert.ok(pongs >= 3, `${pongs} pongs`));
      ack(true);
    });
  });
}
heartbeat.options = { pingInterval: 200, pingTimeout: 2000 };

function ackTimeout(io, checks) {
  io.on("connection", (socket) => {
    socket.on("slow", (n, ack) => setTimeout(() => ack("late"), 600));
    socket.on("fast", (ack) => ack("ok"));
    answerDone(socket, checks);
  });
}

function retries(io, checks) {
  io.on("connection", (socket) => {
    const seen = [];
    socket.on("r", (n, ack) => {
      seen.push(n);
      if (n === 2 || seen.length === 3) {
        ack(`ok${n}`);
      }
    });
    socket.on("done", (ack) => {
      checks.run(() => same(seen, [1, 1, 1, 2]));
      ack();
      socket.emit("bye", "ok");
    });
  });
}

const HALVES = {
  "ack-timeout": ackTimeout,
  auth,
  basic,
  big,
  binary,
  early,
  heartbeat,
  maxpayload: like(maxpayload(40), {
    modes: ["polling"],
    options: { maxHttpBufferSize: 10000 },
  }),
  namespaces,
  order,
  "ping-timeout": like(pingTimeout, {
    leaves: false,
    options: { pingInterval: 300, pingTimeout: 300 },
  }),
  reconnect: like(reconnect("buffered"), { leaves: false }), // twice
  "reconnect-hard": reconnectHard,
  recovery,
  "recovery-lost": recoveryLost,
  retries,
  "server-disconnect": like(serverDisconnect, { leaves: false }),
  upgrade: like(upgrade, { modes: ["websocket", "polling,websocket"] }),
};

const nobody = like(refused, { leaves: false });

for (const [name, half] of Object.entries(HALVES)) {
  const env = { SIO_NOPE: "Invalid namespace" };
  scenario(name, half, { env });
}

for (const name of ["basic", "binary", "early", "namespaces", "auth", "big", "recovery", "retries"]) {
  const setting = { options: { parser: msgpack }, env: { SIO_PARSER: "msgpack" } };
  scenario(name, HALVES[name], { ...setting, title: "MessagePack" });
}

for (const name of ["basic", "binary", "big", "order", "recovery"]) {
  const setting = { options: { ...HALVES[name].options, ...COMPRESSED } };
  scenario(name, HALVES[name], { ...setting, title: "compressed" });
}

scenario("refused", nobody, { v2: true, title: "Socket.IO 2.x" });

// ---- TLS ----

// An authority, and a certificate of it for each name: PEM files in a folder of the test.
function authority(t) {
  const dir = mkdtempSync(join(tmpdir(), "sio-conformance-"));
  t.after(async () => rmSync(dir, { recursive: true }));
  const openssl = (...args) => execFileSync("openssl", args, { cwd: dir, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=CA");
  return {
    ca: join(dir, "ca.pem"),
    issue(name, alt) {
      openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`, "-addext", `subjectAltName=${alt}`);
      openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", `${name}.pem`, "-copy_extensions", "copy");
      return { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
    },
  };
}

// A server that asks for a client's certificate; `env(ca, client, stranger)`.
function overTls(alt, env) {
  return (t) => {
    const { ca, issue } = authority(t);
    const server = issue("server", alt);
    const client = issue("client", "DNS:client");
    return {
      scheme: "https",
      env: env(ca, client),
      http: () =>
        createTlsServer({
          cert: readFileSync(server.cert),
          key: readFileSync(server.key),
          ca: readFileSync(ca),
          requestCert: true,
          rejectUnauthorized: true,
        }),
    };
  };
}

const HERE = "IP:127.0.0.1";
const whole = (ca, { cert, key }) => ({ SIO_CA: ca, SIO_CERT: cert, SIO_KEY: key });
for (const name of ["basic", "binary", "big", "reconnect"]) {
  scenario(name, HALVES[name], { prepare: overTls(HERE, whole), title: "TLS" });
}
scenario("refused", nobody, {
  prepare: overTls(HERE, (ca) => ({ SIO_CA: ca })),
  title: "TLS without a certificate",
});
scenario("refused", nobody, {
  prepare: overTls(HERE, (ca, { cert, key }) => ({ SIO_CERT: cert, SIO_KEY: key })),
  title: "TLS of an unknown authority",
});
scenario("refused", nobody, {
  prepare: overTls("DNS:elsewhere.example", whole),
  title: "TLS of another host",
});

// ---- servers that answer wrongly: the program must notice ----

function wrong(title, name, half, expected) {
  test(`wrong: ${title}`, async (t) => {
    const end = await play(t, name, "websocket", half);
    assert.equal(end.status, 1, "status of the client");
    assert.match(end.output, expected);
  });
}

const onConnection = (act, options = {}) =>
  Object.assign((io) => io.on("connection", act), { options });
const BLOB = [{ a: bytes("0001ff"), l: ["x", bytes(""), { d: bytes("e29884") }] }, bytes("00")];

wrong(
  "a text in place of a number",
  "basic",
  onConnection((socket) => {
    socket.emit("welcome", "hello", { n: "1", list: [1, 2, 3], none: null, u: "☃𝄞" });
  }),
  /welcome: expected .*"n":1.*got .*"n":"1"/,
);
wrong(
  "an argument too many",
  "basic",
  onConnection((socket) => {
    socket.emit("welcome", "hello", { n: 1, list: [1, 2, 3], none: null, u: "☃𝄞" }, null);
  }),
  /welcome: expected/,
);
wrong(
  "a member that is missing",
  "basic",
  onConnection((socket) => socket.emit("welcome", "hello", { n: 1, list: [1, 2, 3], u: "☃𝄞" })),
  /welcome: expected/,
);
wrong(
  "other bytes",
  "binary",
  onConnection((socket) => socket.emit("blob", ...BLOB)),
  /blob: expected/,
);
wrong(
  "another acknowledgement",
  "heartbeat",
  onConnection((socket) => socket.on("alive", (ack) => ack("true"))),
  /ack: expected \(true\), got \("true"\)/,
);
wrong(
  "an event that came twice",
  "recovery",
  onConnection((socket) => [0, 1, 1].forEach((n) => socket.emit("n", n))),
  /n: expected 2, got 1/,
);
wrong(
  "a disconnect of another kind",
  "reconnect",
  onConnection((socket) => {
    socket.emit("hello", 1);
    socket.on("cut-me", () => socket.disconnect());
  }),
  /expected 'transport close', got 'io server disconnect'/,
);
wrong(
  "a namespace that should be refused",
  "auth",
  onConnection((socket) => socket.emit("welcome", "authorized"), auth.options),
  /time is up; awaited: connect_error/,
);

// ---- broken packets ----

const HANDSHAKE = JSON.stringify({
  sid: "s",
  upgrades: [],
  pingInterval: 25000,
  pingTimeout: 20000,
  maxPayload: 1000000,
});
const DEEP = `42["bad",${"[".repeat(100000)}${"]".repeat(100000)}]`;
const BROKEN = [
  ["4"], ["47"], ["49[]"], ["4x"], ["40[]"], ["41{}"], ["42"], ["42{}"], ["42[]"], ["42[{}]"],
  ["42[null]"], ['42["bad"'], ['42["bad"]]'], ['42["bad",]'], ["42[\"bad\",\u0001]"],
  ['42-1["bad"]'], ['42/a["bad"'], ['42/other,["bad"]'], ['4299999999999999999999["bad"]'],
  ['42["connect"]'], ['42["disconnect"]'], ["43"], ["43[]"], ["4399[1]"], ["43{}"], ["44"],
  ['44{"message":"no"}'], ["45"], ["451"], ['451["bad"]'], ['45-["bad"]'], ["450-[\"bad\"]"],
  ['451-["bad",{"_placeholder":true,"num":1}]'], ['451-["bad",{"_placeholder":true,"num":"0"}]'],
  ['4599-["bad",{"_placeholder":true,"num":0}]'], ['451-["bad",{"_placeholder":true,"num":0}]', '42["e"]'],
  ["461-"], ["9"], ["x"], [""], ["0{}"], ["b!"], ["bAAA"], [bytes("")], [bytes("00ff")],
  [DEEP], ["40{}"], ["40"], ['40{"sid":1}'], ["1"], ["3probe"], ["5"], ["6"],
];

// One of them to each connection, which then ends by the client, or after a while by the server.
async function broken(t, packets, opening = []) {
  const server = createServer();
  const ws = new WebSocketServer({ server });
  let next = 0;
  let done;
  const finished = new Promise((resolve) => {
    done = resolve;
  });
  ws.on("connection", (socket) => {
    const mine = packets[next++];
    socket.on("error", () => {});
    if (opening.length > 0 && mine !== undefined) {
      socket.send(opening[next - 1]);
      return;
    }
    socket.send(`0${HANDSHAKE}`);
    socket.on("message", (data) => {
      const text = data.toString();
      if (text === '42["done"]') {
        done();
      } else if (text === "40" && mine === undefined) {
        socket.send('40{"sid":"z"}');
        socket.send('42["bye","ok"]');
      } else if (text === "40") {
        socket.send('40{"sid":"z"}');
        mine.forEach((packet) => socket.send(packet));
        setTimeout(() => socket.terminate(), 50);
      }
    });
  });
  const port = await listen(t, server);
  const end = await run(t, "malformed", `http://127.0.0.1:${port}`, "websocket");
  assert.equal(end.status, 0, "status of the client");
  await within(finished, "the last word");
  assert.equal(next, packets.length + 1, "connections");
}

test("broken packets", (t) => broken(t, BROKEN));

const OPENINGS = [
  "0", "0{}", "0[]", '0{"sid":1}', '0{"sid":"s"}', "0null", "40", "4", "2", "9", "",
  `0${HANDSHAKE}`.slice(0, -1), `0${HANDSHAKE.replace("25000", "-1")}`,
  `0${HANDSHAKE.replace("25000", '"x"')}`, bytes("00"),
];
// They are answered with an error at once or not at all: then it is the server that ends.
test("broken handshakes of sessions", async (t) => {
  for (const opening of OPENINGS) {
    await hostile(t, "websocket", (connection, head) => {
      accept(connection, head);
      const payload = Buffer.from(opening);
      assert.ok(payload.length < 126);
      connection.write(Buffer.from([typeof opening === "string" ? 0x81 : 0x82, payload.length]));
      connection.end(payload);
    });
  }
});

// ---- hostile servers on TCP ----

const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function accept(connection, head, key = /^sec-websocket-key: *(\S+)/im.exec(head)[1]) {
  const hash = createHash("sha1").update(key + ACCEPT).digest("base64");
  connection.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${hash}\r\n\r\n`,
  );
}

// What `act` does with each connection makes the client give up with an error.
async function hostile(t, mode, act) {
  const checks = new Checks();
  const server = createTcpServer((connection) => {
    let head = "";
    connection.on("data", (chunk) => {
      const before = head.includes("\r\n\r\n");
      head += chunk.toString("latin1");
      if (!before && head.includes("\r\n\r\n")) {
        checks.run(() => act(connection, head));
      }
    });
  });
  const port = await listen(t, server);
  const end = await run(t, "refused", `http://127.0.0.1:${port}`, mode);
  server.cut();
  checks.done();
  assert.equal(end.status, 0, "status of the client");
}

const answer = (status, headers, body) => (connection) =>
  connection.end(`HTTP/1.1 ${status}\r\n${headers.map((h) => `${h}\r\n`).join("")}\r\n${body}`);
const PAGE = "<!doctype html><title>502</title><h1>Bad gateway</h1>";
const HOSTILE = {
  "nothing but an end": (connection) => connection.end(),
  "a reset": (connection) => connection.resetAndDestroy(),
  "no HTTP": (connection) => connection.end("SSH-2.0-OpenSSH_9.2p1\r\n"),
  "an error page": answer("502 Bad Gateway", [`Content-Length: ${PAGE.length}`], PAGE),
  "a page with status 200": answer("200 OK", [`Content-Length: ${PAGE.length}`], PAGE),
  "an empty answer": answer("200 OK", ["Content-Length: 0"], ""),
  "a redirect": answer("301 Moved", ["Location: /elsewhere", "Content-Length: 0"], ""),
  "a redirect to itself": answer("302 Found", ["Location: /socket.io/", "Content-Length: 0"], ""),
  "a body that ends too early": answer("200 OK", ["Content-Length: 500"], `0${HANDSHAKE}`),
  "two lengths": answer("200 OK", ["Content-Length: 1", "Content-Length: 2"], "00"),
  "a negative length": answer("200 OK", ["Content-Length: -1"], "0"),
  "a length without an end": answer("200 OK", [`Content-Length: ${"9".repeat(40)}`], "0"),
  "chunks that are none": answer("200 OK", ["Transfer-Encoding: chunked"], "zz\r\n0{}\r\n"),
  "a chunk too large": answer("200 OK", ["Transfer-Encoding: chunked"], `${"f".repeat(16)}\r\n`),
  "gzip that is none": answer("200 OK", ["Content-Encoding: gzip", "Content-Length: 3"], "abc"),
  "bytes that are no text": answer("200 OK", ["Content-Length: 2"], "0\u0001"),
  "another status": answer("204 No Content", [], ""),
  "a header without an end": (connection) => {
    connection.write("HTTP/1.1 200 OK\r\nX: ");
    const more = () => connection.write("x".repeat(65536)) && setImmediate(more);
    connection.on("drain", more);
    connection.on("close", () => connection.removeListener("drain", more));
    more();
  },
};
for (const [title, act] of Object.entries(HOSTILE)) {
  for (const mode of MODES) {
    test(`hostile: ${title} over ${mode}`, (t) => hostile(t, mode, act));
  }
}

const FRAMES = {
  "a wrong accept key": (connection, head) => accept(connection, head, "wrong"),
  "a masked frame": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("818000000000"));
  },
  "reserved bits": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("f100"));
  },
  "an unknown opcode": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("8300"));
  },
  "a message of 2^63 bytes": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("817f7fffffffffffffff"));
  },
  "text that is no UTF-8": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("8102c328"));
  },
  "a close": (connection, head) => {
    accept(connection, head);
    connection.end(bytes("880203e8"));
  },
  "a continuation of nothing": (connection, head) => {
    accept(connection, head);
    connection.write(bytes("8000"));
  },
};
for (const [title, act] of Object.entries(FRAMES)) {
  test(`hostile: ${title}`, (t) => hostile(t, "websocket", act));
}

// The whole of a good beginning, cut at every seventh byte.
test("hostile: an end within the handshake over polling", async (t) => {
  const body = `0${HANDSHAKE}`;
  const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let at = 1; at < whole.length; at += 7) {
    await hostile(t, "polling", (connection) => connection.end(whole.slice(0, at)));
  }
});

test("nobody listens", async (t) => {
  const port = await deserted(t);
  for (const mode of MODES) {
    const end = await run(t, "refused", `http://127.0.0.1:${port}`, mode);
    assert.equal(end.status, 0, "status of the client");
  }
});

test("what is called wrongly", async (t) => {
  for (const args of [[], ["basic"], ["no-such", "http://127.0.0.1:1", "polling"]]) {
    const program = launch(t, "tests/conformance/conformance-client", args);
    assert.equal(await within(program.ended, "the usage"), 2, "status");
    assert.match(program.output, /usage: conformance-client[^]*retries/);
  }
  const end = await run(t, "basic", "http://127.0.0.1:1", "carrier pigeons");
  assert.equal(end.status, 1, "status");
});

// ---- Engine.IO alone ----

test("the example of Engine.IO alone against engine.io", async (t) => {
  const http = createServer();
  const seen = [];
  let closed;
  const closing = new Promise((resolve) => {
    closed = resolve;
  });
  engine.attach(http).on("connection", (socket) => {
    socket.on("message", (data) => {
      seen.push(data);
      socket.send(data);
    });
    socket.on("close", closed);
  });
  const port = await listen(t, http);
  const program = launch(t, "examples/engine_client", [`http://127.0.0.1:${port}`]);
  assert.equal(await within(program.ended, "the example"), 0, "status");
  assert.match(program.output, /^open polling\n[^]*message text 5\n[^]*message binary 2\n[^]*close forced close\n$/);
  same(seen, ["hello", bytes("00ff")]);
  await within(closing, "the server to see the end");
});

await runAll();
