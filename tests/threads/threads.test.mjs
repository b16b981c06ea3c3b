// A server with several loops and the JavaScript client: whatever loop a client's connections and
// requests come to, nobody may notice.
import { Agent, request } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { createRequire } from "node:module";
import { connect as connectTo, createServer } from "node:net";
import { connect as connectSecurely } from "node:tls";
import {
  assert,
  call,
  certificate,
  launch,
  runAll,
  same,
  test,
  until,
  within,
} from "../interop/support.mjs";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
const { io } = require("socket.io-client");

const TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]];

// ---- the server ----

async function startServer(t, threads, { tls = false, args = [] } = {}) {
  const files = tls ? certificate(t) : undefined;
  const secure = tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
  const program = launch(t, "tests/threads/threads-server", [
    "--threads",
    String(threads),
    ...secure,
    ...args,
  ]);
  const printed = new Promise((resolve, reject) => {
    program.child.stdout.on("data", () => {
      const line = /^LISTENING (\d+)$/m.exec(program.output);
      if (line !== null) {
        resolve(Number(line[1]));
      }
    });
    program.ended.then((status) => reject(new Error(`the server ended with ${status}`)));
  });
  printed.catch(() => {});
  const port = await within(printed, "the server to listen");
  let told = false;
  const server = {
    port,
    threads,
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    async end(signal) {
      if (!told) {
        told = true;
        program.child.kill(signal);
      }
      assert.equal(await within(program.ended, "the server to end"), 0, "status of the server");
    },
  };
  t.after(() => server.end("SIGTERM"));
  return server;
}

// A page of a plain server: { status, body }.
function page(server, path, { method = "GET", agent = false, body } = {}) {
  const answer = new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port: server.port, path, method, agent },
      (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, body: text }));
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
  return within(answer, path);
}

async function counter(server, name) {
  const { body } = await page(server, "/metrics");
  return Number(new RegExp(`^sio_server_${name} (\\d+)$`, "m").exec(body)[1]);
}

// ---- clients ----

// Resolves when it is connected; `index` is its member.
async function connect(t, url, options = {}, nsp = "/") {
  const socket = io(url + nsp, {
    forceNew: true,
    reconnection: false,
    rejectUnauthorized: false,
    ...options,
  });
  t.after(async () => socket.disconnect());
  const ready = new Promise((resolve, reject) => {
    socket.once("hello", (index) => {
      socket.index = index;
      resolve();
    });
    socket.once("connect_error", reject);
  });
  await within(ready, "connecting");
  return socket;
}

const ask = (socket, ...event) => socket.timeout(15000).emitWithAck(...event);

// One after the other, because it is the order that says whose turn it is.
async function crowd(t, server, count, options = {}, nsp = "/") {
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const transports = TRANSPORTS[i % TRANSPORTS.length];
    sockets.push(await connect(t, server.url, { transports, ...options }, nsp));
  }
  const members = new Set(sockets.map(({ index }) => index));
  same([...members].sort(), Array.from({ length: server.threads }, (_, i) => i), "all members");
  return sockets;
}

const leave = (sockets) => sockets.forEach((socket) => socket.disconnect());

const FORMS = [1, 2, 4].flatMap((threads) =>
  [false, true].map((tls) => ({ threads, tls, name: `${threads} loops${tls ? ", TLS" : ""}` })),
);

// ---- connections and requests on any loop ----

for (const { name, threads, tls } of FORMS) {
  test(`${name}: 51 clients are answered, each by its member`, async (t) => {
    const server = await startServer(t, threads, { tls });
    const agent = new (tls ? SecureAgent : Agent)({ keepAlive: false, rejectUnauthorized: false });
    const sockets = await crowd(t, server, 51, { agent });
    await Promise.all(
      sockets.map(async (socket, i) => {
        for (let turn = 0; turn < 3; turn++) {
          const sent = [i, turn, "x".repeat(turn * 5000), Buffer.alloc(turn * 100, i)];
          same(await ask(socket, "echo", ...sent), sent[0]);
          assert.equal(await ask(socket, "which"), socket.index);
        }
      }),
    );
    leave(sockets);
  });
}

