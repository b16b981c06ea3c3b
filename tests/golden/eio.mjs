// Vectors of Engine.IO packets and payloads, revisions 4 and 3.
import { createRequire } from "node:module";
import { datum, isBinary, Vectors } from "./vectors.mjs";

const require = createRequire(import.meta.url);
const parsers = { 4: require("engine.io-parser"), 3: require("engine.io-parser-v2") };

const zeros = (count) => Buffer.alloc(count);
const counting = (count) => Buffer.from(Array.from({ length: count }, (_, i) => i & 0xff));

function logPacket(packet) {
  if (packet.type === "error") {
    return "error";
  }
  const data = packet.data === undefined ? "" : " " + datum(packet.data);
  return `${packet.type}${data}`;
}

const packetLines = (packets) => packets.map((packet) => ["packet", logPacket(packet)]);

/* ---- what the reference does, as lists of log lines ---- */

const run = {
  packet(revision, packet, binary) {
    let out;
    const done = (encoded) => (out = encoded);
    if (revision === 4) {
      parsers[4].encodePacket(packet, binary, done);
    } else {
      parsers[3].encodePacket(packet, binary, false, done);
    }
    return [datum(out)];
  },
  payload(revision, packets, binary) {
    let out;
    const done = (encoded) => (out = encoded);
    if (revision === 4) {
      parsers[4].encodePayload(packets, done);
    } else {
      parsers[3].encodePayload(packets, binary, done);
    }
    return [datum(out)];
  },
  decode(revision, input) {
    return [logPacket(parsers[revision].decodePacket(input))];
  },
  /* A body arrives as bytes; the servers read a text body with setEncoding("utf8"). */
  decodePayload(revision, input, binary) {
    const body = binary ? input : Buffer.from(input).toString("utf8");
    if (revision === 4) {
      return parsers[4].decodePayload(body).map(logPacket);
    }
    const log = [];
    parsers[3].decodePayload(body, "nodebuffer", (packet) => {
      log.push(logPacket(packet));
    });
    return log;
  },
};

/* ---- the cases ---- */

const TEXTS = {
  "no data": undefined,
  hello: "hello",
  "a digit": "4",
  "a space": " ",
  "a space at the end": "a ",
  probe: "probe",
  "euro sign": "€",
  "beyond the basic plane": "€😀",
  "four euro signs": "€€€€",
  "U+0000": "a\u0000b",
  "U+001F and DEL": "\u001f\u007f",
  "two bytes in UTF-8": "é",
  "U+FFFD": "\ufffd",
  "U+FFFF": "\uffff",
  "U+10FFFF": "\u{10ffff}",
  "line separators": "\u2028\u2029",
  "byte order mark": "\ufeffx",
  "backslash and quotes": "\\\"'",
  "line ends": "a\r\nb\n",
  "begins with b": "bAQID",
  "a colon": "1:4",
  "Socket.IO event": '2["hello","world"]',
  "Socket.IO namespace": "0/admin,",
  json: '{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"]}',
  "126 characters": "x".repeat(126),
  "99 emoji": "😀".repeat(99),
};

const BINARIES = {
  empty: zeros(0),
  "one byte": Buffer.of(0xff),
  "two bytes": Buffer.of(0x00, 0x80),
  "three bytes": Buffer.of(1, 2, 3),
  "four bytes": Buffer.of(1, 2, 3, 4),
  "record separator": Buffer.of(0x1e, 0x1e),
  "ASCII digit": Buffer.from("4"),
  "base64 of + and /": Buffer.of(0xfb, 0xff, 0xbf, 0xff, 0xfe),
  "all bytes": counting(256),
  "123 zeros": zeros(123),
  "1000 bytes": counting(1000),
};

const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];

