// Requests of HTTP/1.1, in one piece and byte by byte, against Node's server (which parses with llhttp): what
// is accepted, method, target, header lines, how the body is framed, where the next request begins.
import http from "node:http";
import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { main, ofBytes } from "./driver.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { mutated } from "./random.mjs";

const MOST_TURNS = 100;

/* ---- the reference ---- */

/** A connection without a network, and what the server made of it. */
class Connection extends Duplex {
  requests = [];
  error = undefined;

  _read() {}

  _write(_chunk, _encoding, done) {
    done();
  }

  /** Nothing is on its way any more, as long as the peer sends nothing. */
  get idle() {
    return this.destroyed || this.error !== undefined || this.requests.every(({ done }) => done);
  }
}

function taken(request, upgrade) {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    lines.push([rawHeaders[i], rawHeaders[i + 1]]);
  }
  return { method, target: url, version: httpVersion, lines, upgrade, body: upgrade ? "" : undefined, done: upgrade };
}

function onRequest(request, response) {
  const entry = taken(request, false);
  const pieces = [];
  if (entry.version === "1.1" && request.headers.host === undefined) {
    // The server would answer this by itself, and go on.
    request.socket.error ??= "no Host";
  }
  if (request.socket.error !== undefined) {
    request.socket.destroy();
    return;
  }
  entry.keepAlive = response.shouldKeepAlive;
  request.socket.requests.push(entry);
  // The parser pushes: what listeners are told later may be lost when an error follows at once.
  const push = request.push;
  request.push = (piece) => {
    if (piece === null) {
      entry.body = Buffer.concat(pieces).toString("latin1");
    } else {
      pieces.push(piece);
    }
    return push.call(request, piece);
  };
  const end = () => {
    entry.done = true;
    response.end();
  };
  request.on("end", end).on("error", end).resume();
}

function onUpgrade(request, socket) {
  if (socket.error !== undefined) {
    return;
  }
  socket.requests.push(taken(request, true));
  socket.destroy();
}

const server = http.createServer({ requireHostHeader: false, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: 2 ** 30 });
for (const event of ["request", "checkContinue", "checkExpectation"]) {
  server.on(event, onRequest);
}
server.on("upgrade", onUpgrade);
server.on("connect", onUpgrade);
server.on("clientError", (error, socket) => {
  socket.error ??= error.code;
  socket.destroy();
});

async function settle(connections, settled) {
  for (let turns = 0; turns < MOST_TURNS && !connections.every(settled); turns++) {
    await turn();
  }
}

/** How a connection ended: "clean" (between requests), "closed" (after one that asks for it), "upgraded" or "refused". */
function outcome({ requests, error }) {
  if (requests.at(-1)?.upgrade) {
    return { requests, end: "upgraded" };
  }
  const closed = requests.findIndex(({ keepAlive, body }) => keepAlive === false && body !== undefined);
  if (closed >= 0) {
    return { requests: requests.slice(0, closed + 1), end: "closed" };
  }
  return { requests: requests.filter(({ body }) => body !== undefined), end: error === undefined ? "clean" : "refused", fault: error };
}

async function references(inputs) {
  const connections = inputs.map((input) => {
    const connection = new Connection();
    connection.on("error", () => {});
    server.emit("connection", connection);
    if (input.length > 0) {
      connection.push(input);
    }
    return connection;
  });
  await turn();
  await settle(connections, ({ idle }) => idle);
  connections.forEach((connection) => connection.destroyed || connection.push(null));
  await turn();
  await settle(connections, ({ destroyed, writableFinished, error }) => destroyed || writableFinished || error !== undefined);
  connections.forEach((connection) => connection.destroy());
  return connections.map(outcome);
}

/* ---- ours ---- */

function oursOf(fields) {
  const requests = [];
  let end = "upgraded";
  let fault;
  for (const [letter, value] of fields) {
    const request = requests.at(-1);
    const text = value.toString("latin1");
    switch (letter) {
      case "m":
        requests.push({ method: text, lines: [], body: undefined });
        break;
      case "t":
        request.target = text;
        break;
      case "o":
        request.host = text;
        break;
      case "1":
        request.version = "1." + text;
        break;
      case "h":
        request.lines.push([text]);
        break;
      case "v":
        request.lines.at(-1).push(text);
        break;
      case "k":
        request.keepAlive = text === "1";
        break;
      case "u":
        request.upgrade = text === "1";
        request.body = request.upgrade ? "" : undefined;
        break;
      case "b":
        request.body = text;
        break;
      case "z":
        end = "closed";
        break;
      case "e":
        fault = text === "OK" ? undefined : text;
        end = text === "OK" ? "clean" : "refused";
        break;
    }
  }
  return { requests: requests.filter(({ body }) => body !== undefined), end, fault };
}

function* compareRequest(theirs, ours) {
  for (const what of ["method", "target", "version", "upgrade", "body"]) {
    if (theirs[what] !== ours[what]) {
      yield { what, theirs: theirs[what], ours: ours[what], request: theirs, host: ours.host };
    }
  }
  if (!theirs.upgrade && !ours.upgrade && theirs.keepAlive !== ours.keepAlive) {
    yield { what: "keep-alive", theirs: theirs.keepAlive, ours: ours.keepAlive, request: theirs };
  }
  const [a, b] = [JSON.stringify(theirs.lines), JSON.stringify(ours.lines)];
  if (a !== b) {
    yield { what: "lines", theirs: a, ours: b, request: theirs };
  }
}

/* ---- inputs ---- */

