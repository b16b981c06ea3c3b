// Feeds inputs to our codecs and to the reference, compares, and reports in TAP. Whatever differs must
// be one of the differences listed in differences.mjs; each of those must be met, if only by its own
// example. A failing input is shrunk before it is printed, with the seed and index that made it.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isOnPage } from "./page.mjs";
import { Random } from "./random.mjs";

const BATCH = 2000;
const MOST_FAILURES = 5;
const SHRINK_ROUNDS = 200;

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    at: { type: "string" }, // one index only
    only: { type: "string" }, // one subject only
  },
});

const PROGRAM = join(process.env.MESON_BUILD_ROOT ?? "build", "tests", "differential", "differential-codecs");

/* ---- our side ---- */

function fieldsOf(answer) {
  const fields = [];
  for (let at = 0; at < answer.length; ) {
    const length = answer.readUInt32LE(at + 1);
    fields.push([String.fromCharCode(answer[at]), answer.subarray(at + 5, at + 5 + length)]);
    at += 5 + length;
  }
  return fields;
}

class Codec {
  #waiting = [];
  #pieces = [];
  #have = 0;
  #ended = false;

  constructor(name) {
    const command = [...(process.env.SIO_WRAPPER ?? "").split(" ").filter(Boolean), PROGRAM, name];
    this.child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    this.child.stdout.on("data", (piece) => {
      this.#pieces.push(piece);
      this.#have += piece.length;
      this.#waiting[0]?.look();
    });
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => resolve(error.message));
      this.child.on("close", (code, signal) => resolve(signal ?? code));
    }).then((status) => {
      this.#ended = true;
      this.#waiting.forEach((waiting) => waiting.fail(new Error(`our codecs ended with ${status}`)));
      return status;
    });
  }

  /** The answers to a batch of inputs. The empty input behind them makes the program write. */
  async answers(inputs) {
    const framed = [...inputs, Buffer.alloc(0)].flatMap((input) => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(input.length);
      return [head, input];
    });
    const answers = [];
    await new Promise((resolve, reject) => {
      const look = () => {
        const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
        let at = 0;
        while (bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readUInt32LE(at)) {
          const end = at + 4 + bytes.readUInt32LE(at);
          answers.push(fieldsOf(bytes.subarray(at + 4, end)));
          at = end;
        }
        this.#pieces = [bytes.subarray(at)];
        if (answers.length > inputs.length) {
          this.#waiting.shift();
          resolve();
        }
      };
      this.#waiting.push({ look, fail: reject });
      if (this.#ended) {
        reject(new Error("our codecs have ended"));
      }
      this.child.stdin.write(Buffer.concat(framed));
    });
    return answers.slice(0, inputs.length);
  }

  async end() {
    this.child.stdin.end();
    return this.exited;
  }
}

/* ---- comparing ---- */

class Run {
  constructor(subject, differences, codec) {
    this.subject = subject;
    this.differences = differences.filter((difference) => difference.subjects.includes(subject.name));
    this.codec = codec;
    this.met = new Map(this.differences.map(({ name }) => [name, 0]));
  }

  /** For each input: what differs without being listed, and the names of what is listed. */
  async compare(inputs) {
    const references = this.subject.references
      ? await this.subject.references(inputs)
      : inputs.map((input) => this.subject.reference(input));
    const answers = await this.codec.answers(inputs.map((input) => this.subject.framed(input)));
    return inputs.map((input, i) => {
      const listed = [];
      const unlisted = [];
      for (const mismatch of this.subject.compare(input, references[i], answers[i])) {
        const known = this.differences.find(({ explains }) => explains(mismatch, input));
        if (known) {
          listed.push(known.name);
        } else {
          unlisted.push(mismatch);
        }
      }
      return { listed, unlisted };
    });
  }

  /** A smaller input that still differs in the same way, and how. */
  async shrunk(input, unlisted) {
    const kind = ({ what, theirs, ours }) => (what === "verdict" ? [what, theirs, ours].join() : what);
    const wanted = kind(unlisted[0]);
    for (let round = 0; round < SHRINK_ROUNDS; round++) {
      const candidates = this.subject.smaller(input).slice(0, BATCH);
      const results = await this.compare(candidates);
      const found = results.findIndex((result) => result.unlisted.some((mismatch) => kind(mismatch) === wanted));
      if (found < 0) {
        break;
      }
      input = candidates[found];
      unlisted = results[found].unlisted;
    }
    return { input, unlisted };
  }
}

