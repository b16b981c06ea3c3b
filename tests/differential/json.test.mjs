// JSON: what is accepted, the values that the getters give, and what is printed, against JSON.parse,
// JSON.stringify and Number.
import { main, ofBytes, utf8 } from "./driver.mjs";
import { DIFFERENCES } from "./differences.mjs";
import { jsonText, numberText, stringText, WORDS } from "./json.mjs";
import { mutated } from "./random.mjs";

const KINDS = ["none", "null", "boolean", "number", "string", "binary", "array", "object"];
const MOST_INT = 2n ** 63n - 1n;
const LEAST_INT = -(2n ** 63n);

const bytesOf = (text) => Buffer.from(text.toWellFormed());
const fieldMap = (fields) => new Map(fields);
const textOf = (field) => field?.toString();

function kindOf(value) {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** JSON.stringify writes lone surrogates as escapes; in a tree of C strings they are U+FFFD. */
function withoutSurrogates(text) {
  return text.replace(/\\(u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/gs, (whole, rest) => (/^u[dD]/.test(rest) ? "\ufffd" : whole));
}

/** A number as an integer of 64 bits, and whether that is exact. With fraction or exponent it is a double. */
function integerOf(text, double) {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    return value > MOST_INT ? [MOST_INT, false] : value < LEAST_INT ? [LEAST_INT, false] : [value, true];
  }
  if (double >= 2 ** 63 || double < -(2 ** 63)) {
    return [double > 0 ? MOST_INT : LEAST_INT, false];
  }
  return [BigInt(Math.trunc(double)), Number.isInteger(double)];
}

function reference(input) {
  const text = utf8(input);
  if (text === undefined) {
    return { verdict: "not UTF-8" };
  }
  try {
    return { verdict: "accepted", text, value: JSON.parse(text) };
  } catch {
    return { verdict: "refused", text };
  }
}

function* compareNumber(text, value, ours) {
  const [integer, exact] = integerOf(text, value);
  const double = ours.get("d").readDoubleLE();
  if (!Object.is(double, value)) {
    yield { what: "double", theirs: String(value), ours: String(double) };
  }
  if (textOf(ours.get("i")) !== String(integer)) {
    yield { what: "integer", theirs: String(integer), ours: textOf(ours.get("i")) };
  }
  if (textOf(ours.get("x")) !== (exact ? "1" : "0")) {
    yield { what: "exact", theirs: exact, ours: textOf(ours.get("x")) };
  }
  if (textOf(ours.get("n")) !== JSON.stringify(value)) {
    yield { what: "number printed", theirs: JSON.stringify(value), ours: textOf(ours.get("n")) };
  }
}

function* compareArgument({ text, value }, ours) {
  const kind = KINDS[Number(textOf(ours.get("k")))];
  const string = typeof value === "string" ? value.toWellFormed() : "";
  if (kind !== kindOf(value)) {
    yield { what: "kind", theirs: kindOf(value), ours: kind };
  }
  if (textOf(ours.get("r")) !== text.trim().replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "")) {
    yield { what: "raw text", theirs: text, ours: textOf(ours.get("r")) };
  }
  if (textOf(ours.get("s")) !== string) {
    yield { what: "string", theirs: string, ours: textOf(ours.get("s")) };
  }
  if (textOf(ours.get("z")) !== (string.includes("\0") ? "" : string)) {
    yield { what: "C string", theirs: string, ours: textOf(ours.get("z")) };
  }
  if (textOf(ours.get("b")) !== (value === true ? "1" : "0")) {
    yield { what: "boolean", theirs: value === true, ours: textOf(ours.get("b")) };
  }
  if (typeof value === "number") {
    yield* compareNumber(text.trim(), value, ours);
  }
}

/** Also in a member that a later one of the same name replaces. */
const hasNul = (text) => /(?<!\\)(\\\\)*\\u0000/.test(text);

