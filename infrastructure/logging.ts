import pino from 'pino';
import { currentTraceId } from './telemetry/span';

export type Logger = pino.Logger;

/** A logger that writes one JSON line per event to stdout, with its process's name and the current trace. */
export function createLogger(
  name: string,
  level: string,
  destination: pino.DestinationStream = pino.destination(1),
): Logger {
  const options: pino.LoggerOptions = {
    name,
    level,
    mixin() {
      const traceId = currentTraceId();
      return traceId === undefined ? {} : { traceId };
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['apiKey', 'password', '*.apiKey', '*.password'],
  };
  return pino(options, destination);
}