/** What a buffer or text becomes with a part left out: large parts first. */
export function smallerBytes(input) {
  const out = [];
  for (let size = input.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < input.length && out.length < BATCH; at += size) {
      const [front, back] = [input.slice(0, at), input.slice(at + size)];
      out.push(typeof input === "string" ? front + back : Buffer.concat([front, back]));
    }
  }
  return out;
}

/** A subject whose inputs are buffers that our program gets as they are, under the subject's name. */
export const ofBytes = (subject) => ({
  codec: subject.name,
  framed: (input) => input,
  shown: (input) => JSON.stringify(input.toString("latin1")),
  smaller: smallerBytes,
  ...subject,
});

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text, or undefined where it is not UTF-8. */
export function utf8(input) {
  try {
    return strict.decode(input);
  } catch {
    return undefined;
  }
}

let number = 0;
let failures = 0;

function report(good, name, details = []) {
  number++;
  failures += good ? 0 : 1;
  console.log(`${good ? "" : "not "}ok ${number} - ${name}`);
  details.forEach((line) => console.log("# " + line));
}

async function examples(run) {
  for (const difference of run.differences) {
    const inputs = run.subject.examples?.(difference.examples) ?? difference.examples;
    const results = await run.compare(inputs);
    const wrong = results.findIndex(({ listed, unlisted }) => unlisted.length > 0 || !listed.includes(difference.name));
    const details = [];
    if (wrong >= 0) {
      details.push("stale: this example does not show the difference, or shows others", ...described(run.subject, inputs[wrong], results[wrong].unlisted));
    }
    const documented = isOnPage(difference);
    if (!documented) {
      details.push("docs/internals/differences.md does not have it like this: node tests/differential/page.mjs");
    }
    if (inputs.length === 0) {
      details.push("it has no example for this");
    }
    report(wrong < 0 && documented && inputs.length > 0, `${run.subject.name}: difference: ${difference.name}`, details);
  }
}

function described(subject, input, unlisted) {
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value)) ?? "undefined";
  return [
    `input ${subject.shown(input)}`,
    ...unlisted.map(({ what, theirs, ours }) => `${what}: reference ${text(theirs).slice(0, 400)} | ours ${text(ours).slice(0, 400)}`),
  ];
}

async function generated(run, seed, first, count) {
  const details = [];
  let failed = 0;
  for (let index = first; index < first + count; index += BATCH) {
    const inputs = Array.from({ length: Math.min(BATCH, first + count - index) }, (_, i) =>
      run.subject.generate(new Random(seed, index + i), index + i),
    );
    const results = await run.compare(inputs);
    for (const [i, { listed, unlisted }] of results.entries()) {
      new Set(listed).forEach((name) => run.met.set(name, run.met.get(name) + 1));
      if (unlisted.length > 0 && ++failed <= MOST_FAILURES) {
        const small = await run.shrunk(inputs[i], unlisted);
        details.push(`--only ${run.subject.name} --seed ${seed} --at ${index + i}`, ...described(run.subject, small.input, small.unlisted));
      }
    }
  }
  if (failed > MOST_FAILURES) {
    details.push(`${failed} in all`);
  }
  report(failed === 0, `${run.subject.name}: ${count} inputs of seed ${seed} give the same`, details);
  run.met.forEach((times, name) => console.log(`# met ${times} times: ${name}`));
}

/**
 * Run subjects one after the other.
 *
 * A subject has a `name`, the `codec` of our program, `generate(random)` that makes an input,
 * `framed(input)` for our program, `reference(input)` (or `references(inputs)`, a promise),
 * `compare(input, reference, fields)` that gives the mismatches, `smaller(input)` and `shown(input)`.
 */
export async function main(subjects, differences) {
  const seed = Number(options.seed);
  const at = options.at === undefined ? undefined : Number(options.at);
  for (const subject of subjects.filter(({ name }) => (options.only ?? name) === name)) {
    const codec = new Codec(subject.codec);
    try {
      const run = new Run(subject, differences, codec);
      await examples(run);
      const share = Math.ceil(Number(options.count) * (subject.share ?? 1));
      await generated(run, seed, at ?? 0, at === undefined ? share : 1);
    } catch (error) {
      report(false, `${subject.name}: runs to its end`, error.stack.split("\n"));
    }
    const status = await codec.end();
    report(status === 0, `${subject.name}: our program ends well`, [`status ${status}`]);
  }
  console.log(`1..${number}`);
  process.exitCode = failures === 0 ? 0 : 1;
}
