// The bench server on Socket.IO with Bun's own engine: PORT=3000 bun bun.mjs
import { Server as Engine } from '@socket.io/bun-engine';
import { Server } from 'socket.io';
import { serve } from './serve.mjs';

const io = new Server();
const engine = new Engine({ path: '/socket.io/' });
io.bind(engine);
serve(io);
const server = Bun.serve({
    port: Number(process.env.PORT ?? 0),
    hostname: '127.0.0.1',
    idleTimeout: 60,
    ...engine.handler(),
});
console.log(`listening on ${server.port}`);
