// Where our codecs differ from those of JavaScript on purpose. docs/internals/differences.md says the
// same to people. A mismatch that none of these explains fails the tests, and so does an entry whose
// examples do not show it any more.
import { METHODS } from "node:http";
import { isIPv6 } from "node:net";
import { depthOf } from "./json.mjs";
import { examined } from "./msgpack.mjs";
import { formOf } from "./query.mjs";

const DEPTH = 256;
const bytes = (text) => Buffer.from(text);

const JSON_DIFFERENCES = [
  {
    name: "JSON nested deeper than 256 is refused",
    subjects: ["json"],
    why: "a bound on the work and on the recursion that a peer can cause; sio_args_limits can lower it",
    explains: ({ what, theirs, ours, text }) => what === "verdict" && theirs === "accepted" && ours === "JSON_DEPTH" && depthOf(text) > DEPTH,
    examples: [bytes("[".repeat(257) + "]".repeat(257)), bytes('{"a":'.repeat(257) + "1" + "}".repeat(257))],
  },
  {
    name: "a cJSON tree with U+0000 in a string is an error",
    subjects: ["json"],
    why: "a C string would be cut there; the getters with a length and the raw text have it whole",
    explains: ({ what, ours }) => what === "U+0000" && ours === "JSON_NUL",
    examples: [bytes('"a\\u0000b"'), bytes('{"\\u0000":1}')],
  },
  {
    name: "names that differ in lone surrogates only are one name in a tree",
    subjects: ["json"],
    why: "both are U+FFFD there; the raw text has them apart",
    explains: ({ what, theirs, ours }) => what === "tree" && theirs.includes("\ufffd") && isJson(ours) && JSON.stringify(JSON.parse(theirs)) === JSON.stringify(JSON.parse(ours)),
    examples: [bytes('{"\\ud800":1,"\\udc00":2}')],
  },
  {
    name: "members keep their order, also those that look like an index",
    subjects: ["json"],
    why: "JavaScript moves members such as \"7\" to the front; a tree of cJSON is a list",
    explains: ({ what, theirs }) => what === "order of members" && /"(0|[1-9]\d{0,9})":/.test(theirs),
    examples: [bytes('{"b":1,"7":2}'), bytes('{"10":1,"9":2}')],
  },
];

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const TEXT_DIFFERENCES = [
  {
    name: "base64 with other characters, or of an impossible length, is refused",
    subjects: ["base64"],
    why: "Buffer skips what it does not know and stops at the first =, so that two texts mean the same",
    explains: ({ what, ours }, input) => what === "refused" && ours === "INVALID" && !isBase64(input.toString("latin1")),
    examples: [bytes("AAA A"), bytes("A"), bytes("AA=A"), bytes("AAAA="), bytes("AAA\u00e9")],
  },
  {
    name: "the name of a parameter that is not UTF-8 equals no text",
    subjects: ["query"],
    why: "names are compared byte by byte; in JavaScript all that is damaged is U+FFFD and so the same name",
    explains: ({ what, theirs, ours }, input) => what === "value that counts" && theirs.length === 1 && ours.length === 0 && formOf(input.toString())[0][0].includes("\ufffd"),
    examples: [bytes("%ff=1"), bytes("%ff=1&%fe=2")],
  },
];

function isBase64(text) {
  const [, characters, padding] = /^([A-Za-z0-9+/_-]*)(=*)$/.exec(text) ?? [];
  if (characters === undefined || characters.length % 4 === 1) {
    return false;
  }
  const full = (4 - (characters.length % 4)) % 4;
  return padding.length === 0 || padding.length === full || (full === 2 && padding.length === 1);
}

/* ---- packets ---- */

