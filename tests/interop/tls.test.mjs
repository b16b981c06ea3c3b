// The JavaScript client over TLS: who is let in with which certificate, and what the server learns.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io } from "socket.io-client";
import * as support from "./support.mjs";

const { assert, call, next, runAll, same, startServer, testEachMode } = support;

const KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";

// An authority, what it has signed for the server and for a client, the latter also as PKCS #12,
// and a client's certificate that it has not signed.
function certificates(t) {
  const dir = mkdtempSync(join(tmpdir(), "sio-tls-"));
  t.after(async () => rmSync(dir, { recursive: true }));
  const path = (name) => join(dir, name);
  const openssl = (line, ...more) =>
    execFileSync("openssl", [...line.split(/\s+/), ...more], { cwd: dir, stdio: "ignore" });
  openssl(`req -x509 ${KEY} -subj /CN=authority -keyout ca.key -out ca.pem`);
  const signed = `req -x509 -CA ca.pem -CAkey ca.key ${KEY}`;
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  openssl(`${signed} -subj /CN=localhost -keyout server.key -out server.pem`, ...names);
  openssl(`${signed} -keyout client.key -out client.pem -subj`, "/O=Example, Inc./CN=client");
  openssl(`req -x509 ${KEY} -subj /CN=stranger -keyout stranger.key -out stranger.pem`);
  openssl("pkcs12 -export -in client.pem -inkey client.key -out client.p12 -passout pass:secret");
  const read = (name) => readFileSync(path(name));
  return {
    server: ["--tls-cert", path("server.pem"), "--tls-key", path("server.key")],
    authority: ["--tls-client-ca", path("ca.pem")],
    ca: read("ca.pem"),
    client: { cert: read("client.pem"), key: read("client.key") },
    stranger: { cert: read("stranger.pem"), key: read("stranger.key") },
    box: { pfx: read("client.p12"), passphrase: "secret" },
  };
}

function open(t, server, mode, options) {
  const socket = io(server.url, {
    forceNew: true,
    reconnection: false,
    transports: mode.transports,
    ...options,
  });
  t.after(async () => socket.disconnect());
  return socket;
}

async function expectIn(t, server, mode, options, subject) {
  const socket = open(t, server, mode, options);
  const refused = new Promise((_, reject) => socket.once("connect_error", reject));
  refused.catch(() => {});
  await Promise.race([next(socket, "connect"), refused]);
  if (socket.io.engine.transport.name !== mode.transports.at(-1)) {
    await next(socket.io.engine, "upgrade");
  }
  same(await call(socket, "certificate"), [subject, subject !== ""]);
  same(await call(socket, "echo", "over TLS"), ["over TLS"]);
}

async function expectOut(t, server, mode, options) {
  const socket = open(t, server, mode, options);
  const connected = next(socket, "connect").then(() => assert.fail("was let in"));
  connected.catch(() => {});
  await Promise.race([next(socket, "connect_error"), connected]);
}

const SUBJECT = "CN=client,O=Example\\, Inc.";

// E88
testEachMode("a certificate of the client's is demanded", async (t, mode) => {
  const { authority, ca, client, server: files, stranger } = certificates(t);
  const server = await startServer(t, ...files, ...authority);
  await expectIn(t, server, mode, { ca, ...client }, SUBJECT);
  await expectOut(t, server, mode, { ca });
  await expectOut(t, server, mode, { ca, ...stranger });
  await expectIn(t, server, mode, { ca, ...client }, SUBJECT);
});

// E89
testEachMode("the authority vouches for the server alone", async (t, mode) => {
  const { ca, client, server: files } = certificates(t);
  const server = await startServer(t, ...files);
  await expectIn(t, server, mode, { ca }, "");
  await expectIn(t, server, mode, { ca, ...client }, "");
  await expectOut(t, server, mode, {});
});

// E90
testEachMode("the client's certificate comes from PKCS #12", async (t, mode) => {
  const { authority, box, ca, server: files } = certificates(t);
  const server = await startServer(t, ...files, ...authority);
  await expectIn(t, server, mode, { ca, ...box }, SUBJECT);
});

testEachMode("a certificate of the client's is welcome", async (t, mode) => {
  const { authority, ca, client, server: files, stranger } = certificates(t);
  const server = await startServer(t, ...files, ...authority, "--tls-client-optional");
  await expectIn(t, server, mode, { ca, ...client }, SUBJECT);
  await expectIn(t, server, mode, { ca }, "");
  await expectOut(t, server, mode, { ca, ...stranger });
});

await runAll();
