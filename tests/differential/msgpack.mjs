// A strict reader of MessagePack that says what is wrong, for the predicates of differences.mjs.

const strict = new TextDecoder("utf-8", { fatal: true });

class Fault extends Error {}

class Reader {
  at = 0;
  found = new Set();

  constructor(bytes) {
    this.bytes = bytes;
  }

  take(length) {
    if (this.at + length > this.bytes.length) {
      throw new Fault("cut");
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  uint(size) {
    return Number(this.take(size).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n));
  }

  text(length) {
    try {
      strict.decode(this.take(length));
    } catch (error) {
      throw error instanceof Fault ? error : new Fault("UTF-8");
    }
    return "string";
  }

  many(count) {
    for (let left = count; left > 0; left--) {
      this.value();
    }
    return "array";
  }

  map(count) {
    for (let left = count; left > 0; left--) {
      const key = this.value();
      if (key !== "string" && key !== "integer") {
        throw new Fault("key");
      }
      this.value();
    }
    return "map";
  }

  /** What notepack.io writes: bytes (type 0), undefined (fixext 1), dates (fixext 8, or type -1). */
  extension(length, fixed) {
    const type = this.take(1)[0];
    this.take(length);
    const known = (type === 0 && (!fixed || length === 1 || length === 8)) || (type === 255 && [4, 8, 12].includes(length));
    if (!known) {
      throw new Fault("extension");
    }
    this.found.add(type === 255 ? "timestamp" : fixed && length === 8 ? "date" : "bytes");
    return "extension";
  }

  value() {
    const first = this.take(1)[0];
    if (first < 0x80 || first > 0xdf) {
      return "integer";
    }
    if (first < 0xc0) {
      return first < 0x90 ? this.map(first & 15) : first < 0xa0 ? this.many(first & 15) : this.text(first & 31);
    }
    const width = (base) => 2 ** (first - base);
    switch (first) {
      case 0xc1:
        throw new Fault("no such byte");
      case 0xc4:
      case 0xc5:
      case 0xc6:
        this.take(this.uint(width(0xc4)));
        return "bytes";
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.uint(width(0xc7)), false);
      case 0xca:
      case 0xcb:
        this.take(first === 0xca ? 4 : 8);
        return "float";
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        this.take(width(0xcc));
        return "integer";
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        this.take(width(0xd0));
        return "integer";
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(width(0xd4), true);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.uint(width(0xd9)));
      case 0xdc:
      case 0xdd:
        return this.many(this.uint(width(0xdc) * 2));
      case 0xde:
      case 0xdf:
        return this.map(this.uint(width(0xde) * 2));
      default:
        return "literal";
    }
  }
}

/** The first fault of a message ("cut", "UTF-8", "key", "extension"), and what it holds of extensions. */
export function examined(bytes) {
  const reader = new Reader(bytes);
  try {
    reader.value();
    return { fault: reader.at < bytes.length ? "trailing" : undefined, found: reader.found };
  } catch (error) {
    if (!(error instanceof Fault)) {
      throw error;
    }
    return { fault: error.message, found: reader.found };
  }
}