const PACKETS = ["packet", "packet of protocol 4"];
const mp = (...parts) => ({ messages: [Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "hex") : part)))] });
const mpText = (text) => Buffer.concat([Buffer.of(0xa0 + Buffer.byteLength(text)), Buffer.from(text)]);
/** A map of type, nsp and data, which is given in parts; and perhaps an id. */
const mpPacket = (type, nsp, data, id) =>
  mp(Buffer.of(id ? 0x84 : 0x83), mpText("type"), Buffer.of(type), mpText("nsp"), mpText(nsp), ...(id ? [mpText("id"), id] : []), mpText("data"), ...[data].flat());
const packet = (...messages) => ({ messages });
const refused = ({ what, theirs, ours }, error) => what === "verdict" && ours === error && theirs !== error;

/** The parts of a text message, as far as they can be told apart. */
function partsOf(text) {
  const [, type, attachments, nsp, id, payload] = /^(.?)(?:(?<=[56])([^-]*)-)?(\/[^,]*,?)?([\d\s\ufeff]*)(.*)$/s.exec(text);
  return { type, attachments, nsp, id, payload };
}

function* objectsOf(value) {
  if (value !== null && typeof value === "object") {
    yield value;
    for (const member of Object.values(value)) {
      yield* objectsOf(member);
    }
  }
}

const isBinary = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/** All that is in a packet; binary is not looked into. */
function* nodesOf(value) {
  yield value;
  if (value !== null && typeof value === "object" && !isBinary(value)) {
    for (const member of Object.values(value)) {
      yield* nodesOf(member);
    }
  }
}

function badPlaceholder({ payload, attachments }) {
  const bad = ({ _placeholder, num }) => _placeholder === true && !(Number.isInteger(num) && num >= 0 && num < Number(attachments));
  try {
    return [...objectsOf(JSON.parse(payload))].some(bad);
  } catch {
    return false;
  }
}

const keysOf = (value) => [...nodesOf(value)].flatMap((node) => (node !== null && typeof node === "object" && !Array.isArray(node) && !isBinary(node) ? Object.keys(node) : []));
const isIndex = (key) => /^(0|[1-9]\d{0,9})$/.test(key);
/** In valid JSON. */
function hasNameTwice(text) {
  const value = parsed(text);
  return value !== undefined && (text.match(/"(?:[^"\\]|\\.)*"\s*:/gs) ?? []).length > keysOf(value).length;
}

