// The three events of the bench server (see README.md).
export function serve(io) {
    io.on('connection', (socket) => {
        socket.on('echo', (...args) => socket.emit('echo', ...args));
        socket.on('ack', (...args) => args.pop()(...args));
        socket.on('bcast', (...args) => io.emit('bcast', ...args));
    });
}