const JSON_SUBJECT = ofBytes({
  name: "json",
  share: 0.5,
  reference,
  generate(random) {
    const text = jsonText(random, 1 + random.below(5));
    switch (random.below(8)) {
      case 0:
        return bytesOf(text);
      case 1:
        return bytesOf(numberText(random));
      case 2:
        return bytesOf(stringText(random));
      case 3:
        return mutated(random, bytesOf(text), [...WORDS.map(bytesOf), random.bytes(1), random.bytes(2), Buffer.of(0xed, 0xa0, 0x80)]);
      case 4:
        return bytesOf(mutated(random, numberText(random), WORDS));
      case 5: {
        if (!random.oneIn(8)) {
          return bytesOf(mutated(random, stringText(random), WORDS));
        }
        const depth = 250 + random.below(10);
        const open = random.oneIn(2) ? ["[", "]"] : ['{"a":', "}"];
        return bytesOf(open[0].repeat(depth) + (open[0] === "[" ? "" : "1") + open[1].repeat(depth));
      }
      default:
        return bytesOf(mutated(random, text, WORDS));
    }
  },
  *compare(input, theirs, fields) {
    const ours = fieldMap(fields);
    const verdict = textOf(ours.get("v"));
    const good = verdict === "OK";
    if (good !== (theirs.verdict === "accepted")) {
      yield { what: "verdict", theirs: theirs.verdict, ours: verdict, text: theirs.text };
      return;
    }
    if (!good) {
      return;
    }
    yield* compareArgument(theirs, ours);
    const printed = withoutSurrogates(JSON.stringify(theirs.value));
    const tree = textOf(ours.get("t")) ?? textOf(ours.get("u"));
    if (tree === printed) {
      return;
    }
    if (tree === "JSON_NUL" && hasNul(theirs.text)) {
      yield { what: "U+0000", theirs: printed, ours: tree };
    } else if (ours.has("t") && JSON.stringify(JSON.parse(tree)) === printed) {
      yield { what: "order of members", theirs: printed, ours: tree };
    } else {
      yield { what: "tree", theirs: printed, ours: tree, value: theirs.value };
    }
  },
});

const NUMBER_SUBJECT = ofBytes({
  name: "number",
  share: 0.25,
  shown: (input) => `${input.toString("hex")} (${input.readDoubleLE()})`,
  smaller: () => [],
  reference: (input) => JSON.stringify(input.readDoubleLE()),
  generate(random) {
    const bytes = random.bytes(8);
    switch (random.below(5)) {
      case 0: // few digits
        bytes.writeDoubleLE(Number(numberText(random)));
        break;
      case 1: // integers of any size
        bytes.writeDoubleLE(Math.round(random.next() * 2 ** random.below(64)) * (random.oneIn(2) ? -1 : 1));
        break;
      case 2: // beside a power of two or ten
        bytes.writeDoubleLE(random.oneIn(2) ? 2 ** (random.below(2098) - 1074) : Number(`1e${random.below(632) - 323}`));
        bytes.writeBigUInt64LE(bytes.readBigUInt64LE() + BigInt(random.below(5)) - (bytes.readBigUInt64LE() > 2n ? 2n : 0n));
        break;
    }
    return bytes;
  },
  *compare(input, theirs, fields) {
    const ours = textOf(fieldMap(fields).get("n"));
    if (ours !== theirs) {
      yield { what: "number printed", theirs, ours };
    }
  },
});

const STRING_SUBJECT = ofBytes({
  name: "string",
  share: 0.25,
  reference(input) {
    const text = utf8(input);
    return text === undefined ? undefined : JSON.stringify(text);
  },
  generate(random) {
    const units = random.list(random.size(40), () =>
      String.fromCodePoint(random.oneIn(3) ? random.below(0x110000) : random.oneIn(2) ? random.below(0x80) : random.below(0x3000)),
    );
    const bytes = bytesOf(units.join(""));
    return random.oneIn(3) ? mutated(random, bytes, [random.bytes(1), random.bytes(3), Buffer.of(0xc0, 0x80), Buffer.of(0xf4, 0x90)]) : bytes;
  },
  *compare(input, theirs, fields) {
    const ours = fieldMap(fields);
    const verdict = textOf(ours.get("v"));
    if (verdict !== (theirs === undefined ? "JSON_UTF8" : "OK")) {
      yield { what: "verdict", theirs: theirs ?? "not UTF-8", ours: verdict };
    } else if (theirs !== undefined && textOf(ours.get("t")) !== theirs) {
      yield { what: "string printed", theirs, ours: textOf(ours.get("t")) };
    }
  },
});

await main([JSON_SUBJECT, NUMBER_SUBJECT, STRING_SUBJECT], DIFFERENCES);