const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const PACKET_DIFFERENCES = [
  {
    name: "the type of a packet is a digit",
    subjects: PACKETS,
    why: "to the reference an empty message, and one that begins with white space, is a CONNECT, because Number(\" \") is 0",
    explains: (m) => refused(m, "unknown packet type NaN") && m.text.slice(0, 1).trim() === "",
    examples: [packet(""), packet(" "), packet("\n{}")],
  },
  {
    name: "the number of attachments is digits",
    subjects: PACKETS,
    why: "the reference reads it by the number rules of JavaScript: white space, signs, exponents, hexadecimal",
    explains: (m) => refused(m, "Illegal attachments") && partsOf(m.text).attachments !== undefined && !/^\d+$/.test(partsOf(m.text).attachments),
    examples: [packet('5 1-["a"]'), packet('5+1-["a"]'), packet('51e0-["a"]'), packet('50x1-["a"]')],
  },
  {
    name: "an ack id is digits",
    subjects: PACKETS,
    why: "to the reference white space is a digit, because Number(\" \") is 0",
    explains: (m) => (refused(m, "invalid payload") || ["id", "payload", "payload's tree"].includes(m.what)) && /[\s\ufeff]/.test(partsOf(m.text).id),
    examples: [packet('2 1["a"]'), packet('2\n["a"]'), packet('31 2[]'), packet("3\ufeff[]")],
  },
  {
    name: "an ack id is at most 2^53-1",
    subjects: PACKETS,
    why: "the reference rounds larger ones, so that the answer would go to another id",
    explains: (m) => refused(m, "invalid payload") && /^\d+$/.test(partsOf(m.text).id) && BigInt(partsOf(m.text).id) >= 2n ** 53n,
    examples: [packet('29007199254740992["a"]'), packet("3" + "9".repeat(400) + "[]")],
  },
  {
    name: "an event has a payload",
    subjects: PACKETS,
    why: "the reference hands out an event without a name",
    explains: (m) => refused(m, "invalid payload") && /^[2-6]/.test(m.text) && partsOf(m.text).payload === "",
    examples: [packet("2"), packet('2/a["x"]'), packet("212"), packet("51-", Buffer.of(1)), packet("61-1", Buffer.of(1))],
  },
  {
    name: "an ack without payload has no arguments",
    subjects: PACKETS,
    why: "the reference hands out undefined",
    explains: ({ what }) => what === "data of an ack",
    examples: [packet("312"), packet("3/a,1")],
  },
  {
    name: "placeholders are checked with the text",
    subjects: PACKETS,
    why: "the reference checks them when the last attachment has come",
    explains: (m) => refused(m, "illegal attachments") && badPlaceholder(partsOf(m.text)),
    examples: [packet('51-["a",{"_placeholder":true,"num":1}]', Buffer.of(1)), packet('51-["a",{"_placeholder":true}]')],
  },
  {
    name: "a bad placeholder is refused in a member that a later one of the same name replaces",
    subjects: PACKETS,
    why: "the text is checked as it is read; the reference has forgotten the first one by then",
    explains: (m) => refused(m, "illegal attachments") && m.text.includes("_placeholder") && hasNameTwice(partsOf(m.text).payload),
    examples: [packet('51-["a",{"b":{"_placeholder":true},"b":1}]', Buffer.of(1))],
  },
  {
    name: "a bad placeholder is named before other faults of the JSON",
    subjects: PACKETS,
    why: "both are found in one pass; the packet is refused either way",
    explains: ({ what, theirs, ours, text }) => what === "verdict" && theirs === "invalid payload" && ours === "illegal attachments" && text.includes("_placeholder"),
    examples: [packet('51-["a",{"_placeholder":true}')],
  },
  {
    name: "the number of a placeholder is digits",
    subjects: PACKETS,
    why: "an integer has one spelling; the reference also takes 0.0 and -0, and for 0.5 hands out undefined",
    explains: (m) => refused(m, "illegal attachments") && /:\s*(-|\d+[.eE])/.test(partsOf(m.text).payload),
    examples: [packet('51-["a",{"_placeholder":true,"num":0.0}]', Buffer.of(1)), packet('51-["a",{"_placeholder":true,"num":-0}]', Buffer.of(1))],
  },
  {
    name: "an event or ack nested deeper than 256 is refused",
    subjects: PACKETS,
    why: "as with JSON alone",
    explains: (m) => refused(m, "invalid payload") && depthOf(partsOf(m.text).payload) > DEPTH,
    examples: [packet(`2["a",${"[".repeat(256)}${"]".repeat(256)}]`), packet(`31${"[".repeat(257)}${"]".repeat(257)}`)],
  },
  {
    name: "names that are reserved are refused in protocol 4 too",
    subjects: ["packet of protocol 4"],
    why: "both protocols are read by one decoder; in the reference of that generation the sockets above it drop them",
    explains: (m) => refused(m, "invalid payload") && RESERVED.includes(parsed(partsOf(m.text).payload)?.[0]),
    examples: [packet('2["connect"]'), packet('51-["disconnecting"]', Buffer.of(1))],
  },
  {
    name: "the payload of a CONNECT is an object in protocol 4 too",
    subjects: ["packet of protocol 4"],
    why: "both protocols are read by one decoder; the reference of that generation takes arrays and null",
    explains: (m) => refused(m, "invalid payload") && /^0/.test(m.text) && m.theirs === "CONNECT",
    examples: [packet("0[]"), packet("0null")],
  },
  {
    name: "the payload of an ERROR may be any value",
    subjects: ["packet of protocol 4"],
    why: "a middleware's refusal may be one; the reference of that generation refuses what its own server sends",
    explains: ({ what, theirs, ours, text }) => what === "verdict" && ours === "CONNECT_ERROR" && theirs === "invalid payload" && /^4/.test(text),
    examples: [packet("4true"), packet("4-1")],
  },
  {
    name: "an empty query is no query",
    subjects: ["packet of protocol 4"],
    why: "what follows the first ? of a namespace is a field of its own",
    explains: ({ what, theirs, ours }) => what === "namespace" && theirs === ours + "?",
    examples: [packet('2/a?,["b"]')],
  },
  {
    name: "arguments with U+0000 in a string do not become trees",
    subjects: [...PACKETS, "msgpack"],
    why: "a C string would be cut there; what was received can be passed on, and the getters with a length have it whole",
    explains: ({ what, ours }, input) => what === "rebuilt: refused" && ours === "JSON_NUL" && input.messages.some((message) => message.includes("\\u0000") || message.includes("\0")),
    examples: [packet('2["a","\\u0000"]'), packet('0{"a":"\\u0000"}'), mpPacket(2, "/", "92a161a100")],
  },
  {
    name: "a namespace with control characters is not written",
    subjects: [...PACKETS, "msgpack"],
    why: "it cannot be created or joined",
    explains: ({ what, ours, packet: p }) => what.endsWith(": refused") && ours === "SIO_NAMESPACE" && /[\0-\x1f\x7f]/.test(p.nsp),
    examples: [packet('2/\u0001,["b"]'), mpPacket(2, "/\u0001", "91a161")],
  },
  {
    name: "an ack without id is not written",
    subjects: [...PACKETS, "msgpack"],
    why: "nobody could tell what it answers",
    explains: ({ what, ours, packet: p }) => what.endsWith(": refused") && ours === "INVALID" && p.kind === "A" && p.id === undefined,
    examples: [packet("3[]"), mpPacket(3, "/", "90")],
  },
  {
    name: "a lone surrogate in the name of an event is passed on as U+FFFD",
    subjects: PACKETS,
    why: "names are decoded; the arguments behind are passed on as they came",
    explains: ({ what, packet: p }) => what === "passed on" && typeof p.data[0] === "string" && !p.data[0].isWellFormed(),
    examples: [packet('2["\\ud800",1]')],
  },
  {
    name: "an event whose name is an infinite number is not written",
    subjects: PACKETS,
    why: "JSON has no such number; the reference writes null, which nobody reads as a name",
    explains: ({ what, ours, packet: p }) => what.endsWith(": refused") && ours === "INVALID" && Math.abs(p.data?.[0]) === Infinity,
    examples: [packet("2[1e999]"), packet("2[-1e999,1]")],
  },
  {
    name: "bytes that are used twice are sent once",
    subjects: PACKETS,
    why: "two placeholders may name one attachment",
    explains: ({ what, packet: p }) => {
      const binaries = what === "rebuilt: text" ? [...nodesOf(p.data)].filter(isBinary) : [];
      return new Set(binaries).size < binaries.length;
    },
    examples: [packet('51-["a",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]', Buffer.of(9))],
  },
  {
    name: "members of arguments keep their order, also those that look like an index",
    subjects: PACKETS,
    why: "JavaScript moves members such as \"7\" to the front",
    explains: ({ what, packet: p }) => what === "rebuilt: text" && keysOf(p.data).some(isIndex),
    examples: [packet('2["a",{"b":1,"7":2}]')],
  },
  {
    name: "a member named __proto__ is sent",
    subjects: PACKETS,
    why: "the reference loses it beside binary",
    explains: ({ what, packet: p }) => what === "rebuilt: text" && keysOf(p.data).includes("__proto__") && [...nodesOf(p.data)].some(isBinary),
    examples: [packet('51-["a",{"__proto__":{"b":1}},{"_placeholder":true,"num":0}]', Buffer.of(1))],
  },
];

