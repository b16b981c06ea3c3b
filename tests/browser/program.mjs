// A program under test: started, spoken to by lines, ended. Nothing here sleeps: whoever waits for a
// line gets it as soon as it is printed, or the reason why it will not come.
import { spawn } from "node:child_process";
import readline from "node:readline";

const wrapper = (process.env.SIO_WRAPPER ?? "").split(" ").filter(Boolean);
const running = new Set();

export class Program {
  #child;
  #lines = [];
  #waiting = new Set();
  #ended = false;

  constructor(path, args) {
    const [command, ...rest] = [...wrapper, path, ...args];
    this.name = path.split("/").pop();
    this.#child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin.on("error", () => {}); // it may be gone before all was read
    running.add(this);
    const output = readline.createInterface({ input: this.#child.stdout });
    output.on("line", (line) => this.#take(line));
    const outputEnd = new Promise((resolve) => output.once("close", resolve));
    const exit = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("exit", (code, signal) => resolve(signal ?? code));
    });
    // Resolves to the exit code, the signal's name or a text, after the last line.
    this.exited = Promise.all([exit, outputEnd]).then(([how]) => {
      running.delete(this);
      this.#finish(how);
      return how;
    });
  }

  #take(line) {
    this.#lines.push(line);
    for (const waiter of this.#waiting) waiter.check();
  }

  #finish(how) {
    this.#ended = true;
    for (const waiter of this.#waiting) waiter.fail(how);
  }

  #find(pattern) {
    for (const line of this.#lines) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    return null;
  }

  // The match of the first line, printed before or from now on.
  printed(pattern, ms = 20000) {
    return new Promise((resolve, reject) => {
      const waiter = {
        check: () => {
          const match = this.#find(pattern);
          if (match) stop(() => resolve(match));
        },
        fail: (why) => stop(() => reject(new Error(
          `${this.name}: ${why}, no line like ${pattern} in:\n${this.#lines.join("\n")}`))),
      };
      const timer = setTimeout(() => waiter.fail("timeout"), ms);
      const stop = (then) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        then();
      };
      this.#waiting.add(waiter);
      waiter.check();
      if (this.#ended) waiter.fail("ended");
    });
  }

  write(line) {
    this.#child.stdin.write(line + "\n");
  }

  end(line) {
    this.#child.stdin.end(line === undefined ? "" : line + "\n");
  }

  kill(signal) {
    this.#child.kill(signal);
    return this.exited;
  }

  static killAll() {
    return Promise.all([...running].map((program) => program.kill("SIGKILL")));
  }
}
