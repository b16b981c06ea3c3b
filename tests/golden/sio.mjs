// Vectors of Socket.IO packets, protocols 5 and 4.
import { createRequire } from "node:module";
import { datum, isBinary, logPacket, parseWithBinary, Vectors } from "./vectors.mjs";

const require = createRequire(import.meta.url);
const parsers = { 5: require("socket.io-parser"), 4: require("socket.io-parser-v3") };

const hasBinary = (value) =>
  isBinary(value) ||
  (value !== null && typeof value === "object" && Object.values(value).some(hasBinary));

/* ---- what the reference does ---- */

const TYPES = { connect: 0, connected: 0, disconnect: 1, event: 2, ack: 3, connect_error: 4 };

function encode(protocol, kind, nsp, id, data) {
  const packet = { type: TYPES[kind], nsp, id, data };
  if (protocol === 5) {
    return new parsers[5].Encoder().encode(packet).map(datum);
  }
  // The sockets of that generation choose the type.
  if (hasBinary(data)) {
    packet.type += 3;
  }
  let out;
  new parsers[4].Encoder().encode(packet, (encoded) => (out = encoded.map(datum)));
  return out;
}

/** Log of a sequence of messages, up to the first error. `more`: attachments are awaited. */
function decode(protocol, messages) {
  const log = [];
  const decoder = new parsers[protocol].Decoder();
  decoder.on("decoded", (packet) => {
    const type = packet.type > 4 ? packet.type - 3 : packet.type;
    log.push(logPacket({ ...packet, type }));
  });
  for (const message of messages) {
    const before = log.length;
    try {
      decoder.add(message);
    } catch (error) {
      log.push("error " + error.message);
      break;
    }
    if (log.length === before) {
      log.push("more");
    }
  }
  return log;
}

/* ---- the cases ---- */