/* ---- packets as MessagePack ---- */

const onlyThey = ({ what, ours, theirs }) => what === "verdict" && ours === "refused" && theirs !== "refused";
const faultOf = (input) => examined(input.messages[0]).fault;

const MSGPACK_DIFFERENCES = [
  {
    name: "CONNECT and CONNECT_ERROR carry no binary in MessagePack either",
    subjects: ["msgpack"],
    why: "as text they cannot, and handlers see no difference between the forms",
    explains: (m) => onlyThey(m) && ["CONNECT", "CONNECT_ERROR"].includes(m.theirs) && [...nodesOf(m.packet.data)].some(isBinary),
    examples: [mpPacket(0, "/", "81a161c40101"), mpPacket(4, "/", "81a161c400")],
  },
  {
    name: "MessagePack with a string that is not UTF-8 is refused",
    subjects: ["msgpack"],
    why: "notepack.io reads U+FFFD in its place",
    explains: (m, input) => onlyThey(m) && faultOf(input) === "UTF-8",
    examples: [mpPacket(2, "/", "91a1ff"), mpPacket(2, "/", "91a3eda080")],
  },
  {
    name: "keys of a map in MessagePack are strings or integers",
    subjects: ["msgpack"],
    why: "notepack.io makes a text of any value",
    explains: (m, input) => onlyThey(m) && faultOf(input) === "key",
    examples: [mpPacket(2, "/", "92a16181c001")],
  },
  {
    name: "only the extensions that notepack.io writes are read",
    subjects: ["msgpack"],
    why: "it hands out others as an array of type and bytes",
    explains: (m, input) => onlyThey(m) && faultOf(input) === "extension",
    examples: [mpPacket(2, "/", "92a161d40100")],
  },
  {
    name: "timestamps of the MessagePack specification are dates",
    subjects: ["msgpack"],
    why: "later versions of notepack.io write them; this one hands out type and bytes",
    explains: ({ what }, input) => ["rebuilt", "passed on", "payload", "payload's tree"].includes(what) && examined(input.messages[0]).found.has("timestamp"),
    examples: [mpPacket(2, "/", "92a161d6ff00000001")],
  },
  {
    name: "a packet in MessagePack obeys the rules of the text form",
    subjects: ["msgpack"],
    why: "namespaces begin with /, events have a name, finite and not reserved, ids are 0 to 2^53-1, attachments at most 10; the reference leaves this to the sockets above it",
    explains: (m) => onlyThey(m) && !isPacketOfRules(m.packet),
    examples: [mpPacket(2, "", "91a161"), mpPacket(2, "/", "90"), mpPacket(2, "/", "91c0"), mpPacket(2, "/", "91a7636f6e6e656374"), mpPacket(2, "/", "91a161", "ff"), mpPacket(2, "/", "9ca161" + "c400".repeat(11))],
  },
  {
    name: "beside binary, a map that looks like a placeholder is refused",
    subjects: ["msgpack"],
    why: "as text it would be taken for one",
    explains: (m) => onlyThey(m) && [...nodesOf(m.packet.data)].some((node) => node?._placeholder === true),
    examples: [mpPacket(2, "/", ["93a161c4010182", mpText("_placeholder"), "c3", mpText("num"), "05"])],
  },
  {
    name: "a member named __proto__ of MessagePack is kept",
    subjects: ["msgpack"],
    why: "notepack.io sets the prototype of the map instead",
    explains: ({ what }, input) => !["id", "namespace"].includes(what) && input.messages[0].includes("__proto__"),
    examples: [mpPacket(0, "/", ["81", mpText("__proto__"), "01"])],
  },
];

