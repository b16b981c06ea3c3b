// Socket.IO packets as MessagePack, against socket.io-msgpack-parser (notepack.io).
import { Dialect, PARSERS } from "./dialect.mjs";
import { main } from "./driver.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { jsonText } from "./json.mjs";
import { examined } from "./msgpack.mjs";
import { mutated } from "./random.mjs";

const NAMES = ['"hello"', '""', "1", "1.5", "-0", '"connect"', '"__proto__"', "null", "[]", "1e21", '"\u20ac"'];
const SPACES = ["/", "/admin", "/a/b", "/caf\u00e9", "/a b", "//", "", "admin", "/\u0001"];

const pack = new PARSERS.msgpack.Encoder();
const BYTES = ["c0", "c1", "c2", "c3", "c400", "c40101", "c5000101", "c70200aabb", "c7010500", "ca3f000000", "cb3ff8000000000000", "cb7ff8000000000000", "cc80", "cd0100", "ce00010000", "cf0020000000000000", "cf001fffffffffffff", "cfffffffffffffffff", "d080", "d18000", "d280000000", "d3ffffffff00000000", "d38000000000000000", "d40000", "d40100", "d7000000018bcfe56800", "d7ff0000000000000000", "d90161", "da000161", "db0000000161", "dc000101", "dd0000000101", "de0001a16101", "df00000001a16101", "80", "81a16101", "90", "9101", "a0", "a161", "a1ff", "a3eda080", "ff", "e0", "00", "7f", "a474797065", "a464617461", "a36e7370", "a26964", "ffff"].map((digits) => Buffer.from(digits, "hex"));

function packable(random, depth) {
  const value = JSON.parse(jsonText(random, depth).toWellFormed());
  const bury = (node) => {
    if (random.oneIn(5)) {
      return random.oneIn(4) ? new Date(random.below(2 ** 31) * 1000 + random.below(1000)) : random.bytes(random.size(20));
    }
    if (Array.isArray(node)) {
      return node.map(bury);
    }
    return node !== null && typeof node === "object" ? Object.fromEntries(Object.entries(node).map(([key, member]) => [key, bury(member)])) : node;
  };
  return bury(value);
}

class Msgpack extends Dialect {
  codec = "msgpack";

  generate(random) {
    const type = random.pick([0, 1, 2, 2, 2, 2, 3, 3, 4]);
    const items = random.list(random.size(4), () => packable(random, 3));
    const packet = { type, nsp: random.pick(SPACES) };
    if (type === 2) {
      packet.data = [random.oneIn(6) ? JSON.parse(random.pick(NAMES)) : "a", ...items];
    } else if (type === 3) {
      packet.data = items;
    } else if (type !== 1 && random.oneIn(2)) {
      packet.data = random.oneIn(3) ? packable(random, 2) : { a: packable(random, 1) };
    }
    if (type === 3 || random.oneIn(3)) {
      packet.id = random.below(100000);
    }
    if (random.oneIn(10)) {
      packet.options = { compress: true };
    }
    const [bytes] = pack.encode(packet);
    const changed = mutated(random, bytes, [...BYTES, random.bytes(1)]);
    // An extension or an array that claims gigabytes is given them by notepack.io at once.
    const endless = (changed.includes(0xc9) || changed.includes(0xdd)) && examined(changed).fault !== undefined;
    return { messages: [endless || random.oneIn(2) ? bytes : changed] };
  }
}


await main([new Msgpack("msgpack", 5, PARSERS.msgpack)], DIFFERENCES);
