import pino from 'pino';

export type Logger = pino.Logger;

/** A logger that writes one JSON line an event to stdout, named for its process. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['apiKey', 'password', '*.apiKey', '*.password'],
  });
}
