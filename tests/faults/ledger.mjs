// The ledgers of crowd.c and server.c in JavaScript: a client against our server, and a server that
// our clients can be compared with.
import { createServer } from "node:http";
import { assert, within } from "../interop/support.mjs";
import { Server, eventually, io } from "./support.mjs";

const EVENTS = 1024;
const SLOTS = 65536;

class Ledger {
  bits = Buffer.alloc(EVENTS / 8);
  count = 0;
  wrong = 0;

  has(n) {
    return ((this.bits[n >> 3] >> (n & 7)) & 1) === 1;
  }

  mark(n) {
    if (this.has(n)) {
      this.wrong++;
    } else {
      this.bits[n >> 3] |= 1 << (n & 7);
      this.count++;
    }
  }
}

// How many of the events in `part` are not in `whole`.
function lacks(whole, part) {
  let lacking = 0;
  for (let n = 0; n < EVENTS; n++) {
    lacking += ((part[n >> 3] & ~whole[n >> 3]) >> (n & 7)) & 1;
  }
  return lacking;
}

const count = (bits) => EVENTS - lacks(bits, Buffer.alloc(EVENTS / 8, 255));

let generations = 0;

// A client of the original that sends numbered events and gets some.
export class Member {
  disconnects = 0;
  emitted = 0;
  #ended = 0;
  #acked = new Ledger();
  #received = new Ledger();
  #timer;

  constructor(t, url, options, everyMs) {
    this.generation = ++generations;
    this.slot = SLOTS - 1 - (this.generation % 1000);
    this.socket = io(url, {
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 1000,
      timeout: 6000,
      rejectUnauthorized: false,
      ...options,
    });
    this.socket.on("connect", () => this.socket.emit("enter", this.slot, this.generation));
    this.socket.on("disconnect", (reason) => {
      this.disconnects += reason === "io client disconnect" ? 0 : 1;
    });
    this.socket.on("down", (generation, n, ack) => {
      assert.equal(generation, this.generation);
      this.#received.mark(n);
      ack();
    });
    this.#timer = setInterval(() => this.#put(), everyMs);
    t.after(async () => {
      clearInterval(this.#timer);
      this.socket.disconnect();
    });
  }

  #put() {
    if (this.emitted === EVENTS) {
      return;
    }
    const n = this.emitted++;
    this.socket.timeout(4000).emit("put", this.slot, this.generation, n, (error) => {
      this.#ended++;
      if (error === null) {
        this.#acked.mark(n);
      }
    });
  }

  // Compares with the server, and leaves. Gives the number of acknowledged events.
  async finish() {
    clearInterval(this.#timer);
    await eventually(() => this.#ended === this.emitted, "the last answers", 60000);
    let answer;
    const asked = async () => {
      while (answer === undefined) {
        answer = await this.#tally().catch(() => undefined);
      }
    };
    await within(asked(), "the tally", 90000);
    const [received, wrong, acked, sent] = answer;
    const found = {
      lost: [lacks(received, this.#acked.bits), lacks(this.#received.bits, acked)],
      wrong: [wrong, this.#received.wrong],
    };
    if (this.disconnects === 0) {
      // What was told to have failed may have come or not.
      const failed = this.emitted - this.#acked.count;
      found.lost[0] += Math.max(0, this.emitted - count(received) - failed);
      found.lost[1] += sent - this.#received.count;
    }
    assert.deepEqual(found, { lost: [0, 0], wrong: [0, 0] }, `client ${this.generation}`);
    this.socket.disconnect();
    return this.#acked.count;
  }

  #tally() {
    return new Promise((resolve, reject) => {
      const answered = (error, ...answer) => (error ? reject(error) : resolve(answer));
      this.socket.timeout(8000).emit("tally", this.slot, this.generation, answered);
    });
  }
}

// What server.c is, over the original.
export async function startLedgerServer(t, options, downMs) {
  const http = createServer();
  const server = new Server(http, { serveClient: false, ...options });
  const slots = new Map();
  const [connects, disconnects] = [[], []];
  const slotOf = (number, generation) => {
    let slot = slots.get(number);
    if (slot === undefined || generation > slot.generation) {
      slot = { generation, received: new Ledger(), acked: new Ledger(), next: 0 };
      slots.set(number, slot);
    }
    return generation === slot.generation ? slot : undefined;
  };
  server.on("connection", (socket) => {
    let entered;
    let last = -1;
    connects.push(socket.id);
    const pour = () => {
      if (entered !== undefined && entered === slots.get(entered.number) && entered.next < EVENTS) {
        const [slot, n] = [entered, entered.next++];
        const acked = (error) => error === null && slot.acked.mark(n);
        socket.timeout(5000).emit("down", slot.generation, n, acked);
      }
    };
    const timer = setInterval(pour, downMs);
    socket.on("disconnect", () => {
      clearInterval(timer);
      disconnects.push(socket.id);
    });
    socket.on("enter", (number, generation, ack) => {
      entered = slotOf(number, generation);
      entered.number = number;
      ack?.(true);
    });
    socket.on("put", (number, generation, n, _padding, ack) => {
      const slot = slotOf(number, generation);
      slot.received.mark(n);
      slot.received.wrong += n < last ? 1 : 0;
      last = n;
      ack(n);
    });
    socket.on("tally", (number, generation, ack) => {
      const { received, acked, next } = slotOf(number, generation);
      entered = undefined;
      ack(received.bits, received.wrong, acked.bits, next);
    });
  });
  await within(new Promise((resolve) => http.listen(0, "127.0.0.1", resolve)), "the server");
  t.after(async () => {
    server.disconnectSockets(true);
    server.close();
    http.closeAllConnections();
  });
  return { port: http.address().port, connects, disconnects };
}