const PAYLOADS = {
  "one message": [{ type: "message", data: "hello" }],
  "one empty message": [{ type: "message" }],
  noop: [{ type: "noop" }],
  close: [{ type: "noop" }, { type: "close" }],
  "every kind of text": [
    { type: "open", data: "{}" },
    { type: "close" },
    { type: "ping", data: "probe" },
    { type: "pong", data: "probe" },
    { type: "message", data: "test" },
    { type: "upgrade" },
  ],
  "heartbeat between messages": [
    { type: "message", data: "hello" },
    { type: "ping" },
    { type: "message", data: "world" },
  ],
  "text beyond ASCII": [
    { type: "message", data: "€" },
    { type: "message", data: "😀" },
    { type: "message", data: "é" },
  ],
  "euro sign and emoji": [{ type: "message", data: "€😀" }],
  "one binary": [{ type: "message", data: Buffer.of(1, 2, 3, 4) }],
  "one empty binary": [{ type: "message", data: zeros(0) }],
  "text and binary": [
    { type: "message", data: "test" },
    { type: "message", data: Buffer.of(1, 2, 3, 4) },
  ],
  "euro signs and binary": [
    { type: "message", data: "€€€€" },
    { type: "message", data: Buffer.of(1, 2, 3, 4) },
  ],
  "emoji and binary": [
    { type: "message", data: "€😀" },
    { type: "message", data: Buffer.of(1, 2, 3, 4) },
  ],
  "binary first": [
    { type: "message", data: Buffer.of(4, 0xff, 0) },
    { type: "message", data: "a" },
    { type: "noop" },
  ],
  "Socket.IO binary event": [
    { type: "message", data: '51-["baz",{"_placeholder":true,"num":0}]' },
    { type: "message", data: Buffer.of(1, 2, 3, 4) },
  ],
  "three binaries": [
    { type: "message", data: zeros(1) },
    { type: "message", data: zeros(9) },
    { type: "message", data: zeros(123) },
  ],
  "lengths of two and three digits": [
    { type: "message", data: "x".repeat(8) },
    { type: "message", data: "x".repeat(9) },
    { type: "message", data: "x".repeat(98) },
    { type: "message", data: "x".repeat(99) },
    { type: "message", data: zeros(99) },
  ],
  "handshake and first message": [
    {
      type: "open",
      data: '{"sid":"SID1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
    },
    { type: "message", data: "0" },
  ],
};

const GARBAGE = "base64 with bytes outside its alphabet is refused; no peer sends it";
const NO_TYPE = "a packet without a known type is an error packet; the reference hands out one of undefined type";
const HALF = "a length that ends inside a character is refused; half a surrogate pair has no form in UTF-8";
const UTF8 = "a body that is not UTF-8 is refused; the reference reads U+FFFD in its place";

/* Text packets: [name, text, ours, why] */
const TEXT_INPUTS = {
  4: [
    ["empty", ""],
    ["unknown digit 7", "7"],
    ["unknown digit 8", "8x"],
    ["unknown digit 9", "9"],
    ["letter", "a123"],
    ["upper-case B", "BAQID"],
    ["brace", "{"],
    ["space", " 4"],
    ["minus", "-1"],
    ["plus", "+4"],
    ["U+0000", "\u0000"],
    ["byte 0x04", "\u0004a"],
    ["euro sign first", "€"],
    ["emoji first", "😀"],
    ["full-width digit", "４a"],
    ["property of Object", "constructor"],
    ["base64 without padding", "bAQIDBA"],
    ["base64 with one of two paddings", "bAQIDBA="],
    ["base64 with too much padding", "bAQID=", ["error"], GARBAGE],
    ["base64 URL-safe", "b-_-_"],
    ["base64 of both alphabets", "b+_-/"],
    ["base64 empty", "b"],
    ["base64 only padding", "b==", ["error"], GARBAGE],
    ["base64 one character", "bA", ["error"], GARBAGE],
    ["base64 five characters", "bAQIDB", ["error"], GARBAGE],
    ["base64 spare bits set", "bAR=="],
    ["base64 with a space", "bAQ ID", ["error"], GARBAGE],
    ["base64 with a line end", "bAQID\n", ["error"], GARBAGE],
    ["base64 with punctuation", "b!!!!", ["error"], GARBAGE],
    ["base64 going on behind padding", "bAQ==AQ==", ["error"], GARBAGE],
    ["base64 with a euro sign", "bAQ€D", ["error"], GARBAGE],
    ["revision 3 form", "b4AQIDBA==", ["error"], GARBAGE],
  ],
  3: [
    ["empty", ""],
    ["unknown digit 7", "7"],
    ["unknown digit 9", "9x"],
    ["letter", "a123"],
    ["brace", "{"],
    ["space", " 4"],
    ["minus", "-1"],
    ["U+0000", "\u0000"],
    ["byte 0x04", "\u0004a"],
    ["euro sign first", "€"],
    ["base64 without padding", "b4AQIDBA"],
    ["base64 URL-safe", "b4-_-_"],
    ["base64 empty", "b4"],
    ["base64 of a ping", "b2AQID"],
    ["base64 of a noop", "b6"],
    ["base64 without a type", "b", ["error"], NO_TYPE],
    ["base64 of type 7", "b7AQID", ["error"], NO_TYPE],
    ["base64 of type a", "baAQID", ["error"], NO_TYPE],
    ["revision 4 form", "bAQIDBA==", ["error"], NO_TYPE],
    ["base64 with punctuation", "b4!!!!", ["error"], GARBAGE],
    ["base64 with a space", "b4AQ ID", ["error"], GARBAGE],
    ["base64 one character", "b4A", ["error"], GARBAGE],
  ],
};