const METHODS = ["GET", "POST", "GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "PATCH", "get", "GETX", "G", "M-SEARCH", "PRI", "CONNECT", "QUERY", "!#$%", "X".repeat(33), ""];
const TARGETS = ["/", "/socket.io/?EIO=4&transport=polling", "/a%20b", "/a?b#c", "*", "http://h/x?y", "HTTP://h:80", "https://[::1]:3/", "h:80", "//x", "/\u00e9", "/a b", "/\"<>\\^`{|}", "/\x7f", "/\0", "x", "?", "", "http://", "http:///", "http://a@b/", "ws://h/"];
const VERSIONS = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.01", "HTTP/11", "HTTP/1.", "ICE/1.0", "RTSP/1.0", ""];
const NAMES = ["Host", "host", "Accept", "X", "x-1", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Expect", "Cookie", "Origin", "Sec-WebSocket-Key", "A!#$%&'*+-.^_`|~9", "X Y", "X\t", "", "\u00e9", "X(", "__proto__", "Proxy-Connection", "Keep-Alive", "TE", "Trailer"];
const VALUES = ["", "a", "  a  ", "\ta\t", "h", "h:80", "[::1]", "close", "keep-alive", "upgrade", "Upgrade", "close, x", "keep-alive, Upgrade", "websocket", "chunked", "Chunked", "gzip", "gzip, chunked", "chunked, gzip", "identity", "chunked, chunked", "0", "5", "05", "+5", "-1", "5, 5", "5,6", "0x5", "5 5", "18446744073709551616", "100-continue", "x", "\u00e9", "\x01", "\x7f", "a\0b", "\"q;\"", "a\rb", "a\nb"];
const ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", " \r\n"];
const WORDS = ["\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ": ", ",", ";", "\0", "\x7f", "\x80", "\x01", "/", "HTTP/1.1", "GET", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "Host: h\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "3\r\nabc\r\n", "3;x=y\r\n", "3;x=\"\n\"\r\n", "\r\n x", "0", "1", "g", "00000000000000003", "ffffffffffffffff", "10000000000000000", "X: y\r\n", " : y\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Connection: close\r\n"].map((word) => Buffer.from(word, "latin1"));

const end = (random) => (random.oneIn(12) ? random.pick(ENDS) : "\r\n");

function chunks(random) {
  let out = "";
  for (let left = random.size(3); left > 0; left--) {
    const data = "d".repeat(1 + random.size(20));
    const size = random.oneIn(2) ? data.length.toString(16) : data.length.toString(16).toUpperCase().padStart(random.below(4), "0");
    out += size + (random.oneIn(6) ? random.pick([";", ";a", ";a=b", ";a=", ";a;b", ";=x", ";;", "; ", ";a b", ';"q"', '; a="x;y"', ';a="x', " ;a", " ", ";a=\u00e9", ";\x01"]) : "") + end(random) + data + end(random);
  }
  return out + "0" + end(random) + (random.oneIn(5) ? `T: ${random.pick(VALUES)}${end(random)}` : "") + end(random);
}

function request(random) {
  const rare = (list, common) => (random.oneIn(6) ? random.pick(list) : common);
  const framing = random.below(4);
  const method = rare(METHODS, framing === 0 ? "GET" : "POST");
  let out = `${method}${rare([" ", "  ", "\t", ""], " ")}${rare(TARGETS, "/x?y=z")}${rare([" ", "  ", "\t"], " ")}${rare(VERSIONS, "HTTP/1.1")}${end(random)}`;
  if (!random.oneIn(12)) {
    out += `Host: ${rare(["h", "h:80", "[::1]:3", "a b", "", "h:99999", "h@x", "h/x", "h,h"], "h")}${end(random)}`;
  }
  for (let left = random.size(4); left > 0; left--) {
    const value = random.pick(VALUES);
    out += `${random.pick(NAMES)}${rare([" :", ":", "\t:", ""], ":")}${rare(["", "  ", "\t"], " ")}${value}${rare(["\r\n ", "\r\n\tx"], "")}${end(random)}`;
  }
  const body = "b".repeat(random.size(30));
  if (framing === 1) {
    out += `Content-Length: ${rare(VALUES, String(body.length))}${end(random)}`;
  } else if (framing === 2) {
    out += `Transfer-Encoding: ${rare(VALUES, "chunked")}${end(random)}`;
  } else if (random.oneIn(10)) {
    out += `Connection: ${random.pick(VALUES)}\r\nUpgrade: websocket\r\n`;
  }
  return out + end(random) + (framing === 1 ? body : framing === 2 ? chunks(random) : "");
}

const HTTP1 = ofBytes({
  name: "http1",
  references,
  generate(random) {
    const text = random.list(1 + random.size(2), request).join(random.oneIn(6) ? "\r\n" : "");
    const bytes = Buffer.from(text, "latin1");
    return random.oneIn(2) ? bytes : mutated(random, bytes, WORDS);
  },
  *compare(input, theirs, fields) {
    const ours = oursOf(fields);
    for (let i = 0; i < Math.max(theirs.requests.length, ours.requests.length); i++) {
      const [a, b] = [theirs.requests[i], ours.requests[i]];
      if (a === undefined || b === undefined) {
        yield { what: a === undefined ? "only we accept" : "only they accept", theirs: theirs.fault ?? theirs.end, ours: ours.fault ?? ours.end, request: a ?? b };
        return;
      }
      const mismatches = [...compareRequest(a, b)];
      yield* mismatches;
      if (mismatches.length > 0) {
        return; // what follows may be cut elsewhere
      }
    }
    if (theirs.end !== ours.end) {
      yield { what: "end", theirs: theirs.fault ?? theirs.end, ours: ours.fault ?? ours.end, request: theirs.requests.at(-1) };
    }
  },
});

await main([HTTP1], DIFFERENCES);
server.close();
