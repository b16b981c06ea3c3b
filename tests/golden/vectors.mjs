// What every file of cases needs: the text format of the vectors, and logs of what the JavaScript
// parsers do in that format.
import { Buffer } from "node:buffer";

/** Bytes or a string as one line: printable ASCII stands for itself, the rest as \xHH. */
export function escaped(value, spaces = true) {
  let out = "";
  for (const byte of Buffer.from(value)) {
    if (byte === 0x5c) {
      out += "\\\\";
    } else if (byte < (spaces ? 0x20 : 0x21) || byte > 0x7e) {
      out += "\\x" + byte.toString(16).padStart(2, "0");
    } else {
      out += String.fromCharCode(byte);
    }
  }
  return out;
}

export const isBinary = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/** `text ...` or `hex ...`. White space at the end of a line would be lost on the way. */
export function datum(value) {
  if (isBinary(value)) {
    return ("hex " + Buffer.from(value).toString("hex")).trimEnd();
  }
  return ("text " + escaped(value).replace(/ $/, "\\x20")).trimEnd();
}

/** A value as JSON; binary in it as {"$bin":"<hex>"}. */
export function jsonWithBinary(value) {
  const plain = (node) => {
    if (isBinary(node)) {
      return { $bin: Buffer.from(node).toString("hex") };
    }
    if (Array.isArray(node)) {
      return node.map((element) => plain(element));
    }
    if (node && typeof node === "object" && !(node instanceof Date)) {
      return Object.fromEntries(Object.entries(node).map(([key, member]) => [key, plain(member)]));
    }
    return node;
  };
  return escaped(JSON.stringify(plain(value)) ?? "undefined");
}

/** The reverse, as the input of an encoder. */
export function parseWithBinary(text) {
  return JSON.parse(text, (key, value) =>
    value && typeof value.$bin === "string" ? Buffer.from(value.$bin, "hex") : value,
  );
}

const EVENT_NAMES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"];

/** One line for a decoded Socket.IO packet. */
export function logPacket(packet) {
  if (packet.nsp === undefined) {
    return "error packet " + packet.data; // socket.io-parser 3: instead of an exception
  }
  const id = packet.id === undefined ? "-" : packet.id;
  let line = `${EVENT_NAMES[packet.type]} ${escaped(packet.nsp, false)} ${id}`;
  if (EVENT_NAMES[packet.type] === "event" && packet.data !== undefined) {
    const [name, ...args] = packet.data;
    line += ` ${jsonWithBinary(name)} ${jsonWithBinary(args)}`;
  } else if (packet.data !== undefined) {
    line += ` ${jsonWithBinary(packet.data)}`;
  }
  return line;
}

/** A file of vectors, and the checks on what is put into it. */
export class Vectors {
  constructor(about) {
    this.blocks = ["# " + about + "\n# Written by generate.mjs; README.md explains the format.\n"];
    this.names = new Set();
  }

  /**
   * @param name unique within the file
   * @param lines [key, value] pairs that describe the case
   * @param js the log of the reference
   * @param ours the log that libsio gives instead, where it differs on purpose
   * @param why the reason for that
   */
  add(name, lines, js, ours, why) {
    if (this.names.has(name)) {
      throw new Error(`two cases are called "${name}"`);
    }
    this.names.add(name);
    const block = [`case: ${name}`, ...lines.map(([key, value]) => `${key}: ${value}`.trimEnd())];
    if (ours === undefined) {
      block.push(...js.map((line) => `out: ${line}`));
    } else {
      if (!why || ours.join("\n") === js.join("\n")) {
        throw new Error(`case "${name}": a difference needs to be one, and needs a reason`);
      }
      block.push(...js.map((line) => `js: ${line}`), ...ours.map((line) => `c: ${line}`));
      block.push(`why: ${why}`);
    }
    this.blocks.push(block.join("\n") + "\n");
  }

  toString() {
    return this.blocks.join("\n");
  }
}
