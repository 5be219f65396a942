// A socket.io server with its defaults, as an endpoint: says its port, and to each client its release.
const { createServer } = require('node:http');
const { Server } = require(`${process.argv[2]}/node_modules/socket.io`);

const release = process.argv[3];
const server = createServer((request, answer) => answer.end(release));
const io = new Server(server, { cors: { origin: true, credentials: true } });
io.on('connection', (socket) => socket.on('release', (answer) => answer(release)));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
// The end of whoever started it is its own.
process.stdin.on('end', () => process.exit()).resume();
