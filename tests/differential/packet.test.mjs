// Socket.IO packets: what our decoder makes of messages, and what is written when that is encoded again,
// against socket.io-parser of 4.x (protocol 5) and of 2.x (protocol 4).
import { Dialect, PARSERS } from "./dialect.mjs";
import { main } from "./driver.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { jsonText, WORDS } from "./json.mjs";
import { mutated } from "./random.mjs";

/* ---- inputs ---- */

const NAMES = ['"hello"', '"message"', '""', "1", "1.5", "-0", '"connect"', '"disconnecting"', '"\\u0063onnect"', '"__proto__"', '"newListener"', "null", "[]", '{"toString":1}', "1e21", '"\u20ac"'];
const SPACES = ["/", "/admin", "/a/b", "/caf\u00e9", "/a?x=1", "/a b", "//", "/[]", "/\u0001"];
const HEADS = ["0", "1", "2", "3", "4", "5", "6", "51-", "52-", "510-", "511-", "61-", "50-", "5-", "7", "-", "/a,", "/,", "/", ",", "?", "0001", "9007199254740991", "9007199254740992", "1e3", "1.0", " ", "\n", "\ufeff", "\uff11", "+1"];
const PACKET_WORDS = [...WORDS, ...HEADS, ...NAMES, ...SPACES, '{"_placeholder":true,"num":0}', '"_placeholder":1', '"num":0.0', '"num":-0', '"num":1e0', '"num":"0"'];

function placeholder(random, count) {
  if (random.oneIn(12)) {
    return random.pick(['{"_placeholder":true}', '{"_placeholder":true,"num":-1}', '{"_placeholder":1,"num":0}', '{"num":0,"_placeholder":true,"x":{}}', '{"_placeholder":true,"num":"0"}', '{"_placeholder":true,"num":0.0}']);
  }
  return `{"_placeholder":true,"num":${random.oneIn(30) ? count : random.below(Math.max(count, 1))}}`;
}

function packetText(random, attachments) {
  const type = attachments > 0 ? random.pick([5, 5, 6]) : random.pick([0, 1, 2, 2, 2, 3, 3, 4]);
  let out = String(type) + (attachments > 0 ? `${attachments}-` : "");
  if (random.oneIn(3)) {
    out += random.pick(SPACES) + (random.oneIn(20) ? "" : ",");
  }
  if (type === 3 || type === 6 || random.oneIn(4)) {
    out += random.oneIn(6) ? random.pick(["0", "007", "9007199254740991", "9007199254740992", "123456789012345678901"]) : random.below(1000);
  }
  const leaf = () => (attachments > 0 ? placeholder(random, attachments) : undefined);
  const items = random.list(random.size(4), () => jsonText(random, 3, leaf));
  switch (type) {
    case 0:
      return out + (random.oneIn(2) ? "" : `{${random.oneIn(2) ? '"token":' + jsonText(random, 2) : ""}}`);
    case 1:
      return out;
    case 4:
      return out + (random.oneIn(3) ? jsonText(random, 2) : `{"message":${jsonText(random, 1)}}`);
    case 3:
    case 6:
      return out + `[${items.join(",")}]`;
    default:
      return out + `[${[random.oneIn(3) ? random.pick(NAMES) : '"a"', ...items].join(",")}]`;
  }
}

function messages(random) {
  const out = [];
  for (let left = 1 + random.size(2); left > 0; left--) {
    const attachments = random.oneIn(2) ? 0 : random.oneIn(10) ? random.below(13) : 1 + random.below(3);
    const good = packetText(random, attachments);
    out.push(random.oneIn(2) ? good : mutated(random, good, PACKET_WORDS).toWellFormed());
    const follow = random.oneIn(12) ? random.below(4) : attachments;
    out.push(...random.list(follow, () => random.bytes(random.size(6))));
  }
  return { messages: out };
}

class TextDialect extends Dialect {
  codec = "packet";
  generate(random) {
    return messages(random);
  }
}

await main([new TextDialect("packet", 5, PARSERS[5]), new TextDialect("packet of protocol 4", 4, PARSERS[4])], DIFFERENCES);