// A proxy's connections carry the requests of many clients, each perhaps for another loop.
test("kept connections that everyone uses go from loop to loop", async (t) => {
  const server = await startServer(t, 4);
  const agent = new Agent({ keepAlive: true, scheduling: "fifo" });
  t.after(async () => agent.destroy());
  const sockets = await Promise.all(
    Array.from({ length: 16 }, () => connect(t, server.url, { agent, transports: ["polling"] })),
  );
  const sent = Array.from({ length: 20 }, (_, i) => i);
  await Promise.all(
    sockets.map(async (socket, i) => {
      const seen = [];
      socket.on("echo", (from, n) => seen.push([from, n]));
      sent.forEach((n) => socket.emit("echo", i, n));
      await until(socket, ["echo"], () => seen.length === sent.length, "the answers");
      same(seen, sent.map((n) => [i, n]), "in order");
    }),
  );
  assert.ok((await counter(server, "connections_moved_total")) > 0);
  assert.equal(await counter(server, "connections_move_failed_total"), 0);
  leave(sockets);
});

// Upgrades come on connections of their own, which mostly belong to another loop, while events go
// both ways.
for (const tls of [false, true]) {
  test(`talking while upgrading${tls ? ", TLS" : ""}`, async (t) => {
    const server = await startServer(t, 3, { tls });
    const agent = new (tls ? SecureAgent : Agent)({ keepAlive: true, rejectUnauthorized: false });
    t.after(async () => agent.destroy());
    const talk = async (_, i) => {
      const socket = await connect(t, server.url, { agent });
      const seen = [];
      let upgraded = socket.io.engine.transport.name === "websocket";
      socket.io.engine.once("upgrade", () => (upgraded = true));
      socket.on("echo", (n, data) => seen.push([n, data.length]));
      const sent = [];
      while (!upgraded || sent.length < 20) {
        sent.push([sent.length, (sent.length * 37) % 500]);
        const [n, size] = sent.at(-1);
        socket.emit("echo", n, Buffer.alloc(size, i));
        await until(socket, ["echo"], () => seen.length >= n - 3, "an answer");
      }
      await until(socket, ["echo"], () => seen.length === sent.length, "the answers");
      same(seen, sent, "in order");
      return socket;
    };
    leave(await Promise.all(Array.from({ length: 40 }, talk)));
  });
}

// Asks for a session over TLS. Resolves with its tag, and a ticket to come back with.
function shake(t, server, session) {
  const socket = connectSecurely({
    host: "127.0.0.1",
    port: server.port,
    rejectUnauthorized: false,
    session,
  });
  t.after(async () => socket.destroy());
  const answered = new Promise((resolve, reject) => {
    let text = "";
    let ticket = session;
    const look = () => {
      const tag = /"sid":"(.)/.exec(text)?.[1];
      if (tag !== undefined && ticket !== undefined) {
        resolve({ tag, ticket, resumed: socket.isSessionReused() });
      }
    };
    socket.on("error", reject);
    socket.on("session", (fresh) => {
      ticket = fresh;
      look();
    });
    socket.on("data", (chunk) => {
      text += chunk;
      look();
    });
  });
  socket.write("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n");
  return within(answered, "a session over TLS");
}

test("what one loop has agreed on over TLS goes on on the others", async (t) => {
  const server = await startServer(t, 4, { tls: true });
  const { tag, ticket, resumed } = await shake(t, server);
  assert.equal(resumed, false);
  const tags = new Set([tag]);
  for (let i = 0; i < 3; i++) {
    const next = await shake(t, server, ticket);
    assert.equal(next.resumed, true);
    tags.add(next.tag);
  }
  same([...tags].sort(), ["A", "B", "C", "D"]);
});

test("a session of no member is unknown, and so is one of another that has none of it", async (t) => {
  const server = await startServer(t, 2);
  for (const sid of ["!", "~abc", "Azzzzzzzzzzzzzzzzzzz", "Bzzzzzzzzzzzzzzzzzzz", "Czzzzzzzzzzzzzzzzzzz", "_z"]) {
    for (let turn = 0; turn < 2; turn++) {
      const answer = await page(server, `/socket.io/?EIO=4&transport=polling&sid=${sid}`);
      assert.equal(answer.status, 400, sid);
      same(JSON.parse(answer.body), { code: 1, message: "Session ID unknown" });
    }
  }
});

// ---- from loop to loop ----

