// JSON texts, from plain to hostile.

const NUMBERS = [
  "0", "-0", "1", "-1", "10", "1.5", "0.1", "1e3", "1E+2", "1e-7", "1e21", "1e400", "-1e400", "1e-400", "5e-324", "2.5e-324",
  "0.30000000000000004", "1.7976931348623157e308", "1.7976931348623159e308", "9007199254740991", "9007199254740993",
  "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
  "123456789012345680000", "4.35", "2.2250738585072011e-308", "2.2250738585072014e-308", "0.000001", "0.0000001", "1.0", "100e-2", "0e5", "-0.0",
];

const PIECES = [
  "a", "hello", " ", "\\n", "\\\"", "\\\\", "\\/", "\\b\\f\\r\\t", "\\u0041", "\\u0000", "\\u001f", "\\u007f", "\\u20ac", "\\ud83d\\ude00", "\\ud800", "\\udc00x",
  "\\uDBFF\\uDFFF", "\u00e9", "\u20ac", "\u{1f600}", "\u2028\u2029", "\ufeff", "\ufffd", "\u007f", "_placeholder", "num", "__proto__", "1", "0", "-1", "constructor", "toString", "length",
];

export const WORDS = [
  ...NUMBERS, ...PIECES, "\"", "'", "[", "]", "{", "}", ",", ":", "\\", "null", "true", "false", "NaN", "Infinity", "undefined", "\n", "\t", "\r", "\u00a0",
  "\u0000", "\u0001", "\u001f", "01", "+1", ".5", "1.", "0x1", "1e", "-", "e", "E", "//", "/**/", "\\u", "\\x41", "\\u12", "\\uD83D", "[]", "{}", "\"\"", "[[[[", "]]]]",
  "\"_placeholder\":true", "\"num\":0", "\"k\":1", ",,", "true,", "\ufeff",
];

const blank = (random) => (random.oneIn(12) ? random.pick([" ", "\n", "\t", "\r\n", "  "]) : "");

export function numberText(random) {
  switch (random.below(5)) {
    case 0:
      return String(random.below(1000));
    case 1: {
      const bytes = random.bytes(8);
      const value = bytes.readDoubleLE();
      return Number.isFinite(value) ? String(value) : "0";
    }
    case 2: {
      const fraction = random.oneIn(2) ? "." + random.digits(1 + random.size(30)) : "";
      const exponent = random.oneIn(2) ? random.pick(["e", "E", "e+", "e-"]) + random.digits(1 + random.size(2)) : "";
      const digits = random.digits(1 + random.size(40)).replace(/^0+(?=\d)/, "");
      return (random.oneIn(3) ? "-" : "") + digits + fraction + exponent;
    }
    default:
      return random.pick(NUMBERS);
  }
}

export function stringText(random) {
  return `"${random.list(random.size(12), () => random.pick(PIECES)).join("")}"`;
}

/** A value; `leaf` may give other leaves. */
export function jsonText(random, depth = 4, leaf = () => undefined) {
  const special = random.oneIn(6) ? leaf(random) : undefined;
  if (special !== undefined) {
    return special;
  }
  const kind = random.below(depth > 0 ? 8 : 5);
  const space = () => blank(random);
  switch (kind) {
    case 0:
      return random.pick(["null", "true", "false"]);
    case 1:
    case 2:
      return numberText(random);
    case 3:
    case 4:
      return stringText(random);
    case 5: {
      const items = random.list(random.size(6), () => space() + jsonText(random, depth - 1, leaf) + space());
      return `[${items.join(",") || space()}]`;
    }
    default: {
      const members = random.list(random.size(6), () => {
        const key = random.oneIn(3) ? `"${random.pick(["a", "b", "k", "", "_placeholder", "__proto__", "7", "10"])}"` : stringText(random);
        return `${space()}${key}${space()}:${space()}${jsonText(random, depth - 1, leaf)}${space()}`;
      });
      return `{${members.join(",") || space()}}`;
    }
  }
}

/** As the libraries of JavaScript see it, with what cannot stand in UTF-8 replaced. */
export const wellFormed = (text) => text.toWellFormed();

/** How deep arrays and objects stand in each other, in a text that is valid JSON. */
export function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") {
      deepest = Math.max(deepest, ++depth);
    } else if (token === "]" || token === "}") {
      depth--;
    }
  }
  return deepest;
}
