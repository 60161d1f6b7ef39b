import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import pino from 'pino';
import { createLogger } from '../../infrastructure/logging';
import { currentTraceId } from '../../infrastructure/telemetry/span';
import { temporalLogger } from '../../worker/temporalLogger';

/** Each log line names its submission and its trace. */

function lines(write: (log: pino.Logger) => void): Record<string, unknown>[] {
  const written: string[] = [];
  write(pino({ base: null, timestamp: false }, { write: (line: string) => void written.push(line) }));
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('what the SDK says of a submission names it, with workflow, run and trace', () => {
  const [line] = lines((log) => {
    temporalLogger(log).warn('Activity failed', {
      workflowId: 'submission-3f0c',
      runId: 'r1',
      activityType: 'runTests',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      span_id: '00f067aa0ba902b7',
      trace_flags: '01',
    });
  });
  expect(line).toEqual({
    level: 40,
    msg: 'Activity failed',
    submissionId: '3f0c',
    workflowId: 'submission-3f0c',
    runId: 'r1',
    activityType: 'runTests',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  });
});

test('what it says of other workflows names no submission', () => {
  const [line] = lines((log) => {
    temporalLogger(log).info('done', { workflowId: 'order-submissions-test' });
  });
  expect(line).toEqual({ level: 30, msg: 'done', workflowId: 'order-submissions-test' });
});

test('without tracing no line has a trace id; within a step of a trace, each has', () => {
  const written: string[] = [];
  const log = createLogger('test', 'info', { write: (line: string) => void written.push(line) });
  const say = () => {
    log.info('it is said');
    return (JSON.parse(written.at(-1)!) as { traceId?: string }).traceId;
  };
  expect([say(), currentTraceId()]).toEqual([undefined, undefined]);

  const provider = new NodeTracerProvider();
  provider.register();
  provider.getTracer('test').startActiveSpan('a step', (span) => {
    const id = span.spanContext().traceId;
    expect([say(), currentTraceId()]).toEqual([id, id]);
    span.end();
  });
  expect([say(), currentTraceId()]).toEqual([undefined, undefined]);
});
