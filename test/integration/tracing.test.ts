import WebSocket from 'ws';
import { actionsOf } from './actions';
import { Client, type Frame } from './client';
import { startCollector, type CollectedSpan, type Collector } from './collector';
import { httpUrl } from './contract';
import { removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** One submission is one trace in an OpenTelemetry collector: from its frame to the live program. */

const USER = 'tracing';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

let collector: Collector;
let platform: Platform;

beforeAll(async () => {
  collector = await startCollector();
  platform = await startPlatform({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
});

afterAll(async () => {
  await platform?.stop();
  await collector?.stop();
  await removeUsers(USER);
});

/** The name of each span of one trace, with that of its parent. */
const pathsIn = (spans: CollectedSpan[]) => {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const pathOf = ({ name, parentId }: CollectedSpan): string => {
    const parent = byId.get(parentId);
    return parent ? `${pathOf(parent)} > ${name}` : name;
  };
  return spans.map(pathOf);
};

/** Spans arrive in batches, those of the gateway and of the worker independently. */
const isOver = (spans: CollectedSpan[]) =>
  ['RunWorkflow:submitCode', 'StartWorkflow:submitCode'].every((each) =>
    spans.some(({ name }) => name === each),
  );

test('every step of a submission is in the trace that its client began', async () => {
  const socket = new WebSocket(platform.url, {
    headers: { 'X-API-Key': platform.apiKey, traceparent: `00-${TRACE}-${CALLER}-01` },
  });
  const frames: Frame[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ user_id: USER, code: "print('Hello')" })));
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      frames.push(frame);
      if ('status' in frame) resolve();
    });
  });
  socket.close();
  expect(frames.at(-1)).toMatchObject({ status: 'deployed' });
  expect(frames[0]).toMatchObject({ type: 'accepted', trace_id: TRACE });

  const spans = await collector.until((all) => isOver(all) && all.some(({ name }) => name === 'submit'));
  const ofTrace = spans.filter(({ traceId }) => traceId === TRACE);
  const workflow = 'submit > StartWorkflow:submitCode > RunWorkflow:submitCode';
  const activity = (name: string) => `${workflow} > StartActivity:${name} > RunActivity:${name}`;
  expect(pathsIn(ofTrace)).toEqual(
    expect.arrayContaining([
      'submit',
      'submit > StartWorkflow:submitCode',
      workflow,
      activity('runBriefTests'),
      `${activity('runBriefTests')} > exec`,
      `${activity('runBriefTests')} > exec > open exec stream`,
      `${activity('runTests')} > exec`,
      `${activity('prepareEnvironment')} > apply Namespace`,
      `${activity('applyDatabase')} > apply StatefulSet`,
      `${activity('applyProgram')} > apply Deployment`,
      `${activity('awaitRollout')} > rollout`,
    ]),
  );
  // What is done for all workflows together belongs to no trace.
  const roots = spans.filter(({ parentId, service }) => parentId === '' && service.endsWith('-worker'));
  expect(roots.map(({ name }) => name)).toEqual([]);
  const first = ofTrace.find(({ name }) => name === 'submit')!;
  expect(first).toMatchObject({ parentId: CALLER, service: 'orchestration-app-gateway' });
  expect(first.attributes).toEqual({ 'submission.id': frames[0]!.submission_id });
  const passed = ofTrace.find(({ name, failed }) => name === 'exec' && !failed)!;
  expect(passed.service).toBe('orchestration-app-worker');
  expect(passed.attributes).toMatchObject({ 'k8s.pod.name': `${USER}-test`, outcome: 'passed' });
  expect(spans.filter(({ name }) => name === 'RunWorkflow:submitCode')).toHaveLength(1);
});

test('a submission without a traceparent has a trace of its own, over HTTP too; no step tells what was written', async () => {
  const secret = 'print(17 * 31) # not to be told';
  const response = await fetch(`${httpUrl(platform.url)}/api/submissions?wait=30`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': platform.apiKey },
    body: JSON.stringify({ user_id: USER, code: secret }),
  });
  const { submission_id: id, ...rest } = (await response.json()) as Frame;
  expect(rest).toMatchObject({ result: { status: 'deployed' } });
  const client = await Client.connect(platform);
  client.send({ type: 'resume', submission_id: id });
  const { trace_id: traceId } = await client.frame(({ type }) => type === 'accepted');
  await client.frame((frame) => 'status' in frame);
  await client.close();

  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(traceId).not.toBe(TRACE);
  const ofTrace = () => collector.spans.filter((span) => span.traceId === traceId);
  // The gateway's span ends with its answer, and is exported later in a batch.
  await collector.until(() => isOver(ofTrace()) && ofTrace().some(({ name }) => name.startsWith('POST ')));
  expect(pathsIn(ofTrace())).toContain(
    'POST /api/submissions > StartWorkflow:submitCode > RunWorkflow:submitCode > StartActivity:runBriefTests > RunActivity:runBriefTests > exec',
  );
  expect(JSON.stringify(collector.spans)).not.toContain('not to be told');
  expect(await actionsOf(platform, String(id))).not.toHaveLength(0);
});
