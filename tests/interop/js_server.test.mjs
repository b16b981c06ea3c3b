// interop-client against official JavaScript servers: each scenario of the C program has its
// server's half here.
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import {
  answerDone,
  COMPRESSED,
  deny,
  deserted,
  inspectRequests,
  maxpayload,
  pingTimeout,
  play as playAgainst,
  reconnect,
  refused,
  sendThroughCuts,
  serverDisconnect,
  upgrade,
} from "./halves.mjs";
import {
  assert,
  certificate,
  MODES,
  runAll,
  same,
  start,
  test,
  testEachMode,
  within,
} from "./support.mjs";

const msgpack = createRequire(import.meta.url)("socket.io-msgpack-parser");

// Resolves when the program has ended well; `leaving` is why it left, once the server knows.
async function play(t, mode, scenario, setting, half) {
  const { status, leaving } = await playAgainst(t, setting, half, (url) =>
    start(t, "client", [scenario, url, mode.name], setting.env),
  );
  assert.equal(status, 0, "status of the client");
  return { leaving };
}

const scenarios = new Map();

// One test for each way to use the transports. `setup(io, checks, http)` prepares the server.
function scenario(name, options, setup, modes = MODES) {
  scenarios.set(name, { options, setup });
  for (const mode of modes) {
    test(`${mode.name}: ${options.label ?? name}`, async (t) => {
      // The client's part is over when the server knows that it left.
      const { leaving } = await play(t, mode, name, options, (io, checks, http) => {
        setup(io, checks, http, mode);
      });
      const reason = await within(leaving, "the server to see the end");
      if (options.endsWith !== null) {
        assert.equal(reason, options.endsWith ?? "client namespace disconnect");
      }
    });
  }
}

// ---- events and acknowledgements ----

function basic(io, checks) {
  io.on("connection", (socket) => {
    const seen = [];
    const object = { n: 1, list: [1, 2, 3], none: null, u: "☃𝄞" };
    socket.emit("welcome", "hello", object, -1.5, true, null);
    socket.on("greet", (...args) => {
      seen.push("greet");
      checks.run(() => same(args, ["café", 42, -1.5, true, false, null, { a: { b: [] } }, []]));
    });
    socket.on("sum", (a, b, ack) => ack(a + b));
    socket.on("multi", (ack) => ack("a", 2, { k: [true] }));
    socket.on("none", (ack) => {
      ack();
      socket.emit("question", "how many?", (...args) => {
        seen.push("answer");
        checks.run(() => same(args, [7, "seven"]));
      });
    });
    answerDone(socket, checks, () => same(seen, ["greet", "answer"]));
  });
}

scenario("basic", {}, basic);

scenario("binary", {}, (io, checks) => {
  io.on("connection", (socket) => {
    const seen = [];
    const bytes = (hex) => Buffer.from(hex, "hex");
    const blob = [
      { a: bytes("0001ff"), l: ["x", bytes(""), { d: bytes("e29883") }] },
      bytes("00090aff"),
    ];
    socket.emit("blob", ...blob);
    socket.on("blob-back", (...args) => {
      seen.push("blob-back");
      checks.run(() => same(args, blob));
    });
    socket.on("blob-built", (...args) => {
      seen.push("blob-built");
      checks.run(() => same(args, blob));
    });
    socket.on("bin-ack", (value, one, ack) => {
      checks.run(() => same([value, one], [bytes("deadbeef"), 1]));
      ack({ r: bytes("fe") }, value);
      socket.emit("bin-question", bytes("09"), (...args) => {
        seen.push("bin-question");
        checks.run(() => same(args, [bytes("0909"), "t"]));
      });
    });
    answerDone(socket, checks, () => same(seen, ["blob-back", "blob-built", "bin-question"]));
  });
});

scenario("early", {}, (io, checks) => {
  io.on("connection", (socket) => {
    const seen = [];
    socket.on("e", (value) => seen.push(value));
    socket.on("last", (value, ack) => {
      checks.run(() => same([...seen, value], [1, 2, 3, Buffer.from([4]), 5]));
      ack("ok");
    });
  });
});