/* [name, kind, namespace, id, data as text with {"$bin":hex}, ours, why] */
const ENCODE = [
  ["connect", "connect", "/"],
  ["connect with auth", "connect", "/", "-", '{"token":"123"}'],
  ["connect with empty auth", "connect", "/", "-", "{}"],
  ["connect to a namespace", "connect", "/woot"],
  ["connect to a namespace with auth", "connect", "/woot", "-", '{"token":"abc","n":[1,2.5,null]}'],
  ["connect to a nested namespace", "connect", "/a/b/c"],
  ["connect to a namespace beyond ASCII", "connect", "/caf\u00e9\u20ac"],
  ["disconnect", "disconnect", "/"],
  ["disconnect from a namespace", "disconnect", "/woot"],
  ["event", "event", "/", "-", '["hello"]'],
  ["event with arguments", "event", "/", "-", '["a",1,{}]'],
  ["event in a namespace", "event", "/test", "-", '["a",1,{}]'],
  ["event with id", "event", "/", "1", '["a"]'],
  ["event with id 0", "event", "/", "0", '["a"]'],
  ["event with a large id", "event", "/", "9007199254740991", '["a"]'],
  ["event with id in a namespace", "event", "/test", "12", '["foo",{"b":false}]'],
  ["event with an integer name", "event", "/", "-", "[1,2]"],
  ["event with a fraction as name", "event", "/", "-", '[1.5,"x"]'],
  ["event with a negative name", "event", "/", "-", "[-1]"],
  ["event with an empty name", "event", "/", "-", '[""]'],
  ["event named connection", "event", "/", "-", '["connection"]'],
  ["event named error", "event", "/", "-", '["error"]'],
  ["event named message", "event", "/", "-", '["message","x"]'],
  ["event named __proto__", "event", "/", "-", '["__proto__",1]'],
  ["event name with quotes", "event", "/", "-", '["a\\"b\\\\c",1]'],
  ["event name beyond ASCII", "event", "/", "-", '["\u20ac\u{1f600}",1]'],
  ["ack", "ack", "/", "123", "[]"],
  ["ack with arguments", "ack", "/", "0", '["a",1,{}]'],
  ["ack in a namespace", "ack", "/back", "127", "[1,null,true]"],
  ["connect error", "connect_error", "/", "-", '{"message":"Invalid namespace"}'],
  ["connect error in a namespace", "connect_error", "/random", "-", '{"message":"no"}'],
  ["connect error with data", "connect_error", "/admin", "-", '{"message":"no","data":{"c":1}}'],
  ["connect error with a string", "connect_error", "/admin", "-", '{"message":"n","data":"\u20ac"}'],
  // JSON
  ["numbers", "event", "/", "-", '["n",0,-0,1,-1,1.0,10,1e3,1.50,123456789012345680000]'],
  ["numbers with exponents", "event", "/", "-", '["n",1e21,1e-7,1.5e300,5e-324,1E+2,0.000001]'],
  ["numbers that need 17 digits", "event", "/", "-", '["n",0.1,0.30000000000000004,1.7976931348623157e308]'],
  ["numbers at the edge of 2^53", "event", "/", "-", '["n",9007199254740991,9007199254740993,-9007199254740992]'],
  ["numbers too large", "event", "/", "-", '["n",1e999,-1e999]'],
  ["literals", "event", "/", "-", '["l",true,false,null]'],
  ["short escapes", "event", "/", "-", '["s","\\b\\f\\n\\r\\t\\"\\\\/"]'],
  ["control characters", "event", "/", "-", '["s","\\u0001\\u001e\\u001f\\u007f"]'],
  ["characters beyond ASCII", "event", "/", "-", '["s","\\u00e9\\u20ac\\ud83d\\ude00"]'],
  ["line separators", "event", "/", "-", '["s","\\u2028\\u2029\\ufeff"]'],
  ["slash and angle brackets", "event", "/", "-", '["s","</script>&"]'],
  ["white space in the input", "event", "/", "-", '[ "a" , { "b" : [ 1 , 2 ] } ]'],
  ["empty containers", "event", "/", "-", '["a",[],{},[[]],[{}],""]'],
  ["nested containers", "event", "/", "-", '["a",[[1,[2,[3]]],{"a":{"b":{"c":[]}}}]]'],
  ["keys in order", "event", "/", "-", '["a",{"z":1,"a":2,"m":3}]'],
  ["key that is empty", "event", "/", "-", '["a",{"":1}]'],
  ["key that needs escapes", "event", "/", "-", '["a",{"\\"\\n":1,"\u20ac":2}]'],
  ["key that comes twice", "event", "/", "-", '["a",{"k":1,"x":2,"k":3}]'],
  // binary
  ["binary event", "event", "/", "-", '["a",{"$bin":"0102"}]'],
  ["binary event in a namespace", "event", "/cool", "23", '["a",{"$bin":"616263"}]'],
  ["binary event with an empty buffer", "event", "/", "-", '["a",{"$bin":""}]'],
  ["binary event of two", "event", "/", "-", '["a",{"$bin":"01"},{"$bin":"02"}]'],
  ["binary at any depth", "event", "/", "-", '["a",{"b":[{"$bin":"01"},{"c":{"$bin":"02"}}]}]'],
  ["binary depth first", "event", "/", "-", '["a",[[{"$bin":"01"}],{"$bin":"02"}],{"x":{"y":{"$bin":"03"}}},{"$bin":"04"}]'],
  ["binary beside null", "event", "/", "-", '["a",null,{"$bin":"00ff"},{"b":null}]'],
  ["binary ack", "ack", "/back", "127", '[{"$bin":"616263"},{}]'],
  ["binary ack id 0", "ack", "/", "0", '[{"$bin":"01"}]'],
  ["binary ack of two", "ack", "/", "789", '[{"$bin":"010203"},{"$bin":"040506"}]'],
  ["binary of eleven attachments", "event", "/", "-", `["a",${Array(11).fill('{"$bin":"2a"}').join(",")}]`],
  // refused by ours
  ["namespace with a comma", "event", "/a,b", "-", '["a"]', ["refused SIO_NAMESPACE"], "a namespace with a comma cannot be read again, so it is not written"],
  ["connect to a namespace with a comma", "connect", "/a,b", "-", undefined, ["refused SIO_NAMESPACE"], "a namespace with a comma cannot be read again, so it is not written"],
  ["namespace without a slash", "event", "a", "-", '["a"]', ["refused SIO_NAMESPACE"], "a namespace begins with '/'; the packet could not be read again"],
  ...["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map(
    (name) => [`event named ${name}`, "event", "/", "-", `["${name}"]`, ["refused RESERVED"], "reserved names are refused by the encoder; in the reference only by the sockets above it"],
  ),
  ["what looks like a placeholder, without binary", "event", "/", "-", '["a",{"_placeholder":true,"num":0}]'],
  ["what looks like a placeholder, beside binary", "event", "/", "-", '["a",{"_placeholder":true,"num":0},{"$bin":"01"}]', ["refused SIO_PLACEHOLDER"], "the receiver would take it for an attachment"],
  ["id above 2^53-1", "event", "/", "9007199254740992", '["a"]', ["refused INVALID"], "ids beyond 2^53-1 are not exact in JavaScript"],
];

