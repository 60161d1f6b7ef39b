import type { WebSocket } from 'ws';
import type { KeyDirectory } from '../../infrastructure/kubernetes/keys';
import { Counts } from '../../infrastructure/counts';
import { CLOSE } from '../limits';
import type { Access } from './access';
import type { Principal } from './principal';

/** How often to check whether a key or a login has expired, in milliseconds. */
const EXPIRY_CHECK_MS = 1_000;

/** The open connections: counts them by key, and closes those that are no longer allowed. */
export interface ConnectionRegistry {
  add(socket: WebSocket, principal: Principal): void;
  /** How many connections a key has open. */
  count(keyId: string): number;
  stop(): void;
}

/** Closes a connection when its key is revoked, and within a second of the end of its key or login. */
export function createConnectionRegistry(access: Access, directory: KeyDirectory | null): ConnectionRegistry {
  const open = new Map<WebSocket, Principal>();
  const byKey = new Counts();
  const check = () => {
    for (const [socket, principal] of open)
      if (!access.stillValid(principal)) socket.close(CLOSE.keyEnded.code, CLOSE.keyEnded.reason);
  };
  directory?.onChange(check);
  const timer = setInterval(check, EXPIRY_CHECK_MS);
  return {
    add(socket, principal) {
      open.set(socket, principal);
      byKey.add(principal.keyId, 1);
      socket.once('close', () => {
        open.delete(socket);
        byKey.add(principal.keyId, -1);
      });
    },
    count: (keyId) => byKey.of(keyId),
    stop: () => clearInterval(timer),
  };
}
