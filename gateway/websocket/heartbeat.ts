import type { WebSocket, WebSocketServer } from 'ws';

/**
 * Pings every client on an interval, and disconnects those that did not answer the last ping: their network
 * is gone, or they do not read. Returns a function that stops it.
 */
export function disconnectUnresponsive(server: WebSocketServer, intervalMs: number): () => void {
  const asked = new WeakSet<WebSocket>();
  server.on('connection', (socket) => socket.on('pong', () => asked.delete(socket)));
  const timer = setInterval(() => {
    for (const socket of server.clients) {
      if (asked.has(socket)) {
        socket.terminate();
        continue;
      }
      asked.add(socket);
      socket.ping();
    }
  }, intervalMs);
  return () => clearInterval(timer);
}