const ENCODE_ONLY = {
  5: [
    ["connected", "connected", "/", "-", '{"sid":"wZX3oN0bSVIhsaknAAAI"}'],
    ["connected to a namespace", "connected", "/admin", "-", '{"sid":"oSO0OpakMV_3jnilAAAA"}'],
    ["connected with recovery", "connected", "/", "-", '{"sid":"_KrOA2dradC5JHFzAAAA","pid":"LIdpF-AFtk_sCAZfAAAB"}'],
  ],
  4: [
    ["connected", "connected", "/"],
    ["connected to a namespace", "connected", "/admin"],
    ["connect with a query", "connect", "/admin?token=abc&uid=1%20x"],
    ["error with a string", "error_v4", "/", "-", '"Not authorized"'],
    ["error with a string in a namespace", "error_v4", "/admin", "-", '"no \\"way\\" \u20ac"'],
    ["error with data", "error_v4", "/admin", "-", '{"c":1}'],
  ],
};

const DIGITS = "only the digits 0 to 9 make a number; the reference applies JavaScript's number rules";
const MISSING = "the payload of an event is mandatory";
const BIG_ID = "ids beyond 2^53-1 are refused; the reference rounds them";
const ZERO = "a binary packet without attachments is refused; this generation would wait for one that never comes";
const ANY = "a middleware's refusal may be any value; this generation refuses what its own server sends";
const INTEGER = "the number of a placeholder is written in digits only; with a fraction the reference hands out undefined";
const LONE = "a lone surrogate has no form in UTF-8: U+FFFD in a tree, kept in the raw text";
const BOTH = "both protocols are read by the same decoder, with the rules of protocol 5";
const NAN = "the reference's decoder of that generation answers with a packet in place of an exception";

const EARLY = [["error illegal attachments"], "placeholders are checked with the text, before attachments are waited for"];

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