function isPacketOfRules({ kind, nsp, id, data }) {
  const named = kind !== "E" || Number.isFinite(data[0]) || (typeof data[0] === "string" && !RESERVED.includes(data[0]));
  const numbered = id === undefined || (id >= 0 && id <= Number.MAX_SAFE_INTEGER);
  return nsp.startsWith("/") && named && numbered && [...nodesOf(data)].filter(isBinary).length <= 10;
}

/* ---- requests of HTTP/1.1 ---- */

const request = (text) => Buffer.from(text, "latin1");
const HOST = "Host: h\r\n";
const valuesOf = ({ lines }, name) => lines.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
const weRefuse = ({ what, ours }, ...faults) => what === "only they accept" && faults.includes(ours);

function isAuthority(text) {
  const [, address, port] = /^(?:\[([0-9a-f:.]+)\]|[\w.~!$&'()*+;=%-]+)(?::(\d*))?$/i.exec(text) ?? [text, "bad"];
  return (address === undefined || isIPv6(address)) && Number(port ?? 0) <= 65535;
}

/** A target that we take: a path, or "*" of OPTIONS, or a URL of http. */
function isTarget({ method, target }) {
  const [, host, path] = /^(?:https?:\/\/([^/?#@]+))?((?:\/|\?|$)[^#]*)$/i.exec(target) ?? [];
  return target !== "" && ((path !== undefined && isAuthority(host ?? "h")) || /^\/[^#]*$/.test(target) || (target === "*" && method === "OPTIONS")) && /^[\x21-\x7e]*$/.test(target);
}

const HTTP1_DIFFERENCES = [
  {
    name: "one request has one Host, which is host[:port]",
    subjects: ["http1"],
    why: "Node takes several, and any text; a proxy may look at another one",
    explains: (m) => weRefuse(m, "HTTP_HOST") && !(valuesOf(m.request, "host").length === 1 && isAuthority(valuesOf(m.request, "host")[0])),
    examples: [request("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), request("GET / HTTP/1.1\r\nHost:\r\n\r\n"), request(`GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`)],
  },
  {
    name: "name and value of a chunk extension are not empty",
    subjects: ["http1"],
    why: "RFC 9112 section 7.1.1; Node takes ;=x and ;a=",
    explains: (m, input) => weRefuse(m, "HTTP_CHUNK") && /;=|=[\r;]/.test(input.toString("latin1")),
    examples: [request(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;=x\r\na\r\n0\r\n\r\n`), request(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;a=\r\na\r\n0\r\n\r\n`)],
  },
  {
    name: "a target is a path, a URL of http, or * of OPTIONS",
    subjects: ["http1"],
    why: "Node hands out what stands there, also fragments and characters that no URL has; CONNECT is for proxies",
    explains: (m) => weRefuse(m, "HTTP_TARGET") && (!isTarget(m.request) || m.request.method === "CONNECT"),
    examples: [request(`GET * HTTP/1.1\r\n${HOST}\r\n`), request(`GET /a#b HTTP/1.1\r\n${HOST}\r\n`), request(`CONNECT /x HTTP/1.1\r\n${HOST}\r\n`), request(`GET ftp://h/ HTTP/1.1\r\n${HOST}\r\n`)],
  },
  {
    name: "one space parts the words of a request line",
    subjects: ["http1"],
    why: "RFC 9112 section 3 has one; Node takes several",
    explains: (m, input) => weRefuse(m, "HTTP_TARGET", "HTTP_SYNTAX") && /^\S+( {2,}\S|.*? {2,}\S*HTTP|.*? +\r?$)/m.test(input.toString("latin1")),
    examples: [request(`GET  / HTTP/1.1\r\n${HOST}\r\n`), request(`GET /  HTTP/1.1\r\n${HOST}\r\n`)],
  },
  {
    name: "the version is HTTP/1.0 or HTTP/1.1",
    subjects: ["http1"],
    why: "Node takes 0.9, also without a version at all, and 2.0 in this form, and the names of other protocols",
    explains: (m, input) => weRefuse(m, "HTTP_VERSION", "HTTP_SYNTAX", "HTTP_TARGET") && (!["1.0", "1.1"].includes(m.request.version) || /(ICE|RTSP)\//.test(input.toString("latin1"))),
    examples: [request(`GET / HTTP/2.0\r\n${HOST}\r\n`), request(`GET / HTTP/0.9\r\n${HOST}\r\n`), request("GET /\r\n\r\n"), request(`GET / RTSP/1.0\r\n${HOST}\r\n`)],
  },
  {
    name: "the only transfer encoding is chunked, in HTTP/1.1",
    subjects: ["http1"],
    why: "nothing else is decoded; with HTTP/1.0 it is how requests are smuggled",
    explains: (m) => weRefuse(m, "HTTP_ENCODING", "HTTP_LENGTH") && valuesOf(m.request, "transfer-encoding").length > 0 && (m.request.version !== "1.1" || valuesOf(m.request, "transfer-encoding").join().toLowerCase() !== "chunked"),
    examples: [request(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`), request(`POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)],
  },
  {
    name: "one empty line may stand in front of a request, and is CR LF",
    subjects: ["http1"],
    why: "Node passes over any number of CR and LF there, also alone",
    explains: (m, input) => (m.what === "end" && m.theirs === "clean" && /[\r\n]$/.test(input.toString("latin1"))) || (weRefuse(m, "HTTP_METHOD") && /((\r(?!\n)|(?<!\r)\n)\s*|(^|\n)\r\n\r\n)\S+ /.test(input.toString("latin1"))),
    examples: [request(`\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`), request(`\nGET / HTTP/1.1\r\n${HOST}\r\n`), request("\n"), request("\r\n\r"), request(`GET / HTTP/1.1\r\n${HOST}\r\n\n`)],
  },
  {
    name: "any method that is a token is handed out",
    subjects: ["http1"],
    why: "the application answers 405 or 501; Node knows a list",
    explains: ({ what, theirs, request: r }) => what === "only we accept" && /^HPE_INVALID_(METHOD|VERSION)$/.test(theirs) && !(METHODS.includes(r.method) && r.method !== "PRI"),
    examples: [request(`GETX / HTTP/1.1\r\n${HOST}\r\n`), request(`PRI / HTTP/1.1\r\n${HOST}\r\n`)],
  },
  {
    name: "a URL as target becomes its path",
    subjects: ["http1"],
    why: "its host stands in place of Host (RFC 9112 section 3.2.2); Node leaves both to the application",
    explains: ({ what, theirs, ours, host }) => what === "target" && [ours, ours.slice(1)].some((path) => new RegExp(`^https?://${escaped(host)}$`, "i").test(theirs.slice(0, theirs.length - path.length)) && theirs.endsWith(path)),
    examples: [request(`GET http://a/x?y HTTP/1.1\r\n${HOST}\r\n`), request(`GET HTTP://a:80 HTTP/1.1\r\n${HOST}\r\n`)],
  },
  {
    name: "HTTP/1.0 is not upgraded",
    subjects: ["http1"],
    why: "RFC 9110 section 7.8: a server ignores Upgrade there; Node does not",
    explains: ({ what, request: r }) => what === "upgrade" && r.version === "1.0",
    examples: [request(`GET / HTTP/1.0\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)],
  },
  {
    name: "Proxy-Connection means nothing",
    subjects: ["http1"],
    why: "no standard has it; to Node it is Connection",
    explains: ({ what, request: r }) => ["keep-alive", "upgrade", "body"].includes(what) && valuesOf(r, "proxy-connection").length > 0,
    examples: [request(`GET / HTTP/1.1\r\n${HOST}Proxy-Connection: close\r\n\r\n`)],
  },
];

function escaped(text) {
  return text.replace(/[[\].*+?()|^$]/g, "\\$&");
}

export const DIFFERENCES = [...JSON_DIFFERENCES, ...TEXT_DIFFERENCES, ...PACKET_DIFFERENCES, ...MSGPACK_DIFFERENCES, ...HTTP1_DIFFERENCES];
