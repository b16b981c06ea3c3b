// What interop-client and conformance-client are played against: JavaScript servers, each prepared
// with the server's half of a scenario, and the halves that both know.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";
import { assert, proxied, same, within } from "./support.mjs";

const ServerV2 = createRequire(import.meta.url)("socket.io-v2");

// The clients give up by themselves before this.
const SCENARIO_MS = 60000;

// What a server's half has to say: faults are thrown in handlers, where nobody catches them.
export class Checks {
  #fault;

  // Runs the function, remembers the first thing it throws.
  run(check) {
    try {
      return check();
    } catch (error) {
      this.#fault ??= error;
      return undefined;
    }
  }

  done() {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
  }
}

// The port at which the server, any of node:net, is reached. server.cut() ends its connections.
export async function listen(t, server) {
  const connections = new Set();
  server.on("connection", (connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    connection.on("error", () => {});
  });
  server.cut = () => connections.forEach((connection) => connection.destroy());
  const listening = new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  await within(listening, "the JavaScript server to listen");
  t.after(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.cut();
      }),
  );
  return proxied(t, server.address().port);
}

// The end of a client: its status and output, and a promise of the reason for which it left, as the
// server saw it. `half(io, checks, http)` prepares the server, `client(url)` starts the program.
export async function play(t, setting, half, client) {
  const { options, http = createServer(), scheme = "http", host = "127.0.0.1", v2 } = setting;
  const checks = new Checks();
  const io = new (v2 ? ServerV2 : Server)(http, { serveClient: false, ...options });
  t.after(async () => io.close());
  const leaving = new Promise((resolve) => {
    io.on("connection", (socket) => socket.on("disconnect", resolve));
  });
  half(io, checks, http);
  const port = await listen(t, http);
  const program = client(`${scheme}://${host}:${port}`);
  const status = await within(program.ended, "the scenario", SCENARIO_MS);
  checks.done();
  return { status, output: program.output, leaving };
}

// A port that was one.
export async function deserted(t) {
  const server = createServer();
  const port = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const COMPRESSED = {
  perMessageDeflate: { threshold: 0 },
  httpCompression: { threshold: 0 },
};

// ---- parts of halves ----

// `done` is answered with `bye` when all that was to come came.
export function answerDone(socket, checks, verify = () => {}) {
  socket.on("done", (...args) => {
    checks.run(() => verify(...args));
    socket.emit("bye", "ok");
  });
}

export function deny(nsp) {
  nsp.use((socket, go) => {
    go(Object.assign(new Error("denied"), { data: { code: 403, why: ["x"] } }));
  });
}

// Each request of `auth` has the path, the query and the header that the client was told.
export function inspectRequests(checks, http) {
  const look = (request) =>
    checks.run(() => {
      const { pathname, searchParams } = new URL(request.url, "http://host");
      same([searchParams.get("room"), searchParams.get("x")], ["42", "a&b"]);
      same(request.headers["x-token"], "abc");
      same(pathname, "/custom/path/");
    });
  http.prependListener("request", look);
  http.prependListener("upgrade", look);
}

// n(0) to n(199) to the socket's room, which outlives the connection: it is cut off twice.
export function sendThroughCuts(io, { id }) {
  let n = 0;
  const ticks = setInterval(() => {
    io.to(id).emit("n", n++);
    if (n === 60 || n === 140) {
      io.sockets.sockets.get(id)?.conn.close();
    }
    if (n === 200) {
      clearInterval(ticks);
    }
  }, 4);
}

// ---- halves ----

export function upgrade(io, checks) {
  io.on("connection", (socket) => {
    const tell = () => socket.emit("transport", socket.conn.transport.name);
    if (socket.conn.transport.name === "websocket") {
      tell();
    } else {
      socket.conn.once("upgrade", tell);
    }
    answerDone(socket, checks);
  });
}

// 50 events of 1,000 letters, in bodies of maxHttpBufferSize: 10000.
export function maxpayload(mostPosts) {
  return (io, checks, http) => {
    let posts = 0;
    http.prependListener("request", (request) => {
      if (request.method === "POST") {
        posts++;
        const length = Number(request.headers["content-length"]);
        checks.run(() => assert.ok(length <= 10000, `a body of ${length} bytes`));
      }
    });
    io.on("connection", (socket) => {
      const seen = [];
      socket.on("item", (n, text) => {
        seen.push(n);
        checks.run(() => same(text, "x".repeat(1000)));
      });
      answerDone(socket, checks, () => {
        same(seen, Array.from({ length: 50 }, (_, i) => i));
        assert.ok(posts < mostPosts, `${posts} POST requests for 50 events`);
      });
    });
  };
}

export function serverDisconnect(io) {
  let visits = 0;
  io.on("connection", (socket) => {
    socket.emit("hello", ++visits);
    socket.on("kick-me", () => socket.disconnect());
    socket.on("kick-hard", () => socket.disconnect(true));
  });
}

// `kept` is what the client emits while it is away.
export function reconnect(kept) {
  return (io, checks) => {
    let visits = 0;
    const seen = [];
    io.on("connection", (socket) => {
      socket.emit("hello", ++visits);
      socket.on("cut-me", () => socket.conn.close());
      socket.on(kept, (n) => seen.push(n));
      answerDone(socket, checks, () => same([visits, ...seen], [2, 1, 2, 3]));
    });
  };
}

export function pingTimeout(io) {
  io.on("connection", (socket) => {
    socket.emit("hello", 1);
    clearTimeout(socket.conn.pingIntervalTimer); // mute from now on
  });
}

// Nobody is to come so far.
export function refused(io, checks) {
  io.on("connection", (socket) => {
    socket.on("hi", () => checks.run(() => assert.fail("an event came")));
  });
}
