// Vectors of Socket.IO packets as MessagePack.
import { createRequire } from "node:module";
import { datum, logPacket, parseWithBinary, Vectors } from "./vectors.mjs";

const require = createRequire(import.meta.url);
const { Encoder, Decoder } = require("socket.io-msgpack-parser");

const TYPES = { connect: 0, disconnect: 1, event: 2, ack: 3, connect_error: 4 };

function encode(kind, nsp, id, data) {
  // The order of the keys is that of the sockets.
  const packet = { type: TYPES[kind] };
  if (data !== undefined) {
    packet.data = data;
  }
  if (id !== undefined) {
    packet.id = id;
  }
  packet.nsp = nsp;
  return new Encoder().encode(packet).map(datum);
}

/* Which fault it was differs too much between the two to be worth comparing. */
function decode(message) {
  const packets = [];
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => packets.push(packet));
  try {
    decoder.add(message);
  } catch {
    return ["error"];
  }
  return packets.map(logPacket);
}

/* ---- writing MessagePack by hand ---- */

const hex = (text) => Buffer.from(text.replace(/ /g, ""), "hex");
const str = (text) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(0xa0 + bytes.length), bytes]);
};
const array = (...items) => Buffer.concat([Buffer.of(0x90 + items.length), ...items]);
const map = (...members) => Buffer.concat([Buffer.of(0x80 + members.length), ...members.flat()]);
const int = (value) => Buffer.of(value & 0xff);

const TYPE = (value) => [str("type"), Buffer.isBuffer(value) ? value : int(value)];
const DATA = (value) => [str("data"), value];
const NSP = (value) => [str("nsp"), Buffer.isBuffer(value) ? value : str(value)];
const ID = (value) => [str("id"), value];
const EVENT = array(str("a"));

const event = (...args) => map(TYPE(2), DATA(array(str("a"), ...args)), NSP("/"));

/* ---- the cases ---- */

const ints = [0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740991];
const negative = [-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -9007199254740991];

const ENCODE = [
  ["connect", "connect", "/"],
  ["connect with auth", "connect", "/", "-", '{"token":"123"}'],
  ["connect to a namespace", "connect", "/woot", "-", '{"a":[1,2.5,null,true,false]}'],
  ["connect reply with recovery", "connect", "/", "-", '{"sid":"s","pid":"p"}'],
  ["disconnect", "disconnect", "/"],
  ["disconnect from a namespace", "disconnect", "/woot"],
  ["connect error", "connect_error", "/random", "-", '{"message":"Invalid namespace"}'],
  ["connect error with a string", "connect_error", "/", "-", '"no"'],
  ["event", "event", "/", "-", '["hello"]'],
  ["event with arguments", "event", "/", "-", '["a",1,{}]'],
  ["event in a namespace", "event", "/test", "-", '["a",1,{}]'],
  ["event with id", "event", "/test", "12", '["foo",{"b":false}]'],
  ["event with id 0", "event", "/", "0", '["a"]'],
  ["event with the largest id", "event", "/", "9007199254740991", '["a"]'],
  ["event with a number as name", "event", "/", "-", "[1,2]"],
  ["ack", "ack", "/", "123", "[]"],
  ["ack with arguments", "ack", "/back", "0", '["a",1,{}]'],
  ["binary event", "event", "/cool", "23", '["a",{"$bin":"616263"}]'],
  ["binary event of an empty buffer", "event", "/", "-", '["a",{"$bin":""}]'],
  ["binary at any depth", "event", "/", "-", '["a",[{"$bin":"01"}],{"x":{"y":{"$bin":"0203"}}},{"$bin":"04"}]'],
  ["binary ack", "ack", "/back", "127", '[{"$bin":"616263"},{}]'],
  ["binary of 255 bytes", "event", "/", "-", `["a",{"$bin":"${"ab".repeat(255)}"}]`],
  ["binary of 256 bytes", "event", "/", "-", `["a",{"$bin":"${"ab".repeat(256)}"}]`],
  ...ints.map((value) => [`integer ${value}`, "event", "/", "-", `["a",${value}]`]),
  ...negative.map((value) => [`integer ${value}`, "event", "/", "-", `["a",${value}]`]),
  ["fractions", "event", "/", "-", '["a",0.5,-0.1,1e-7,5e-324]'],
  ["number beyond 64 bits", "event", "/", "-", '["a",1.7976931348623157e308]', ["hex 83a47479706502a46461746192a161cb7fefffffffffffffa36e7370a12f"], "the reference writes integers that 64 bits do not hold as 0"],
  ["large numbers with an integer value", "event", "/", "-", '["a",1e15,1.0,9007199254740992,1e19]'],
  ["literals", "event", "/", "-", '["a",null,true,false]'],
  ["strings", "event", "/", "-", '["a","","x","\\u20ac\\ud83d\\ude00","\\n\\"\\\\"]'],
  ["string of 31 bytes", "event", "/", "-", `["a","${"x".repeat(31)}"]`],
  ["string of 32 bytes", "event", "/", "-", `["a","${"x".repeat(32)}"]`],
  ["string of 255 bytes", "event", "/", "-", `["a","${"x".repeat(255)}"]`],
  ["string of 256 bytes", "event", "/", "-", `["a","${"x".repeat(256)}"]`],
  ["array of 15", "event", "/", "-", `["a",[${Array(15).fill(0)}]]`],
  ["array of 16", "event", "/", "-", `["a",[${Array(16).fill(0)}]]`],
  ["map of 15", "event", "/", "-", `["a",{${Array.from({ length: 15 }, (_, i) => `"k${i}":${i}`)}}]`],
  ["map of 16", "event", "/", "-", `["a",{${Array.from({ length: 16 }, (_, i) => `"k${i}":${i}`)}}]`],
  ["nested", "event", "/", "-", '["a",[[[]]],{"a":{"b":{"c":{}}}}]'],
  ["namespace of 40 bytes", "event", "/" + "n".repeat(39), "-", '["a"]'],
  ["event named connect", "event", "/", "-", '["connect"]', ["refused RESERVED"], "reserved names are refused by the encoder; in the reference only by the sockets above it"],
];

