// The bench server on Socket.IO for Node.js, with ws:
//     PORT=3000 node node.mjs [--tls CERT KEY] [--deflate]
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Server } from 'socket.io';
import { serve } from './serve.mjs';

const tls = process.argv.indexOf('--tls');
const http =
    tls < 0
        ? createServer()
        : createTlsServer({
              cert: readFileSync(process.argv[tls + 1]),
              key: readFileSync(process.argv[tls + 2]),
          });
// As our server has it: messages from 1 KiB on, each by itself.
const perMessageDeflate = process.argv.includes('--deflate') && {
    threshold: 1024,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
};
const io = new Server(http, { serveClient: false, perMessageDeflate });
serve(io);
http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    console.log(`listening on ${http.address().port}`);
});
