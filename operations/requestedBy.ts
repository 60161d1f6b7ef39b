import { userInfo } from 'node:os';

/** The operating system user who runs a command, for the log. */
export const requestedBy = () => `ops:${userInfo().username}`;