// Resolves with the next `count` of n(i) that each socket gets, by socket.
function numbers(sockets, count) {
  return within(
    Promise.all(
      sockets.map(
        (socket) =>
          new Promise((resolve) => {
            const seen = [];
            const take = (n) => {
              if (seen.push(n) === count) {
                socket.off("n", take);
                resolve(seen);
              }
            };
            socket.on("n", take);
          }),
      ),
    ),
    "the numbers",
  );
}

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = (list) => [...list].sort((a, b) => (a < b ? -1 : a > b));

for (const nsp of ["/", "/made-here"]) {
  for (const threads of [2, 4]) {
    const name = `${threads} loops, ${nsp}`;

    test(`${name}: everyone gets what is sent to all, in order`, async (t) => {
      const server = await startServer(t, threads);
      const sockets = await crowd(t, server, 12, {}, nsp);
      for (const sender of sockets.slice(0, threads + 1)) {
        const due = numbers(sockets, 100);
        sender.emit("everyone", 0, 100);
        for (const seen of await due) {
          same(seen, range(0, 100));
        }
      }
      leave(sockets);
    });

    test(`${name}: rooms, joined and left from anywhere`, async (t) => {
      const server = await startServer(t, threads);
      const sockets = await crowd(t, server, 12, {}, nsp);
      const [inside, outside] = [sockets.filter((_, i) => i % 2), sockets.filter((_, i) => !(i % 2))];
      outside.forEach((socket) => socket.on("n", () => assert.fail("it is in no room")));
      await Promise.all(inside.map((socket) => ask(socket, "join", "red")));
      for (const sender of sockets.slice(0, threads + 1)) {
        const due = numbers(inside, 10);
        sender.emit("room", "red", 0, 10);
        (await due).forEach((seen) => same(seen, range(0, 10)));
      }
      // What the same member sends behind it finds it done.
      const due = numbers(inside, 10);
      outside[0].emit("all_join", "red", "blue");
      outside[0].emit("all_leave", "red", "red");
      outside[0].emit("room", "red", 100, 110);
      outside[0].emit("room", "blue", 200, 210);
      (await due).forEach((seen) => same(seen, range(200, 210)));
      leave(sockets);
    });

    test(`${name}: acknowledgements, queries and events of members`, async (t) => {
      const server = await startServer(t, threads);
      const sockets = await crowd(t, server, 12, {}, nsp);
      sockets.forEach((socket, i) => socket.on("ask", (done) => done(i)));
      await Promise.all(sockets.map((socket, i) => ask(socket, "join", i < 7 ? "red" : "blue")));
      for (const asker of sockets.slice(0, threads)) {
        const [status, ...answers] = await call(asker, "ask", "red");
        same([status, sorted(answers)], [0, range(0, 7)]);
        const [found, ...ids] = await call(asker, "fetch", "blue");
        same([found, sorted(ids)], [0, sorted(sockets.slice(7).map(({ id }) => id))]);
        const [told, ...members] = await call(asker, "members");
        const others = range(0, threads).filter((index) => index !== asker.index);
        same([told, sorted(members)], [0, others]);
      }
      leave(sockets);
    });

    test(`${name}: clients of all loops are disconnected`, async (t) => {
      const server = await startServer(t, threads);
      const sockets = await crowd(t, server, 12, {}, nsp);
      const red = sockets.slice(4);
      await Promise.all(red.map((socket) => ask(socket, "join", "red")));
      const ends = red.map((socket) => new Promise((resolve) => socket.once("disconnect", resolve)));
      sockets[0].emit("kick", "red");
      same(await within(Promise.all(ends), "the ends"), red.map(() => "io server disconnect"));
      assert.equal(await ask(sockets[1], "which"), sockets[1].index);
      leave(sockets);
    });
  }
}

// ---- who comes back ----

// The same numbers each time.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EVENTS = 150;