const BINARY_INPUTS = {
  4: [
    ["empty", zeros(0)],
    ["first byte 0x04", Buffer.of(4, 1, 2, 3)],
    ["first byte 0xff", Buffer.of(0xff, 1)],
    ["ASCII", Buffer.from("4hello")],
  ],
  3: [
    ["message", Buffer.of(4, 1, 2, 3, 4)],
    ["message without data", Buffer.of(4)],
    ["open", Buffer.from([0, ...Buffer.from("{}")])],
    ["close", Buffer.of(1)],
    ["ping", Buffer.of(2)],
    ["ping with data", Buffer.from([2, ...Buffer.from("probe")])],
    ["pong", Buffer.of(3)],
    ["upgrade", Buffer.of(5)],
    ["noop", Buffer.of(6)],
    ["empty", zeros(0), ["error"], NO_TYPE],
    ["type 7", Buffer.of(7, 1), ["error"], NO_TYPE],
    ["type 255", Buffer.of(255), ["error"], NO_TYPE],
    ["ASCII digit as type", Buffer.from("4hello"), ["error"], NO_TYPE],
  ],
};

const PAYLOAD_INPUTS = {
  4: [
    ["empty body", ""],
    ["a brace", "{"],
    ["braces", "{}"],
    ["JSON", '["a123", "a456"]'],
    ["separator at the end", "4a\x1e"],
    ["separator at the front", "\x1e4a"],
    ["only a separator", "\x1e"],
    ["two separators", "4a\x1e\x1e4b"],
    ["fault in the middle", "4a\x1ex\x1e4b"],
    ["fault at the end", "4a\x1e4b\x1e7"],
    ["base64 fault in the middle", "4a\x1eb!\x1e4b", ["message text a", "error"], GARBAGE],
    ["line end behind", "4a\n"],
    ["message with a separator", "4a\x1eb"],
    ["heartbeats", "2\x1e3\x1e2probe\x1e3probe"],
    ["binary first", "bAQIDBA==\x1e4test"],
    ["empty binary between", "4a\x1eb\x1e4b"],
    ["ten messages", Array.from({ length: 10 }, (_, i) => "4" + i).join("\x1e")],
    ["not UTF-8", Buffer.from([0x34, 0xff, 0x1e, 0x34, 0x61]), ["error"], UTF8],
    ["cut UTF-8", Buffer.from([0x34, 0xe2, 0x82]), ["error"], UTF8],
    ["encoded surrogate", Buffer.from([0x34, 0xed, 0xa0, 0x80]), ["error"], UTF8],
    ["overlong UTF-8", Buffer.from([0x34, 0xc0, 0x80]), ["error"], UTF8],
    ["revision 3 payload", "6:4hello"],
  ],
  3: [
    ["empty body", ""],
    ["no colon", "abc"],
    ["no length", ":4a"],
    ["length no number", "a:4a"],
    ["length negative", "-1:4"],
    ["length with exponent", "1e0:4", ["error"], "a length has decimal digits only"],
    ["length with plus", "+2:4a", ["error"], "a length has decimal digits only"],
    ["length hexadecimal", "0x2:4a", ["error"], "a length has decimal digits only"],
    ["length with a space", " 2:4a", ["error"], "a length has decimal digits only"],
    ["length with zeros in front", "002:4a"],
    ["length zero", "0:"],
    ["length zero then a packet", "0:2:4a"],
    ["length too large", "6:4hell"],
    ["length too small", "5:4hell6"],
    ["length beyond 2^64", "99999999999999999999999:4a"],
    ["length counted in bytes", "4:4€"],
    ["length counted in code points", "2:4😀", ["error"], HALF],
    ["length in units", "3:4😀"],
    ["surrogate pair cut", "2:4😀1:6", ["error"], HALF],
    ["nothing behind the colon", "1:"],
    ["digits behind the last packet", "2:4a5"],
    ["unknown packet", "1:7"],
    ["unknown packet in the middle", "2:4a1:72:4b"],
    ["base64 in the middle", "2:4a10:b4AQIDBA==2:4b"],
    ["base64 of unknown type", "3:b7A", ["error"], NO_TYPE],
    ["U+0000 in a message", "4:4a\u0000b"],
    ["colon in a message", "4:4:::"],
    ["twelve digits of length", "000000000002:4a"],
    ["two hundred units", "201:4" + "€".repeat(200)],
    ["revision 4 payload", "4a\x1e4b"],
    ["not UTF-8", Buffer.from([0x32, 0x3a, 0x34, 0xff]), ["error"], UTF8],
    ["cut UTF-8", Buffer.from([0x32, 0x3a, 0x34, 0xe2, 0x82]), ["error"], UTF8],
  ],
};

