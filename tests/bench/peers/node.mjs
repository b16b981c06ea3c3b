// The bench server on Socket.IO for Node.js, with ws: PORT=3000 node node.mjs
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve } from './serve.mjs';

const http = createServer();
const io = new Server(http, { serveClient: false });
serve(io);
http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    console.log(`listening on ${http.address().port}`);
});
