// The server of restart.test.mjs that is killed: Socket.IO on the Unix socket that it is given.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
new Server(http, { serveClient: false });
http.listen(process.argv[2]);
