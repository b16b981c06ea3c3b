// The JavaScript client under the load of ../client.c: the same arguments, the same JSON. Run with
// --expose-gc, so that what is only garbage does not count as memory.
import { readFileSync } from 'node:fs';
import { io } from 'socket.io-client';

const CONNECTING_MAX = 64;
const CLOCK_EVERY = 64;

const set = { mode: process.argv[2], clients: 1, window: 1, payload: 16, seconds: 1.5, warmup: 0 };
const names = { '--port': 'port', '-c': 'clients', '-w': 'window', '-p': 'payload', '-t': 'seconds', '--warmup': 'warmup' };
for (let i = 3; i < process.argv.length; i++) {
    const name = process.argv[i];
    if (name === '--polling') {
        set.polling = true;
    } else if (name === '--ca') {
        set.ca = readFileSync(process.argv[++i]);
    } else if (name in names) {
        set[names[name]] = Number(process.argv[++i]);
    } else {
        console.error(`unknown argument ${name}`);
        process.exit(2);
    }
}

const peers = [];
const tail = 'x'.repeat(Math.max(0, set.payload - 16));
let connected = 0;
let events = 0;
let base;
let warmAt;
let begun;
let over = false;

const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const cpuMicros = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
};
const rssKib = () => Math.round(process.memoryUsage.rss() / 1024);
const collect = () => {
    for (let i = 0; i < 4; i++) globalThis.gc?.();
};

function end(result) {
    console.log(JSON.stringify(result));
    process.exit(result.ok ? 0 : 1);
}

function fail(why) {
    console.error(`client.mjs: ${why}`);
    end({ ok: false });
}

const hex = (value) => value.toString(16).padStart(8, '0');
const payloadOf = (peer, number) => hex(peer.number) + hex(number) + tail;

function sendOne(peer) {
    peer.socket.emit('echo', payloadOf(peer, peer.sent++));
}

function lookAtClock() {
    const now = seconds();
    if (!begun && now >= warmAt) {
        begun = { time: now, cpu: cpuMicros(), events };
    } else if (begun && now >= begun.time + set.seconds) {
        over = true;
        const cpu = cpuMicros() - begun.cpu;
        const count = events - begun.events;
        const time = now - begun.time;
        end({ ok: true, clients: set.clients, events: count, seconds: time, cpu_us: cpu / count, rate: count / time });
    }
}

function onEcho(peer, ...args) {
    if (args.length !== 1 || args[0] !== payloadOf(peer, peer.received++)) {
        fail('an answer is not the one that is due');
    }
    if (++events % CLOCK_EVERY === 0) lookAtClock();
    if (!over) sendOne(peer);
}

function beginEcho() {
    warmAt = seconds() + set.warmup;
    for (const peer of peers) {
        for (let w = 0; w < set.window; w++) sendOne(peer);
    }
}

function reportIdle() {
    collect();
    const full = rssKib();
    end({
        ok: true,
        clients: set.clients,
        rss_base_kib: base,
        rss_kib: full,
        kib_per_client: (full - base) / Math.max(1, set.clients - 1),
    });
}

function onConnect(peer) {
    if (set.mode === 'start') {
        peer.socket.emit('ack', 'first', (answer) => {
            if (answer !== 'first') fail('no acknowledgement');
            console.log('acknowledged');
            process.exit(0);
        });
        return;
    }
    connected++;
    if (connected === 1 && set.clients > 1) {
        collect();
        base = rssKib();
    }
    if (connected === set.clients) {
        if (set.mode === 'echo') beginEcho();
        else setTimeout(reportIdle, 1000);
    }
    while (peers.length < set.clients && peers.length - connected < CONNECTING_MAX) makeOne();
}

function makeOne() {
    const peer = { number: peers.length, sent: 0, received: 0 };
    peer.socket = io(`${set.ca ? 'https' : 'http'}://127.0.0.1:${set.port}`, {
        transports: [set.polling ? 'polling' : 'websocket'],
        forceNew: true,
        ca: set.ca,
    });
    peers.push(peer);
    peer.socket.on('connect', () => onConnect(peer));
    peer.socket.on('connect_error', (error) => fail(error.message));
    peer.socket.on('disconnect', (reason) => fail(reason));
    if (set.mode === 'echo') peer.socket.on('echo', (...args) => onEcho(peer, ...args));
}

collect();
base = rssKib();
makeOne();