// A way to the server that can be cut.
async function fragile(t, port) {
  const ends = new Set();
  const proxy = createServer((near) => {
    const far = connectTo({ host: "127.0.0.1", port });
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const cut = () => ends.forEach((end) => end.resetAndDestroy());
  t.after(async () => {
    proxy.close();
    cut();
  });
  return { port: proxy.address().port, cut };
}

// A client that is cut off again and again, at random moments, and comes back to any loop.
async function restless(t, server, transports, seed) {
  const below = random(seed);
  const way = await fragile(t, server.port);
  const socket = io(`http://127.0.0.1:${way.port}`, {
    forceNew: true,
    transports,
    reconnectionDelay: 1,
    reconnectionDelayMax: 20,
  });
  t.after(async () => socket.disconnect());
  const client = { socket, seen: [], members: new Set(), returns: 0, lost: 0 };
  socket.on("n", (n) => client.seen.push(n));
  socket.on("hello", (index, recovered) => {
    client.members.add(index);
    if (client.seen.length > 0) {
      client.returns++;
      client.lost += recovered ? 0 : 1;
    }
  });
  // What came in front of CONNECT the JavaScript client keeps, even when the connection ends there,
  // and does not count it: cut then, it would show these events twice, whatever the server does.
  client.cut = () => {
    if (socket.connected) {
      way.cut();
    }
    client.timer = setTimeout(client.cut, 20 + below(150));
  };
  t.after(async () => clearTimeout(client.timer));
  await within(new Promise((resolve) => socket.once("hello", resolve)), "connecting");
  return client;
}

for (const threads of [2, 4]) {
  test(`${threads} loops: who is cut off misses nothing and gets nothing twice`, async (t) => {
    const server = await startServer(t, threads, { args: ["--recovery"] });
    const senders = await crowd(t, server, 4, { transports: ["websocket"] });
    const clients = [];
    // No upgrades: when the WebSocket ends while the JavaScript client pauses polling, it does nothing
    // any more until the heartbeat times out.
    for (let i = 0; i < 8; i++) {
      clients.push(await restless(t, server, TRANSPORTS[i % 2], 77 + i));
    }
    // Who has had no event yet has nothing to come back to.
    senders[0].emit("everyone", 0, 1);
    const look = (client) => until(client.socket, ["n"], () => client.seen.length > 0, "the first");
    await Promise.all(clients.map(look));
    clients.forEach((client) => client.cut());
    for (let i = 1; i < EVENTS; i++) {
      senders[i % senders.length].emit("everyone", i, i + 1);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    clients.forEach((client) => clearTimeout(client.timer));
    for (const client of clients) {
      const all = () => client.seen.length >= EVENTS;
      await until(client.socket, ["n"], all, "the rest");
    }
    for (const { seen, lost } of clients) {
      assert.equal(lost, 0, "sessions that were not found");
      same(
        [...seen].sort((a, b) => a - b),
        range(0, EVENTS),
        "each once",
      );
      senders.forEach((_, from) => {
        const of = seen.filter((n) => n % senders.length === from);
        same(of, [...of].sort((a, b) => a - b), "the order of each sender");
      });
    }
    const returns = clients.reduce((sum, client) => sum + client.returns, 0);
    console.log(`# ${returns} returns`);
    assert.ok(returns > clients.length && clients.some(({ members }) => members.size > 1), "moves");
    [...senders, ...clients.map(({ socket }) => socket)].forEach((socket) => socket.disconnect());
  });
}

// ---- the end ----

async function busy(t, server, count) {
  const sockets = await crowd(t, server, count);
  const ends = sockets.map(
    (socket) => new Promise((resolve) => socket.once("disconnect", resolve)),
  );
  const talk = (socket) => {
    if (socket.connected) {
      socket.emit("echo", "x".repeat(2000));
    }
  };
  for (const socket of sockets) {
    socket.on("echo", () => talk(socket));
    talk(socket);
    talk(socket);
  }
  await Promise.all(sockets.map((socket) => ask(socket, "echo", "busy")));
  return ends;
}

for (const [what, signal] of [["closing", "SIGTERM"], ["freeing", "SIGUSR1"]]) {
  for (const tls of [false, true]) {
    test(`${what} while all are busy${tls ? ", TLS" : ""}`, async (t) => {
      const server = await startServer(t, 4, { tls });
      const ends = await busy(t, server, 12);
      await server.end(signal);
      await within(Promise.all(ends), "all to know");
    });
  }
}

test("a member that cannot be set up is the server's failure", async (t) => {
  for (const member of ["0", "2", "3"]) {
    const args = ["--threads", "4", "--fail-at", member];
    const program = launch(t, "tests/threads/threads-server", args);
    assert.equal(await within(program.ended, "the server to end"), 1);
    assert.match(program.output, /^server: /m);
  }
});

await runAll();
