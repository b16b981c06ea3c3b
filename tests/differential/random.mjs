// Numbers that follow from a seed: the same input comes of the same seed and index on any machine.

export class Random {
  #state;

  constructor(seed, index = 0) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
    this.next();
    this.next();
  }

  /** 32 bits (the generator is known as mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 to n - 1. */
  below(n) {
    return Math.floor((this.next() / 4294967296) * n);
  }

  /** True once in n times. */
  oneIn(n) {
    return this.below(n) === 0;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Small numbers are the commonest, some are as large as `most`. */
  size(most) {
    return this.oneIn(8) ? this.below(most + 1) : this.below(Math.min(most, 4) + 1);
  }

  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.next() & 255));
  }

  digits(length) {
    return Array.from({ length }, () => this.below(10)).join("");
  }

  /** What `make` gives, `count` times. */
  list(count, make) {
    return Array.from({ length: count }, () => make(this));
  }
}

/** A few changes to a text or to bytes; `words` are put in or in the place of something. */
export function mutated(random, input, words) {
  let out = input;
  const cut = (from, to) => out.slice(from, to);
  const joined = typeof input === "string" ? (...parts) => parts.join("") : (...parts) => Buffer.concat(parts);
  for (let left = 1 + random.size(6); left > 0; left--) {
    const at = random.below(out.length + 1);
    const end = Math.min(out.length, at + random.size(12));
    const other = random.below(out.length + 1);
    switch (random.below(6)) {
      case 0:
        out = joined(cut(0, at), cut(end));
        break;
      case 1:
        out = joined(cut(0, at), random.pick(words), cut(at));
        break;
      case 2:
        out = joined(cut(0, at), random.pick(words), cut(end));
        break;
      case 3:
        out = joined(cut(0, end), cut(at));
        break;
      case 4:
        out = joined(cut(0, other), cut(at, end), cut(other));
        break;
      default:
        out = random.oneIn(4) ? cut(0, at) : joined(cut(0, at), random.pick(words), cut(Math.min(out.length, at + 1)));
    }
  }
  return out;
}
