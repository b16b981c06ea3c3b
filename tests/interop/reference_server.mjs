// interop-server over the JavaScript server: with SIO_REFERENCE set, js_client.test.mjs runs
// against it, which shows that its expectations are those of the original.
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createRequire } from "node:module";
import { Server as ServerV4 } from "socket.io";
import msgpack from "socket.io-msgpack-parser";
import { Server as ServerV3 } from "socket.io-v3";

const ServerV2 = createRequire(import.meta.url)("socket.io-v2");

const text = { type: "string" };
const flag = { type: "boolean", default: false };
const { values } = parseArgs({
  options: {
    host: { ...text, default: "127.0.0.1" },
    port: { ...text, default: "0" },
    transports: { ...text, default: "both" },
    "tls-cert": text,
    "tls-key": text,
    both: flag,
    "socket.io": { ...text, default: "4" },
    msgpack: flag,
    eio3: flag,
    deflate: flag,
    "no-upgrade": flag,
    "ping-interval": { ...text, default: "25000" },
    "ping-timeout": { ...text, default: "20000" },
    "connect-timeout": { ...text, default: "45000" },
    "max-payload": { ...text, default: "1000000" },
  },
});

const notFound = (request, response) => response.writeHead(404).end();
const tls =
  values["tls-cert"] &&
  createTlsServer(
    { cert: readFileSync(values["tls-cert"]), key: readFileSync(values["tls-key"]) },
    notFound,
  );
const http = !tls || values.both ? createServer(notFound) : tls;
const Server = { 2: ServerV2, 3: ServerV3, 4: ServerV4 }[values["socket.io"]];
const io = new Server(http, {
  ...(values.msgpack && { parser: msgpack }),
  serveClient: false,
  transports: values.transports === "both" ? ["polling", "websocket"] : [values.transports],
  allowEIO3: values.eio3,
  perMessageDeflate: values.deflate,
  allowUpgrades: !values["no-upgrade"],
  pingInterval: Number(values["ping-interval"]),
  pingTimeout: Number(values["ping-timeout"]),
  connectTimeout: Number(values["connect-timeout"]),
  maxHttpBufferSize: Number(values["max-payload"]),
});

function onConnection(socket) {
  const nsp = socket.nsp;
  const up = { count: 0, last: -1, bad: 0 };
  let ticks;

  socket.emit("welcome", socket.id, socket.handshake.auth ?? socket.handshake.query);
  socket.on("echo", (...args) => {
    const ack = args.at(-1);
    if (typeof ack === "function") {
      ack(...args.slice(0, -1));
    } else {
      socket.emit("echo-back", ...args);
    }
  });
  socket.on("handshake", (ack) => ack(socket.handshake.url, socket.handshake.secure));
  socket.on("echo-ack", (...args) => args.pop()(...args));
  socket.on("ask-me", (value, timeout) => {
    if (socket.timeout === undefined) { // before 4.4
      socket.emit("question", value, (...reply) => socket.emit("answer", ...reply));
      return;
    }
    socket.timeout(timeout ?? 1500).emit("question", value, (error, ...reply) => {
      if (error) {
        socket.emit("answer-timeout");
      } else {
        socket.emit("answer", ...reply);
      }
    });
  });
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack?.("ok");
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    ack?.("ok");
  });
  socket.on("rooms", (ack) => ack(...[...socket.rooms].filter((r) => r !== socket.id).sort()));
  socket.on("to-room", (room, ...event) => socket.to(room).emit(...event));
  socket.on("to-rooms", (a, b, ...event) => socket.to(a).to(b).emit(...event));
  socket.on("in-room", (room, ...event) => nsp.to(room).emit(...event));
  socket.on("except", (room, ...event) => nsp.except(room).emit(...event));
  socket.on("broadcast", (...event) => socket.broadcast.emit(...event));
  socket.on("all", (...event) => nsp.emit(...event));
  socket.on("kick", () => socket.disconnect());
  socket.on("kick-hard", () => socket.disconnect(true));
  socket.on("drop", () => socket.conn.close());
  socket.on("transport", (ack) => ack(socket.conn.transport.name));
  socket.on("up", (n) => {
    up.count++;
    up.bad += n === up.last + 1 ? 0 : 1;
    up.last = n;
  });
  socket.on("up-report", (ack) => ack(up.count, up.last, up.bad));
  socket.on("stream", (count, everyMs, perTick) => {
    let n = 0;
    ticks = setInterval(() => {
      for (let i = 0; i < perTick && n < count; i++) {
        socket.emit("down", n++);
      }
      if (n === count) {
        clearInterval(ticks);
        socket.emit("down-end", count);
      }
    }, everyMs);
  });
  socket.on("disconnect", (reason) => {
    clearInterval(ticks);
    socket.broadcast.emit("peer-left", socket.id, reason);
  });
}

for (const name of ["/", "/chat", "/admin"]) {
  io.of(name).on("connection", onConnection);
}
const listen = (server, port, word) =>
  server.listen(port, values.host, () => console.log(`${word} ${server.address().port}`));
if (values.both) {
  io.attach(tls);
  listen(tls, 0, "TLS").once("listening", () => listen(http, Number(values.port), "LISTENING"));
} else {
  listen(http, Number(values.port), "LISTENING");
}
process.on("SIGTERM", () => {
  io.close(() => process.exit(0));
  http.closeAllConnections();
});
