import type { IncomingMessage, ServerResponse } from 'node:http';

/** Takes the requests that are its own to answer. @returns false for all others, which it has not touched */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;