const hex = (text) => Buffer.from(text.replace(/ /g, ""), "hex");
const XHR2_INPUTS = [
  ["text and binary", hex("00 04 ff 34 e2 82 ac 01 05 ff 04 01 02 03 04")],
  ["empty body", hex("")],
  ["empty message", hex("01 01 ff 04")],
  ["text packet of base64", Buffer.concat([hex("00 01 00 ff"), Buffer.from("b4AQIDBA==")])],
  ["zero in front of a length", hex("00 00 02 ff 34 61")],
  ["three digits", Buffer.concat([hex("01 01 02 04 ff 04"), zeros(123)])],
  ["text heartbeats", hex("00 01 ff 32 00 01 ff 33")],
  ["unknown type in text", hex("00 01 ff 37")],
  ["good then unknown", hex("00 02 ff 34 61 00 01 ff 37")],
  ["unknown binary type", hex("01 02 ff 07 01"), ["error"], NO_TYPE],
  ["malformed UTF-8", hex("00 02 ff 34 ff")],
  ["encoded surrogate", hex("00 04 ff 34 ed a0 80"), ["error"], "a surrogate has no form in UTF-8 and is refused as other malformed text is"],
  ["flag 2", hex("02 02 ff 04 01"), ["error"], "a flag is 0 or 1"],
  ["digit 10", hex("01 0a ff 04 01"), ["error"], "a digit is 0 to 9"],
  ["no digits", hex("01 ff 04")],
  ["length zero", hex("00 00 ff")],
  ["length beyond the body", hex("01 09 ff 04"), ["error"], "a length may not pass the end of the body"],
  ["packet then cut", hex("00 02 ff 34 61 01 05 ff 04"), ["error"], "a length may not pass the end of the body"],
  ["no 0xff", hex("01 05 04")],
  ["only a flag", hex("01")],
  ["400 digits", Buffer.concat([hex("01"), Buffer.alloc(400, 1), hex("ff 04")])],
];

export function generate(revision) {
  const out = new Vectors(`Engine.IO ${revision}: packets and payloads.`);
  const op = (name) => ["op", `eio${revision} ${name}`];
  const encode = (name, packet) => {
    const lines = packetLines([packet]);
    const binary = run.packet(revision, packet, true);
    const text = run.packet(revision, packet, false);
    out.add(`packet: ${name}`, [op("packet"), ...lines], binary);
    if (isBinary(packet.data)) {
      out.add(`packet as text: ${name}`, [op("packet-text"), ...lines], text);
    }
  };
  for (const type of TYPES) {
    encode(type, { type });
  }
  for (const [name, data] of Object.entries(TEXTS)) {
    encode(`text, ${name}`, { type: "message", data });
  }
  for (const [name, data] of Object.entries(BINARIES)) {
    encode(`binary, ${name}`, { type: "message", data });
  }
  encode("ping probe", { type: "ping", data: "probe" });
  encode("pong probe", { type: "pong", data: "probe" });

  for (const [name, packets] of Object.entries(PAYLOADS)) {
    const lines = packetLines(packets);
    out.add(`payload: ${name}`, [op("payload"), ...lines], run.payload(revision, packets, true));
    if (revision === 3 && packets.some((packet) => isBinary(packet.data))) {
      const text = run.payload(revision, packets, false);
      out.add(`payload as text: ${name}`, [op("payload-text"), ...lines], text);
    }
  }

  const decode = (what, name, input, ours, why) => {
    const payload = what.startsWith("decode-payload");
    const log = payload
      ? run.decodePayload(revision, input, what.endsWith("-binary"))
      : run.decode(revision, input);
    out.add(`${what}: ${name}`, [op(what), ["in", datum(input)]], log, ours, why);
  };
  for (const type of TYPES.keys()) {
    decode("decode", `type ${type}`, `${type}`);
    decode("decode", `type ${type} with data`, `${type}abc`);
  }
  for (const [name, data] of Object.entries(TEXTS)) {
    if (data !== undefined) {
      decode("decode", `text, ${name}`, "4" + data);
    }
  }
  for (const [name, data] of Object.entries(BINARIES)) {
    const form = (revision === 4 ? "b" : "b4") + data.toString("base64");
    decode("decode", `base64, ${name}`, form);
  }
  for (const row of TEXT_INPUTS[revision]) {
    decode("decode", ...row);
  }
  for (const row of BINARY_INPUTS[revision]) {
    decode("decode-binary", ...row);
  }
  for (const row of PAYLOAD_INPUTS[revision]) {
    decode("decode-payload", ...row);
  }
  if (revision === 3) {
    for (const row of XHR2_INPUTS) {
      decode("decode-payload-binary", ...row);
    }
  }
  return out;
}
