import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import asyncApiSchema from '@asyncapi/specs/schemas/3.0.0-without-$id.json';
import openApiSchema from '@seriousme/openapi-schema-validator/schemas/v3.1/schema.json';
import pino from 'pino';
import { DEFAULT_LIMITS } from '../../gateway/limits';
import { startServer, type RunningServer } from '../../gateway/server';
import { FakeSubmissions } from './fakeSubmissions';
import { FINAL_STATUSES, SUBMISSION_STATUSES } from '../../workflows/contract';
import { rules } from './protocol/rules';

/** The documents that a gateway serves conform to their standards. */

type Json = Record<string, unknown>;
let server: RunningServer;

beforeAll(async () => {
  const settings = { API_KEY: 'a key for the tests only', HOST: '127.0.0.1', PORT: 0 };
  const parts = { submissions: new FakeSubmissions(), rules, logger: pino({ level: 'silent' }) };
  server = await startServer(settings, { ...parts, limits: DEFAULT_LIMITS });
});

afterAll(() => server.close());

/**
 * Uses a separate connection. Compiling a schema blocks both server and client for longer than the server
 * keeps an idle connection, so the next request on it could fail.
 */
async function served(path: string): Promise<Json> {
  const response = await fetch(`${server.url}${path}`, { headers: { connection: 'close' } });
  expect(response.status).toBe(200);
  return (await response.json()) as Json;
}

/** Every `$ref` in a document. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : referencesIn(member),
  );
}

function at(document: Json, reference: string): unknown {
  expect(reference).toMatch(/^#\//);
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, part) => (value as Json | undefined)?.[part], document);
}

test('OpenAPI: it is valid, and every reference leads somewhere', async () => {
  const document = await served('/openapi.json');
  const ajv = addFormats(new Ajv2020({ strict: false, logger: false }));
  const validate = ajv.compile(openApiSchema);
  expect(validate(document) || validate.errors).toBe(true);
  expect(validate({ ...document, paths: { 'no-slash': {} } })).toBe(false); // Proves that it can fail.
  const references = referencesIn(document);
  expect(references.length).toBeGreaterThan(10);
  for (const reference of references) expect(at(document, reference)).toEqual(expect.any(Object));
  const { schemas } = document.components as { schemas: Record<string, object> };
  const { components } = document;
  for (const schema of Object.values(schemas)) ajv.compile({ ...schema, components });
  const calls = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(calls).toEqual(
    expect.arrayContaining(['post /api/submissions', 'get /api/submissions/{submission_id}/events']),
  );
});

test('OpenAPI: a schema stands there once, under a name from which a generator can make a class', async () => {
  const document = await served('/openapi.json');
  const { schemas } = document.components as { schemas: Record<string, Json> };
  expect(Object.keys(schemas)).toEqual(expect.arrayContaining(['FinalFrame', 'StageFrame']));
  const frames = (schemas.SubmissionFrame as { anyOf: Json[] }).anyOf;
  expect(frames).toContainEqual({ $ref: '#/components/schemas/FinalFrame' });
  for (const frame of frames) expect(Object.keys(frame)).toEqual(['$ref']);
  const { result } = (schemas.SubmissionDetails as { properties: Record<string, Json> }).properties;
  expect(referencesIn(result)).toEqual(['#/components/schemas/FinalFrame']);
  for (const [name, schema] of Object.entries(schemas)) {
    expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(schema).not.toHaveProperty('title');
    expect(schema).not.toHaveProperty('$id');
  }
});

test('AsyncAPI: it is valid, and every reference leads somewhere', async () => {
  const document = await served('/asyncapi.json');
  const ajv = addFormats(new Ajv({ strict: false, validateFormats: false, logger: false }));
  const validate = ajv.compile(asyncApiSchema);
  expect(validate(document) || validate.errors?.slice(0, 5)).toBe(true);
  expect(validate({ ...document, operations: { submit: { action: 'shout' } } })).toBe(false);
  const references = referencesIn(document);
  expect(references.length).toBeGreaterThan(10);
  for (const reference of references) expect(at(document, reference)).toEqual(expect.any(Object));
});

test('both say the same of a message', async () => {
  const [http, socket] = await Promise.all([served('/openapi.json'), served('/asyncapi.json')]);
  const payload = at(socket, '#/components/messages/submit/payload');
  // Generators name classes after the component, not after a title.
  expect({ ...(at(http, '#/components/schemas/Submit') as Json), title: 'Submit' }).toEqual(payload);
});

test('every document describes deploy, and every final status', async () => {
  const [http, socket, schema] = await Promise.all(
    ['/openapi.json', '/asyncapi.json', '/schema.json'].map((path) => served(path)),
  );
  for (const document of [http, socket, schema]) {
    const text = JSON.stringify(document);
    expect(text).toContain('"deploy":{"description":"`false`');
    expect(text).toContain(`"enum":${JSON.stringify(FINAL_STATUSES)}`);
  }
  expect(JSON.stringify(http)).toContain(`"enum":${JSON.stringify(SUBMISSION_STATUSES)}`);
});

test('the reference loads nothing from elsewhere', async () => {
  const response = await fetch(`${server.url}/docs`);
  expect(response.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; .*connect-src 'self';.* frame-ancestors 'none'/,
  );
  const html = await response.text();
  const files = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, file]) => file);
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) {
    expect(file).toMatch(/^\/docs\/static\//);
    expect((await fetch(`${server.url}${file}`)).status).toBe(200);
  }
  expect(await served('/docs/json')).toEqual(await served('/openapi.json'));
});
