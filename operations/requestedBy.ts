import { userInfo } from 'node:os';

/** Who runs a command, for the log. */
export const requestedBy = () => `ops:${userInfo().username}`;