scenario("acks", {}, (io, checks) => {
  io.on("connection", (socket) => {
    const acks = [];
    socket.on("later", (n, ack) => acks.push(() => ack(n)));
    socket.on("answer-all", () => acks.reverse().forEach((ack) => ack()));
    answerDone(socket, checks, () => same(acks.length, 100));
  });
});

scenario("ack-timeout", {}, (io, checks) => {
  io.on("connection", (socket) => {
    let late;
    socket.on("slow", (n, ack) => {
      late = ack;
    });
    socket.on("fast", (ack) => {
      late("too late");
      ack("ok");
    });
    answerDone(socket, checks);
  });
});

// ---- size, order, the upgrade ----

const modes = (name) => MODES.filter((mode) => mode.name === name);

scenario("upgrade", {}, upgrade, modes("upgrade"));

scenario("big", { options: { maxHttpBufferSize: 1e8 } }, (io, checks) => {
  const text = "é".repeat(500000);
  const bytes = Buffer.from(Uint8Array.from({ length: 1000000 }, (_, i) => i * 7));
  io.on("connection", (socket) => {
    let rounds = 0;
    socket.emit("big", text, bytes);
    socket.on("big-back", (gotText, gotBytes) => {
      checks.run(() => {
        assert.ok(gotText === text, "the text is the same");
        assert.ok(bytes.equals(gotBytes), "the bytes are the same");
      });
      if (++rounds === 1) {
        socket.emit("big", text, bytes);
      }
    });
    answerDone(socket, checks, () => same(rounds, 2));
  });
});

// Counts `up`(i), sends `down`(i), some each tick; the order of both is checked.
function numbered(perTick, everyMs) {
  const COUNT = 10000;
  return (io, checks, http, mode) => {
    io.on("connection", (socket) => {
      let [got, wrong, sent] = [0, 0, 0];
      socket.on("up", (n) => {
        wrong += n === got ? 0 : 1;
        got++;
      });
      socket.on("start", () => {
        const ticks = setInterval(() => {
          for (let i = 0; i < perTick && sent < COUNT; i++) {
            socket.emit("down", sent++);
          }
          if (sent === COUNT) {
            clearInterval(ticks);
            socket.emit("down-end", COUNT);
          }
        }, everyMs);
        socket.on("disconnect", () => clearInterval(ticks));
      });
      answerDone(socket, checks, () => {
        same([got, wrong], [COUNT, 0]);
        const { name } = socket.conn.transport;
        same(name, mode.name === "polling" ? "polling" : "websocket");
      });
    });
  };
}

scenario("order", {}, numbered(20, 1));
scenario("volley", {}, numbered(10000, 0));

const SMALL = { options: { maxHttpBufferSize: 10000 } };

scenario("maxpayload", SMALL, maxpayload(20), modes("polling"));

// ---- namespaces, auth ----

scenario("namespaces", {}, (io, checks) => {
  for (const name of ["/", "/a", "/b"]) {
    io.of(name).on("connection", (socket) => {
      socket.emit("hello", name);
      socket.on("tag", (value, ack) => ack(value));
      socket.on("ping-me", (ack) => ack(name));
      answerDone(socket, checks, () => same(io.engine.clientsCount, 1));
    });
  }
  deny(io.of("/denied"));
});

scenario("auth", { options: { path: "/custom/path/" } }, (io, checks, http) => {
  let requests = 0;
  http.prependListener("request", () => requests++);
  http.prependListener("upgrade", () => requests++);
  inspectRequests(checks, http);
  io.use((socket, go) => {
    const { auth } = socket.handshake;
    if (auth.token === "good") {
      checks.run(() => same(auth, { token: "good", n: [1, "☃"] }));
      go();
    } else {
      checks.run(() => same(auth, { token: "bad" }));
      go(Object.assign(new Error("unauthorized"), { data: { code: 401 } }));
    }
  });
  io.on("connection", (socket) => {
    checks.run(() => assert.ok(requests > 0));
    socket.emit("welcome", "authorized");
  });
});

// ---- losing the connection ----

const LEFT_BY_SERVER = { endsWith: "server namespace disconnect" };

