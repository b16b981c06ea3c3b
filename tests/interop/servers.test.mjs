// interop-client against every server: socket.io 4.x, 3.x and 2.x, interop-server, and
// python3-socketio of Debian. One scenario, the tour, over each way to use the transports, with and
// without TLS, and with msgpack where the server has it.
import {
  assert,
  certificate,
  listening,
  MODES,
  runAll,
  start,
  startPython,
  startReference,
  startServer,
  test,
  within,
} from "./support.mjs";

const LIMIT = ["--max-payload", "10000000"];

function javaScript(version) {
  return (t, args) => {
    const all = ["--socket.io", version, ...LIMIT, ...args];
    return listening(t, startReference(t, "server", all), all);
  };
}

const SERVERS = [
  { name: "interop-server", run: (t, args) => startServer(t, ...LIMIT, ...args) },
  { name: "socket.io 4.x", run: javaScript("4") },
  { name: "socket.io 3.x", run: javaScript("3") },
  // The parser speaks revision 5 of the protocol, 2.x revision 4.
  {
    name: "python3-socketio",
    run: (t, args) => listening(t, startPython(t, "python_server.py", args), args),
    // It ends a namespace with null in the packet, where the JavaScript parser allows nothing.
    msgpack: false,
  },
  { name: "socket.io 2.x", run: javaScript("2"), env: { SIO_EIO: "3" }, msgpack: false },
];

async function tour(t, { run, env }, mode, { tls, packed }) {
  const files = tls ? certificate(t) : undefined;
  const server = await run(t, [
    ...(tls ? ["--tls-cert", files.cert, "--tls-key", files.key] : []),
    ...(packed ? ["--msgpack"] : []),
  ]);
  const program = start(t, "client", ["tour", server.url, mode.name], {
    ...env,
    ...(tls && { SIO_CA: files.cert }),
    ...(packed && { SIO_PARSER: "msgpack" }),
  });
  assert.equal(await within(program.ended, "the tour"), 0, "status of the client");
}

for (const server of SERVERS) {
  for (const mode of MODES) {
    for (const tls of server.tls === false ? [false] : [false, true]) {
      for (const packed of server.msgpack === false ? [false] : [false, true]) {
        const where = `${tls ? ", TLS" : ""}${packed ? ", msgpack" : ""}`;
        test(`${server.name}: ${mode.name}${where}`, (t) =>
          tour(t, server, mode, { tls, packed }));
      }
    }
  }
}

await runAll();
