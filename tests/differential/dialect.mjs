// Comparing decoded Socket.IO packets, and what is written when they are encoded again.
import { createRequire } from "node:module";
import { smallerBytes } from "./driver.mjs";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
export const PARSERS = {
  5: require("socket.io-parser"),
  4: createRequire(require.resolve("socket.io-v2/package.json"))("socket.io-parser"),
  msgpack: require("socket.io-msgpack-parser"),
};
const KINDS = ["C", "D", "E", "A", "X", "E", "A"];
const NAMED = { C: "CONNECT", D: "DISCONNECT", E: "EVENT", A: "ACK", X: "CONNECT_ERROR" };

const isBinary = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/* ---- values ---- */

/** The same value with binary as {"$bin":"<hex>"} and, if asked for, no lone surrogates. */
function plain(value, repair) {
  if (typeof value === "string") {
    return repair ? value.toWellFormed() : value;
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (isBinary(value)) {
    return { $bin: Buffer.from(value).toString("hex") };
  }
  if (Object.prototype.toString.call(value) === "[object Date]") {
    return Number.isNaN(value.getTime()) ? null : value.toISOString();
  }
  if (Array.isArray(value)) {
    return value.map((element) => plain(element, repair));
  }
  const copy = {};
  for (const [key, member] of Object.entries(value)) {
    const name = repair ? key.toWellFormed() : key;
    Object.defineProperty(copy, name, { value: plain(member, repair), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

const text = (value, repair = true) => (value === undefined ? undefined : JSON.stringify(plain(value, repair)));

/* ---- the reference ---- */

/** What decoding the messages gives, one step for each, up to the first error. */
function decode(parser, messages) {
  const steps = [];
  const decoder = new parser.Decoder();
  decoder.on("decoded", (packet) => {
    const { type, nsp, id, data } = packet;
    // The parser of 2.x hands out its errors as packets.
    steps.push(nsp === undefined ? { error: data.replace("parser error: ", "") } : { kind: KINDS[type], nsp, id, data });
  });
  for (const message of messages) {
    const before = steps.length;
    try {
      decoder.add(message);
    } catch (error) {
      steps.push({ error: error.message });
    }
    if (steps.length === before) {
      steps.push({ more: true });
    }
    if (steps.at(-1).error !== undefined) {
      break;
    }
  }
  return steps;
}

/* ---- ours ---- */

/** Fields as steps. */
function stepsOf(fields) {
  const steps = [];
  for (const [letter, value] of fields) {
    const step = steps.at(-1);
    switch (letter) {
      case "m":
        steps.push({ more: true });
        break;
      case "e":
        steps.push({ code: value.toString() });
        break;
      case "E":
        step.error = value.toString();
        break;
      case "p":
        steps.push({ kind: value.toString(), rebuilt: [], passed: [] });
        break;
      case "n":
        step.nsp = value.toString();
        break;
      case "q":
        step.nsp += value.length > 0 ? "?" + value : "";
        break;
      case "i":
        step.id = Number(value.toString());
        break;
      case "r":
        step.raw = value.toString();
        break;
      case "t":
        step.tree = value.toString();
        break;
      case "x":
        step.rebuildError = value.toString();
        break;
      case "y":
        step.passError = value.toString();
        break;
      case "T":
      case "B":
        step.rebuilt.push(value);
        break;
      case "P":
      case "Q":
        step.passed.push(value);
        break;
    }
  }
  return steps;
}

/* ---- comparing ---- */

const verdict = (step) => (step === undefined ? "nothing" : step.more ? "more" : (step.error ?? NAMED[step.kind]));

/** The texts of errors are those of the reference in the form with text only. */
const verdicts = (binary, ...steps) => steps.map((step) => (binary && step?.error !== undefined ? "refused" : verdict(step)));

export class Dialect {
  constructor(name, protocol, parser) {
    Object.assign(this, { name, protocol, parser, binary: name === "msgpack" });
  }

  /** In protocol 4 the query is no part of the namespace. */
  #namespace({ nsp }) {
    return this.protocol === 4 ? nsp.split("?")[0] : nsp;
  }

  #messages(written) {
    return this.binary ? written : [written[0].toString(), ...written.slice(1)];
  }

  /** A packet that we wrote, read by the reference, holds the same; and we write what it writes. */
  *#compareWritten(what, written, error, theirs) {
    if (error !== undefined) {
      yield { what: `${what}: refused`, theirs: text(theirs.data), ours: error, packet: theirs };
      return;
    }
    const steps = decode(this.parser, this.#messages(written));
    const again = steps.at(-1);
    const repair = what === "rebuilt";
    const same = verdict(again) === NAMED[theirs.kind] && again.nsp === this.#namespace(theirs) && again.id === theirs.id && text(again.data, repair) === text(theirs.data, repair);
    if (!same) {
      yield { what, theirs: text(theirs.data), ours: `${verdict(again)} ${again.nsp} ${again.id} ${text(again.data)}`, packet: theirs };
    }
  }

  *#compareBytes(written, theirs) {
    const type = NAMED[theirs.kind] === "ACK" ? 3 : 2;
    const [reference] = new PARSERS[5].Encoder().encode({ type, nsp: this.#namespace(theirs), id: theirs.id, data: plainStrings(theirs.data) });
    const ours = written[0].toString();
    if (ours !== reference) {
      yield { what: "rebuilt: text", theirs: reference, ours, packet: theirs };
    }
  }

  *#comparePacket(theirs, ours, message) {
    if (theirs.nsp !== ours.nsp) {
      yield { what: "namespace", theirs: theirs.nsp, ours: ours.nsp };
    }
    if (theirs.id !== ours.id) {
      yield { what: "id", theirs: theirs.id, ours: ours.id, text: message };
    }
    if (theirs.kind === "A" && theirs.data === undefined) {
      yield { what: "data of an ack", theirs: "none", ours: "[]" };
      theirs = { ...theirs, data: [] };
    }
    if (ours.kind === "E" || ours.kind === "A") {
      yield* this.#compareWritten("rebuilt", ours.rebuilt, ours.rebuildError, theirs);
      yield* this.#compareWritten("passed on", ours.passed, ours.passError, theirs);
      if (ours.rebuildError === undefined && !this.binary) {
        yield* this.#compareBytes(ours.rebuilt, theirs);
      }
      return;
    }
    const raw = ours.raw === undefined ? undefined : text(JSON.parse(ours.raw), false);
    if (raw !== text(theirs.data, false)) {
      yield { what: "payload", theirs: text(theirs.data), ours: ours.raw, text: message };
    }
    if (ours.rebuildError !== undefined) {
      yield { what: "rebuilt: refused", theirs: text(theirs.data), ours: ours.rebuildError, packet: theirs };
    } else if (ours.tree !== undefined && text(JSON.parse(ours.tree)) !== text(theirs.data)) {
      yield { what: "payload's tree", theirs: text(theirs.data), ours: ours.tree, text: message };
    }
  }

  *compare(input, theirs, fields) {
    const ours = stepsOf(fields);
    for (let i = 0; i < Math.max(theirs.length, ours.length); i++) {
      const message = input.messages.slice(0, i + 1).findLast((candidate) => typeof candidate === "string");
      const [a, b] = verdicts(this.binary, theirs[i], ours[i]);
      if (a !== b) {
        yield { what: "verdict", theirs: a, ours: b, code: ours[i]?.code, text: message, packet: theirs[i] };
        return;
      }
      if (ours[i].kind !== undefined) {
        yield* this.#comparePacket(theirs[i], ours[i], message);
      }
    }
  }

  /** Those in this form: text, or MessagePack in one binary message. */
  examples(list) {
    return list.filter(({ messages }) => (typeof messages[0] === "string") !== this.binary);
  }

  reference(input) {
    return decode(this.parser, input.messages);
  }

  framed(input) {
    const parts = [Buffer.of(this.protocol)];
    for (const message of input.messages) {
      const bytes = Buffer.from(message);
      const head = Buffer.alloc(5);
      head[0] = typeof message === "string" ? 0 : 1;
      head.writeUInt32LE(bytes.length, 1);
      parts.push(head, bytes);
    }
    return Buffer.concat(parts);
  }

  shown(input) {
    return input.messages.map((message) => (typeof message === "string" ? JSON.stringify(message) : `<${message.toString("hex")}>`)).join(" ");
  }

  smaller({ messages }) {
    const out = messages.map((_, i) => messages.toSpliced(i, 1));
    messages.forEach((message, i) => {
      for (const shorter of smallerBytes(message)) {
        out.push(messages.toSpliced(i, 1, typeof shorter === "string" ? shorter.toWellFormed() : shorter));
      }
    });
    return out.map((list) => ({ messages: list }));
  }
}

/** The value as a tree holds it: the reference would write lone surrogates as escapes. */
function plainStrings(value) {
  if (typeof value === "string") {
    return value.toWellFormed();
  }
  if (value === null || typeof value !== "object" || isBinary(value)) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(plainStrings);
  }
  const copy = {};
  for (const [key, member] of Object.entries(value)) {
    Object.defineProperty(copy, key.toWellFormed(), { value: plainStrings(member), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}