scenario("server-disconnect", LEFT_BY_SERVER, serverDisconnect);

scenario("reconnect", { endsWith: null }, reconnect("kept"));

scenario("reconnect-hard", { endsWith: null }, (io, checks, http) => {
  let visits = 0;
  let refusals = Infinity;
  http.on("connection", (connection) => {
    if (refusals < 2) {
      refusals++;
      connection.destroy();
    }
  });
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("go-away", () => {
      refusals = 0;
      http.cut();
    });
    answerDone(socket, checks, () => same(visits, 2));
  });
});

scenario("ack-lost", { endsWith: null }, (io, checks) => {
  let visits = 0;
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("cut-me", () => socket.conn.close());
    answerDone(socket, checks, () => same(visits, 2));
  });
});

const WITH_RECOVERY = { endsWith: null, options: { connectionStateRecovery: {} } };

scenario("recovery", WITH_RECOVERY, (io, checks) => {
  let started = false;
  io.on("connection", (socket) => {
    socket.on("got", (reconnections) => checks.run(() => same(reconnections, 2)));
    answerDone(socket, checks, () => assert.ok(socket.recovered));
    if (started) {
      return;
    }
    started = true;
    sendThroughCuts(io, socket);
  });
});

scenario("recovery-lost", WITH_RECOVERY, (io, checks) => {
  let visits = 0;
  let pid;
  io.use((socket, go) => {
    const { auth } = socket.handshake;
    if (visits === 1) {
      checks.run(() => assert.ok(typeof auth.pid === "string" && typeof auth.offset === "string"));
    }
    go();
  });
  io.of("/").adapter.restoreSession = async (known) => {
    pid = known;
    return null;
  };
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("cut-me", () => socket.conn.close());
    answerDone(socket, checks, () => {
      same([visits, socket.recovered], [2, false]);
      same(typeof pid, "string");
    });
  });
});

// ---- the heartbeat ----

scenario("heartbeat", { options: { pingInterval: 50, pingTimeout: 5000 } }, (io, checks) => {
  io.on("connection", (socket) => {
    let pongs = 0;
    socket.emit("hello", 1);
    socket.conn.on("packet", ({ type }) => {
      if (type === "pong" && ++pongs === 10) {
        socket.emit("alive", true);
      }
    });
    answerDone(socket, checks, () => assert.ok(pongs >= 10));
  });
});

const IMPATIENT = { endsWith: null, options: { pingInterval: 300, pingTimeout: 200 } };

scenario("ping-timeout", IMPATIENT, pingTimeout);

// ---- servers of other kinds ----

testEachMode("over TLS, the certificate is verified", async (t, mode) => {
  const { cert, key } = certificate(t);
  for (const [name, env, host] of [
    ["basic", { SIO_CA: cert }, "127.0.0.1"],
    ["basic", { SIO_CA: cert }, "localhost"],
    ["refused", {}, "127.0.0.1"],
  ]) {
    const http = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
    await play(t, mode, name, { http, env, host, scheme: "https" }, basic);
  }
});

testEachMode("a Socket.IO 2.x server is refused", async (t, mode) => {
  await play(t, mode, "old-server", { v2: true }, refused);
});

testEachMode("basic with a Socket.IO 2.x server", async (t, mode) => {
  await play(t, mode, "basic", { v2: true, env: { SIO_EIO: "3" } }, basic);
});

for (const name of ["basic", "binary", "early", "acks", "big", "namespaces", "recovery"]) {
  const { options, setup } = scenarios.get(name);
  const packed = {
    ...options,
    label: `${name} as MessagePack`,
    options: { ...options.options, parser: msgpack },
    env: { SIO_PARSER: "msgpack" },
  };
  scenario(name, packed, setup);
}

testEachMode("nobody listens", async (t, mode) => {
  const port = await deserted(t);
  const program = start(t, "client", ["refused", `http://127.0.0.1:${port}`, mode.name]);
  assert.equal(await within(program.ended, "the client"), 0, "status of the client");
});

testEachMode("compressed WebSocket messages and answers", async (t, mode) => {
  await play(t, mode, "basic", { options: COMPRESSED }, basic);
});

await runAll();
