// Small codecs: UTF-8 against TextDecoder, base64 against Buffer, query strings against URLSearchParams.
import { main, ofBytes, smallerBytes, utf8 } from "./driver.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { formOf } from "./query.mjs";
import { mutated } from "./random.mjs";

const all = (fields, letter) => fields.filter(([name]) => name === letter).map(([, value]) => value.toString());
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

const UTF8 = ofBytes({
  name: "utf8",
  share: 0.4,
  reference: (input) => (utf8(input) === undefined ? "0" : "1"),
  generate(random) {
    const units = random.list(random.size(60), () => {
      const first = random.pick([0x20, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]);
      return String.fromCodePoint(random.oneIn(2) ? first : random.below(0x80));
    });
    const bytes = Buffer.from(units.join(""));
    const words = [random.bytes(1), Buffer.of(0x80 + random.below(128)), Buffer.of(0xc0 + random.below(64), 0x80), Buffer.of(0xe0 + random.below(16), 0x80 + random.below(64), 0x80)];
    return random.oneIn(4) ? bytes : mutated(random, bytes, words);
  },
  *compare(input, theirs, fields) {
    const ours = all(fields, "w");
    if (!same(ours, [theirs, theirs, theirs])) {
      yield { what: "valid: whole, byte by byte, by threes", theirs, ours };
    }
  },
});

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

const BASE64 = ofBytes({
  name: "base64",
  share: 0.3,
  reference: (input) => ({ decoded: Buffer.from(input.toString("latin1"), "base64"), encoded: input.toString("base64") }),
  generate(random) {
    const bytes = random.bytes(random.size(50));
    const text = Buffer.from(bytes.toString(random.oneIn(2) ? "base64" : "base64url"));
    switch (random.below(4)) {
      case 0:
        return bytes;
      case 1:
        return text;
      case 2:
        return Buffer.from(random.list(random.size(20), () => random.pick(ALPHABET)).join("") + "=".repeat(random.below(3)));
      default:
        return mutated(random, text, [Buffer.from("="), Buffer.from("=="), Buffer.from(" "), Buffer.from("\n"), Buffer.from(random.pick(ALPHABET)), random.bytes(1)]);
    }
  },
  *compare(input, theirs, fields) {
    const ours = new Map(fields);
    if (ours.get("e").toString() !== theirs.encoded) {
      yield { what: "encoded", theirs: theirs.encoded, ours: ours.get("e").toString() };
    }
    if (ours.has("u")) {
      yield { what: "refused", theirs: theirs.decoded.toString("hex"), ours: ours.get("u").toString() };
    } else if (!ours.get("d").equals(theirs.decoded)) {
      yield { what: "decoded", theirs: theirs.decoded.toString("hex"), ours: ours.get("d").toString("hex") };
    }
  },
});

const QUERY_WORDS = ["&", "=", "+", "%", "%20", "%2B", "%26", "%3D", "%00", "%e2%82%ac", "%E2%82", "%ff", "%C0%80", "%ed%a0%80", "%F0%9F%98%80", "%f4%90%80%80", "%4", "%zz", "%u0041", ";", "?", "#", "/", "a", "EIO", "4", "transport", "polling", "sid", "\u20ac", "\u{1f600}", "__proto__", " ", "\"", "[]", "~!*'()-_."];

const QUERY = ofBytes({
  name: "query",
  share: 0.3,
  smaller: (input) => smallerBytes(input.toString()).map((text) => Buffer.from(text.toWellFormed())),
  reference(input) {
    const text = input.toString();
    const form = formOf(text);
    const percent = formOf(text.replaceAll("+", "%2B"));
    const last = form.filter(([name]) => name === form[0]?.[0]).at(-1);
    return {
      name: form.map(([name]) => name),
      value: form.map(([, value]) => value),
      "name, + as itself": percent.map(([name]) => name),
      "value, + as itself": percent.map(([, value]) => value),
      "value that counts": last === undefined ? [] : [last[1]],
      encoded: [encodeURIComponent(text)],
    };
  },
  generate(random) {
    const pieces = random.list(1 + random.size(30), () => random.pick(QUERY_WORDS));
    return Buffer.from(random.oneIn(3) ? mutated(random, pieces.join(""), QUERY_WORDS).toWellFormed() : pieces.join(""));
  },
  *compare(input, theirs, fields) {
    const letters = { name: "n", value: "v", "name, + as itself": "p", "value, + as itself": "q", "value that counts": "f", encoded: "e" };
    for (const [what, letter] of Object.entries(letters)) {
      const ours = all(fields, letter);
      if (!same(ours, theirs[what])) {
        yield { what, theirs: theirs[what], ours };
      }
    }
  },
});

await main([UTF8, BASE64, QUERY], DIFFERENCES);