const EXTENSION = "only the extensions that notepack.io writes are read";
const RULES = "what is decoded obeys the rules of the text form";
const KEY = "keys are strings or integers; the reference would turn any value into text";
const UTF8 = "a string that is not UTF-8 is refused; the reference reads U+FFFD in its place";
const CUT = "a value that is cut off is refused; the reference fills up with what is there";
const refuse = (why) => [["error"], why];

const DECODE = [
  ["connect", map(TYPE(0), NSP("/"))],
  ["connect with data", map(TYPE(0), DATA(map([str("t"), int(1)])), NSP("/a"))],
  ["connect with an empty map", map(TYPE(0), DATA(map()), NSP("/"))],
  ["disconnect", map(TYPE(1), NSP("/"))],
  ["event", map(TYPE(2), DATA(EVENT), NSP("/"))],
  ["event with id", map(TYPE(2), DATA(EVENT), ID(int(5)), NSP("/"))],
  ["event with id as uint 64", map(TYPE(2), DATA(EVENT), ID(hex("cf 0000000000000005")), NSP("/"))],
  ["event with options", map(TYPE(2), DATA(EVENT), [str("options"), map([str("compress"), hex("c3")])], NSP("/"))],
  ["event with unknown members", map(TYPE(2), [str("x"), array(int(1))], DATA(EVENT), NSP("/"))],
  ["keys in another order", map(NSP("/n"), ID(int(0)), DATA(EVENT), TYPE(2))],
  ["ack", map(TYPE(3), DATA(array(int(1), hex("c0"))), ID(int(1)), NSP("/"))],
  ["ack without arguments", map(TYPE(3), DATA(array()), ID(int(1)), NSP("/"))],
  ["ack without id", map(TYPE(3), DATA(array()), NSP("/"))],
  ["connect error with a map", map(TYPE(4), DATA(map([str("message"), str("no")])), NSP("/"))],
  ["connect error with a string", map(TYPE(4), DATA(str("no")), NSP("/"))],
  ["type as uint 8", map(TYPE(hex("cc 02")), DATA(EVENT), NSP("/"))],
  ["outer map 16", Buffer.concat([hex("de 0003"), map(TYPE(2), DATA(EVENT), NSP("/")).subarray(1)])],
  ["outer map 32", Buffer.concat([hex("df 00000003"), map(TYPE(2), DATA(EVENT), NSP("/")).subarray(1)])],
  ["data as array 16", map(TYPE(2), DATA(Buffer.concat([hex("dc 0001"), str("a")])), NSP("/"))],
  ["data as array 32", map(TYPE(2), DATA(Buffer.concat([hex("dd 00000001"), str("a")])), NSP("/"))],
  ["name as a number", map(TYPE(2), DATA(array(int(7), int(8))), NSP("/"))],
  ["nsp as str 8", map(TYPE(2), DATA(EVENT), NSP(hex("d9 02 2f61")))],
  // values
  ["positive fixnum", event(int(0), int(127))],
  ["negative fixnum", event(int(-1), int(-32))],
  ["uint 8", event(hex("cc ff"), hex("cc 01"))],
  ["uint 16", event(hex("cd ffff"))],
  ["uint 32", event(hex("ce ffffffff"))],
  ["uint 64", event(hex("cf 0000000100000000"), hex("cf 001fffffffffffff"), hex("cf ffffffffffffffff"))],
  ["int 8", event(hex("d0 80"), hex("d0 7f"))],
  ["int 16", event(hex("d1 8000"))],
  ["int 32", event(hex("d2 80000000"))],
  ["int 64", event(hex("d3 ffffffff00000000"), hex("d3 8000000000000000"))],
  ["float 32", event(hex("ca 3f000000"), hex("ca 3dcccccd"))],
  ["float 64", event(hex("cb 3fb999999999999a"), hex("cb 3ff0000000000000"))],
  ["floats that are no numbers", event(hex("cb 7ff8000000000000"), hex("cb 7ff0000000000000"), hex("cb fff0000000000000"))],
  ["float minus zero", event(hex("cb 8000000000000000"))],
  ["literals", event(hex("c0"), hex("c2"), hex("c3"))],
  ["str 8", event(hex("d9 02 6869"))],
  ["str 16", event(hex("da 0002 6869"))],
  ["str 32", event(hex("db 00000002 6869"))],
  ["string beyond ASCII", event(str("\u20ac\u{1f600}\u2028"))],
  ["string with U+0000", event(Buffer.of(0xa3, 0x61, 0, 0x62))],
  ["string with control characters", event(str('\n\u0001"\\'))],
  ["bin 8", event(hex("c4 02 0102"))],
  ["bin 8 empty", event(hex("c4 00"))],
  ["bin 16", event(hex("c5 0002 0102"))],
  ["bin 32", event(hex("c6 00000002 0102"))],
  ["two binaries", event(hex("c4 01 01"), array(hex("c4 01 02")))],
  ["ext 8 type 0 as binary", event(hex("c7 02 00 0102"))],
  ["ext 16 type 0 as binary", event(hex("c8 0002 00 0102"))],
  ["ext 32 type 0 as binary", event(hex("c9 00000002 00 0102"))],
  ["fixext 1 type 0 as undefined", event(hex("d4 00 00"))],
  ["undefined in a map", event(map([str("k"), hex("d4 00 00")], [str("l"), int(1)]))],
  ["fixext 8 type 0 as a date", event(hex("d7 00 0000018bcfe56800"))],
  ["date before 1970", event(hex("d7 00 ffffffffffffffff"))],
  ["nested", event(array(array(map([str("a"), array()]))))],
  ["map with an integer key", event(map([int(5), int(1)]))],
  ["map with a negative key", event(map([int(-5), int(1)]))],
  ["map with a key twice", event(map([str("k"), int(1)], [str("x"), int(2)], [str("k"), int(3)]))],
  ["map with __proto__", event(map([str("x"), int(1)]))],
  ["what looks like a placeholder", event(map([str("_placeholder"), hex("c3")], [str("num"), int(0)]))],
  // refused
  ["empty", hex("")],
  ["nil", hex("c0")],
  ["a number", int(1)],
  ["an array", array(int(2))],
  ["an empty map", map()],
  ["byte 0xc1", hex("c1")],
  ["no type", map(DATA(EVENT), NSP("/"))],
  ["type 5", map(TYPE(5), DATA(EVENT), NSP("/"))],
  ["type 7", map(TYPE(7), DATA(EVENT), NSP("/"))],
  ["type negative", map(TYPE(-1), DATA(EVENT), NSP("/"))],
  ["type a string", map(TYPE(str("2")), DATA(EVENT), NSP("/"))],
  ["type a fraction", map(TYPE(hex("cb 3ff8000000000000")), DATA(EVENT), NSP("/"))],
  ["type nil", map(TYPE(hex("c0")), DATA(EVENT), NSP("/"))],
  ["type as a float with an integer value", map(TYPE(hex("cb 4000000000000000")), DATA(EVENT), NSP("/"))],
  ["no namespace", map(TYPE(2), DATA(EVENT))],
  ["namespace a number", map(TYPE(2), DATA(EVENT), NSP(int(1)))],
  ["namespace without a slash", map(TYPE(2), DATA(EVENT), NSP("a")), refuse(RULES)],
  ["namespace empty", map(TYPE(2), DATA(EVENT), NSP("")), refuse(RULES)],
  ["event without data", map(TYPE(2), NSP("/"))],
  ["event with a map", map(TYPE(2), DATA(map()), NSP("/"))],
  ["event with an empty array", map(TYPE(2), DATA(array()), NSP("/")), refuse(RULES)],
  ["event with nil as name", map(TYPE(2), DATA(array(hex("c0"))), NSP("/")), refuse(RULES)],
  ["event with binary as name", map(TYPE(2), DATA(array(hex("c4 01 61"))), NSP("/")), refuse(RULES)],
  ["event named connect", map(TYPE(2), DATA(array(str("connect"))), NSP("/")), refuse(RULES)],
  ["event named disconnecting", map(TYPE(2), DATA(array(str("disconnecting"))), NSP("/")), refuse(RULES)],
  ["ack without data", map(TYPE(3), ID(int(1)), NSP("/"))],
  ["ack with a map", map(TYPE(3), DATA(map()), ID(int(1)), NSP("/"))],
  ["connect with an array", map(TYPE(0), DATA(array()), NSP("/"))],
  ["connect with nil", map(TYPE(0), DATA(hex("c0")), NSP("/"))],
  ["disconnect with data", map(TYPE(1), DATA(map()), NSP("/"))],
  ["disconnect with nil", map(TYPE(1), DATA(hex("c0")), NSP("/"))],
  ["connect error without data", map(TYPE(4), NSP("/"))],
  ["connect error with an array", map(TYPE(4), DATA(array()), NSP("/"))],
  ["id a string", map(TYPE(2), DATA(EVENT), ID(str("1")), NSP("/"))],
  ["id a fraction", map(TYPE(2), DATA(EVENT), ID(hex("cb 3ff8000000000000")), NSP("/"))],
  ["id nil", map(TYPE(2), DATA(EVENT), ID(hex("c0")), NSP("/"))],
  ["id negative", map(TYPE(2), DATA(EVENT), ID(int(-1)), NSP("/")), refuse(RULES)],
  ["id 2^53", map(TYPE(2), DATA(EVENT), ID(hex("cf 0020000000000000")), NSP("/")), refuse(RULES)],
  ["trailing byte", Buffer.concat([map(TYPE(0), NSP("/")), hex("00")])],
  ["cut in the outer map", hex("83 a4 74797065 02")],
  ["cut in a string", Buffer.concat([map(TYPE(0)), hex("a5 6e73")])],
  ["array longer than the message", map(TYPE(2), DATA(hex("dd 00000100 a1 61")))],
  ["ext 8 of another type", event(hex("c7 01 05 00")), refuse(EXTENSION)],
  ["fixext 1 of another type", event(hex("d4 01 00")), refuse(EXTENSION)],
  ["fixext 2", event(hex("d5 01 0000")), refuse(EXTENSION)],
  ["fixext 4", event(hex("d6 01 00000000")), refuse(EXTENSION)],
  ["fixext 8 of another type", event(hex("d7 05 0000000000000000")), refuse(EXTENSION)],
  ["fixext 16", event(hex("d8 01 00000000000000000000000000000000")), refuse(EXTENSION)],
  ["map with nil as key", event(map([hex("c0"), int(1)])), refuse(KEY)],
  ["map with an array as key", event(map([array(), int(1)])), refuse(KEY)],
  ["map with binary as key", event(map([hex("c4 01 61"), int(1)])), refuse(KEY)],
  ["map with a fraction as key", event(map([hex("cb 3ff8000000000000"), int(1)])), refuse(KEY)],
  ["string that is not UTF-8", event(hex("a1 ff")), refuse(UTF8)],
  ["string with an encoded surrogate", event(hex("a3 eda080")), refuse(UTF8)],
  ["string with overlong UTF-8", event(hex("a2 c080")), refuse(UTF8)],
  ["date that is cut", event(hex("d7 00 0000"))],
];

export function generate() {
  const out = new Vectors("Socket.IO packets as MessagePack.");
  for (const [name, kind, nsp, id, data, ours, why] of ENCODE) {
    const value = data === undefined ? undefined : parseWithBinary(data);
    const number = id === undefined || id === "-" ? undefined : Number(id);
    const lines = [["op", "msgpack encode"], ["packet", `${kind} ${nsp} ${id ?? "-"}`]];
    if (data !== undefined) {
      lines.push(["data", datum(data).slice(5)]);
    }
    out.add(`encode: ${name}`, lines, encode(kind, nsp, number, value), ours, why);
  }
  for (const [name, input, difference] of DECODE) {
    const [ours, why] = difference ?? [];
    out.add(`decode: ${name}`, [["op", "msgpack decode"], ["in", datum(input)]], decode(input), ours, why);
  }
  return out;
}