/* [name, messages, differences by protocol: {5: [ours, why], 4: ...}] */
const bad = (why, text = "invalid payload") => [["error " + text], why];
const both = (value) => ({ 5: value, 4: value });
const DECODE = [
  // header
  ["connect", "0"],
  ["connect to the root by name", "0/"],
  ["connect to the root by name with comma", "0/,"],
  ["connect with auth", '0{"token":"123"}'],
  ["connect to a namespace", "0/admin"],
  ["connect to a namespace with comma", "0/admin,"],
  ["connect to a namespace with auth", '0/admin,{"a":1}'],
  ["connect to a nested namespace", "0/a/b,{}"],
  ["connect to a namespace beyond ASCII", "0/caf\u00e9\u20ac,{}"],
  ["connect with id", "012{}"],
  ["connect reply", '0{"sid":"wZX3oN0bSVIhsaknAAAI"}'],
  ["connect reply with pid", '0/a,{"sid":"x","pid":"y"}'],
  ["disconnect", "1"],
  ["disconnect from a namespace", "1/admin,"],
  ["disconnect from a namespace without comma", "1/admin"],
  ["event", '2["hello"]'],
  ["event with arguments", '2["hello",1,2.5,true,null,"x",[1],{"a":{}}]'],
  ["event in a namespace", '2/admin,["project:delete",123]'],
  ["event with id", '212["foo"]'],
  ["event with id 0", '20["foo"]'],
  ["event with id and zeros in front", '2007["foo"]'],
  ["event with id in a namespace", '2/a,1["x"]'],
  ["event with the largest id", '29007199254740991["a"]'],
  ["event with an integer name", "2[1]"],
  ["event with a fraction as name", '2[1.5,"x"]'],
  ["event with a negative name", '2[-1,"x"]'],
  ["event with an exponent as name", '2[1e21,"x"]'],
  ["event with an empty name", '2["",1]'],
  ["event with an escaped name", '2["\\u0068\\u0069",1]'],
  ["event name beyond ASCII", '2["\u20ac\u{1f600}"]'],
  ["event named connection", '2["connection"]'],
  ["event named error", '2["error",1]'],
  ["event named message", '2["message"]'],
  ["event named __proto__", '2["__proto__",{"__proto__":1}]'],
  ["event named Connect", '2["Connect"]'],
  ["namespace is the whole rest", '2/a["x"]', both(bad(MISSING))],
  ["ack", '313["bar"]'],
  ["ack in a namespace", '3/admin,13["bar"]'],
  ["ack without arguments", "312[]"],
  ["ack without data", "312", both([["ack / 12 []"], "an ack without payload stands for one without arguments"])],
  ["ack without id", "3[]"],
  ["connect error with an object", '4{"message":"Not authorized"}'],
  ["connect error in a namespace", '4/random,{"message":"Invalid namespace"}'],
  ["connect error with data", '4/admin,{"message":"no","data":{"c":1}}'],
  ["connect error with a string", '4"Not authorized"'],
  ["connect error with an empty string", '4""'],
  ["connect error without data", "4"],
  // payloads that are refused
  ["event without payload", "2", both(bad(MISSING))],
  ["event without payload, with id", "212", both(bad(MISSING))],
  ["event without payload, in a namespace", "2/a,", both(bad(MISSING))],
  ["event with an unclosed string", '2["a'],
  ["event with an unclosed array", '2["a"'],
  ["event with an unclosed array and id", '242["some","data"'],
  ["event with bytes behind", '2["a"]x'],
  ["event with white space behind", '2["a"] '],
  ["event with line ends inside", '2[\n"a"\r\n,\t1 ]'],
  ["event with an empty array", "2[]"],
  ["event with an object", "2{}"],
  ["event with a string", '2"a"'],
  ["event with null as name", '2[null,"bar"]'],
  ["event with true as name", '2[true,"foo"]'],
  ["event with an array as name", '2[["a"]]'],
  ["event with an object as name", '2[{"toString":"foo"}]'],
  ["event with a trailing comma", '2["a",]'],
  ["event with a leading comma", '2[,"a"]'],
  ["event with two arrays", '2["a"]["b"]'],
  ["event with an unquoted key", '2["a",{b:1}]'],
  ["event with a single-quoted string", "2['a']"],
  ["event with a comment", '2["a"/**/]'],
  ["event with a leading zero", '2["a",01]'],
  ["event with a leading plus", '2["a",+1]'],
  ["event with a bare point", '2["a",.5]'],
  ["event with a point at the end", '2["a",1.]'],
  ["event with a hexadecimal number", '2["a",0x1]'],
  ["event with NaN", '2["a",NaN]'],
  ["event with Infinity", '2["a",-Infinity]'],
  ["event with undefined", '2["a",undefined]'],
  ["event with an upper-case literal", '2["a",True]'],
  ["event with a raw control character", '2["a\u0001"]'],
  ["event with a raw line end in a string", '2["a\n"]'],
  ["event with a raw tab in a string", '2["a\t"]'],
  ["event with DEL in a string", '2["a\u007f"]'],
  ["event with a bad escape", '2["\\x41"]'],
  ["event with a cut escape", '2["\\u12"]'],
  ["id of a byte order mark", '2\ufeff["a"]', both(bad(DIGITS))],
  ["event with a no-break space", '2["a",\u00a01]'],
  ["disconnect with an object", "1{}"],
  ["disconnect with a comma", "1,"],
  ["disconnect with data in a namespace", "1/admin,{}"],
  ["connect with an array", "0[]", { 4: bad(BOTH) }],
  ["connect with null", "0null", { 4: bad(BOTH) }],
  ["connect with a string", '0"x"'],
  ["connect with a number behind a namespace", "0/admin,-1"],
  ["connect with a string in a namespace", '0/admin,"invalid"'],
  ["connect with broken JSON", '0{"a":'],
  ["connect error with an array", "4[]"],
  ["connect error with null", "4null"],
  ["connect error with true", "4true", { 4: [["connect_error / - true"], ANY] }],
  ["connect error with broken JSON", '4{"a"'],
  ["ack with an object", "312{}"],
  ["ack with a string", '312"a"'],
  ["ack with broken JSON", "312["],
  ["event with broken JSON in a namespace", '2/admin,"invalid'],
  ["event with an object in a namespace", "2/admin,{}"],
  ...["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map(
    (name) => [`event named ${name}`, `2["${name}","123"]`, { 4: bad(BOTH) }],
  ),
  ["event named connect by escapes", '2["\\u0063onnect"]', { 4: bad(BOTH) }],
  // types
  ...["7", "8", "999", "a", "-1", "x", "{}", '["a"]', "\u20ac"].map((text) => [
    `unknown type ${text}`,
    text,
    { 4: [[`error unknown packet type ${/^\d/.test(text) ? text[0] : "NaN"}`], NAN] },
  ]),
  ["white space as type", " ", both([["error unknown packet type NaN"], DIGITS])],
  ["line end as type", '\n["a"]', both([["error unknown packet type NaN"], DIGITS])],
  // ids
  ["id with a fraction", '21.5["a"]'],
  ["id negative", '2-1["a"]'],
  ["id with plus", '2+1["a"]'],
  ["id of letters", '2abc["a"]'],
  ["id with an exponent", '21e3["a"]'],
  ["id with a comma", '21,["a"]'],
  ["id with a space in front", '2 1["a"]', both(bad(DIGITS))],
  ["id of a space", '2 ["a"]', both(bad(DIGITS))],
  ["id of a line end", '2\n["a"]', both(bad(DIGITS))],
  ["id with a space inside", '21 2["a"]', both(bad(DIGITS))],
  ["id of full-width digits", '2\uff11["a"]'],
  ["id of 2^53", '29007199254740992["a"]', both(bad(BIG_ID))],
  ["id of 21 digits", '2999999999999999999999["a"]', both(bad(BIG_ID))],
  ["id of 400 digits", `2${"9".repeat(400)}["a"]`, both(bad(BIG_ID))],
  ["id in front of a namespace", '21/a,["x"]'],
  // namespaces
  ["namespace with a query", '2/a?x=1,["b"]'],
  ["namespace with an empty query", '2/a?,["b"]', { 4: [['event /a - "b" []'], "what follows the first '?' is split off; an empty query leaves nothing"] }],
  ["namespace with two question marks", '2/a?b?c,["b"]'],
  ["connect with a query", "0/admin?token=abc&uid=1%20x,"],
  ["namespace with spaces", '2/a b,["c"]'],
  ["namespace of two slashes", '2//a,["b"]'],
  ["namespace with a dot segment", '2/a/../b,["c"]'],
  ["namespace with brackets", '2/a[],["b"]'],
  ["namespace with a control character", '2/\u0001,["b"]'],
  ["namespace without a slash", '2a,["b"]'],
  // values
  ["numbers", '2["n",0,-0,1.0,1e3,1E+2,0.10,123456789012345678901234567890]'],
  ["numbers too large and too small", '2["n",1e400,-1e400,1e-400]'],
  ["numbers of 17 digits", '2["n",0.30000000000000004,5e-324,1.7976931348623157e308]'],
  ["integers at 2^53", '2["n",9007199254740991,9007199254740993]'],
  ["escapes", '2["s","\\b\\f\\n\\r\\t\\"\\\\\\/\\u0041\\u20ac\\ud83d\\ude00"]'],
  ["control escapes", '2["s","\\u0001\\u001e"]'],
  ["U+0000", '2["s","a\\u0000b"]'],
  ["lone surrogate high", '2["s","\\ud800"]', both([['event / - "s" ["\\xef\\xbf\\xbd"]'], LONE])],
  ["lone surrogate low", '2["s","\\udc00x"]', both([['event / - "s" ["\\xef\\xbf\\xbdx"]'], LONE])],
  ["surrogates swapped", '2["s","\\udc00\\ud800"]', both([['event / - "s" ["\\xef\\xbf\\xbd\\xef\\xbf\\xbd"]'], LONE])],
  ["key that comes twice", '2["a",{"k":1,"x":2,"k":3}]'],
  ["deep arrays", `2["a",${"[".repeat(100)}${"]".repeat(100)}]`],
  ["deep objects", `2["a",${'{"a":'.repeat(100)}1${"}".repeat(100)}]`],
  ["deeper than the limit", `2["a",${"[".repeat(300)}${"]".repeat(300)}]`, both(bad("nesting is limited to 256"))],
  ["placeholder in a plain event", `2["a",${placeholder(0)}]`],
  ["placeholder in a plain ack", `31[${placeholder(7)}]`],
  // attachments
  ["binary event", [`51-["hello",${placeholder(0)}]`, Buffer.of(1, 2, 3)]],
  ["binary event in a namespace", [`51-/admin,456["project:delete",${placeholder(0)}]`, Buffer.of(3, 2, 1)]],
  ["binary event of two", [`52-["message-back",${placeholder(0)},${placeholder(1)}]`, Buffer.of(1, 2, 3), Buffer.of(4, 5, 6)]],
  ["binary event out of order", [`52-["a",${placeholder(1)},${placeholder(0)}]`, Buffer.of(1), Buffer.of(2)]],
  ["binary event at any depth", [`52-["a",{"b":[${placeholder(0)},{"c":${placeholder(1)}}]}]`, Buffer.of(1), Buffer.of(2)]],
  ["binary event with an empty buffer", [`51-["a",${placeholder(0)}]`, Buffer.alloc(0)]],
  ["binary event using a number twice", [`51-["a",${placeholder(0)},${placeholder(0)}]`, Buffer.of(9)]],
  ["binary event using none", ['51-["a"]', Buffer.of(9)]],
  ["binary event of ten", [`510-["a",${placeholder(9)}]`, ...Array.from({ length: 10 }, (_, i) => Buffer.of(i))]],
  ["binary ack", [`61-/admin,456[${placeholder(0)}]`, Buffer.of(3, 2, 1)]],
  ["binary ack id 0", [`61-0[${placeholder(0)}]`, Buffer.of(1)]],
  ["binary ack of two", [`62-789[${placeholder(0)},${placeholder(1)}]`, Buffer.of(1), Buffer.of(2)]],
  ["binary then text", [`51-["a",${placeholder(0)}]`, Buffer.of(1), '2["b"]']],
  ["two binary events", [`51-["a",${placeholder(0)}]`, Buffer.of(1), `51-["b",${placeholder(0)}]`, Buffer.of(2)]],
  ["placeholder with other members", ['51-["a",{"_placeholder":true,"x":1,"num":0}]', Buffer.of(1)]],
  ["placeholder of 1", ['51-["a",{"_placeholder":1,"num":0}]', Buffer.of(1)]],
  ["placeholder of a string", ['51-["a",{"_placeholder":"true","num":0}]', Buffer.of(1)]],
  ["placeholder of false", ['51-["a",{"_placeholder":false,"num":0}]', Buffer.of(1)]],
  ["placeholder that comes twice", ['51-["a",{"_placeholder":false,"num":0,"_placeholder":true}]', Buffer.of(1)]],
  ["placeholder number that comes twice", ['51-["a",{"_placeholder":true,"num":5,"num":0}]', Buffer.of(1)]],
  ["placeholder number as 0.0", ['51-["a",{"_placeholder":true,"num":0.0}]', Buffer.of(1)], both([["error illegal attachments"], INTEGER])],
  ["placeholder as name", [`51-[${placeholder(0)},1]`, Buffer.of(1)]],
  ["attachments missing", "5"],
  ["attachments without a dash", "51"],
  ["attachments of letters", "5a-"],
  ["attachments of a letter behind", '51a-["a"]'],
  ["attachments with a fraction", '51.23-["a"]', { 4: bad(BOTH, "Illegal attachments") }],
  ["attachments negative", '5-1-["a"]', { 4: bad(ZERO, "Illegal attachments") }],
  ["attachments empty", '5-["a"]', { 4: bad(ZERO, "Illegal attachments") }],
  ["attachments of zero", '50-["a"]', { 4: bad(ZERO, "Illegal attachments") }],
  ["attachments with a space", `5 1-["a",${placeholder(0)}]`, both(bad(DIGITS, "Illegal attachments"))],
  ["attachments with plus", `5+1-["a",${placeholder(0)}]`, both(bad(DIGITS, "Illegal attachments"))],
  ["attachments with an exponent", `51e0-["a",${placeholder(0)}]`, both(bad(DIGITS, "Illegal attachments"))],
  ["attachments hexadecimal", `50x1-["a",${placeholder(0)}]`, both(bad(DIGITS, "Illegal attachments"))],
  ["eleven attachments", '511-["a"]', { 4: bad(BOTH, "too many attachments") }],
  ["attachments beyond 2^64", `5${"9".repeat(30)}-["a"]`, { 4: bad(BOTH, "too many attachments") }],
  ["binary event without payload", "51-", both(bad(MISSING))],
  ["binary event with an object", "51-{}"],
  ["binary event with an empty array", "51-[]"],
  ["binary event with broken JSON", '51-["a"'],
  ["binary event named connect", '51-["connect"]', { 4: bad(BOTH) }],
  ["binary ack with an object", "61-1{}"],
  ["binary without a header", [Buffer.of(1, 2)]],
  ["binary behind a plain event", ['2["a"]', Buffer.of(1)]],
  ["binary beyond what was announced", [`51-["a",${placeholder(0)}]`, Buffer.of(1), Buffer.of(2)]],
  ["text while one is awaited", [`51-["a",${placeholder(0)}]`, '2["b"]']],
  ["text while the second is awaited", [`52-["a",${placeholder(0)}]`, Buffer.of(1), "1"]],
  ["placeholder number out of range", [`51-["a",${placeholder(1)}]`, Buffer.of(1)], both(EARLY)],
  ["placeholder number negative", [`51-["a",${placeholder(-1)}]`, Buffer.of(1)], both(EARLY)],
  ["placeholder number a string", [`51-["a",${placeholder('"0"')}]`, Buffer.of(1)], both(EARLY)],
  ["placeholder number null", [`51-["a",${placeholder("null")}]`, Buffer.of(1)], both(EARLY)],
  ["placeholder number missing", ['51-["a",{"_placeholder":true}]', Buffer.of(1)], both(EARLY)],
  ["placeholder number splice", [`51-["a",${placeholder('"splice"')}]`, Buffer.of(1)], both(EARLY)],
  ["placeholder number a fraction", [`51-["a",${placeholder(0.5)}]`, Buffer.of(1)], both([["error illegal attachments"], INTEGER])],
];

export function generate(protocol) {
  const out = new Vectors(`Socket.IO protocol ${protocol}: packets.`);
  const op = (name) => ["op", `sio${protocol} ${name}`];
  for (const [name, kind, nsp, id, data, ours, why] of [...ENCODE, ...ENCODE_ONLY[protocol]]) {
    const value = data === undefined ? undefined : parseWithBinary(data);
    const number = id === undefined || id === "-" ? undefined : Number(id);
    const lines = [op("encode"), ["packet", `${kind} ${datum(nsp).slice(5)} ${id ?? "-"}`]];
    if (data !== undefined) {
      lines.push(["data", datum(data).slice(5)]);
    }
    const type = kind === "error_v4" ? "connect_error" : kind;
    out.add(`encode: ${name}`, lines, encode(protocol, type, nsp, number, value), ours, why);
  }
  for (const [name, input, differences] of DECODE) {
    const messages = Array.isArray(input) ? input : [input];
    const [ours, why] = differences?.[protocol] ?? [];
    const lines = [op("decode"), ...messages.map((message) => ["in", datum(message)])];
    out.add(`decode: ${name}`, lines, decode(protocol, messages), ours, why);
  }
  return out;
}
