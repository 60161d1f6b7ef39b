import { z } from 'zod';
import { errorFrameSchema, type ErrorCode } from '../protocol/errorFrame';
import { submissionId, userId } from '../protocol/identifiers';
import type { SubmissionRules } from '../protocol/submissionRules';
import { stdinBody } from '../protocol/stdin';
import { submitMessage } from '../protocol/submitMessage';
import { finalFrame } from '../protocol/finalFrameSchema';
import { operationState } from '../submissions/operations';
import { schemaOf } from '../protocol/jsonSchema';
import {
  acceptedFrame,
  cancelFrame,
  caseFrame,
  outputFrame,
  rolloutFrame,
  stageFrame,
  stdinFrame,
  stepFrame,
  submissionFrame,
  testFrame,
} from '../protocol/serverFrames';
import { submissionDetails, submissionList, submissionRecord } from '../protocol/submissionRecord';
import { STATUS_OF } from './error';
import type { Answer, Route, SchemaName } from './apiRoute';
import { languageList } from './languageRoutes';
import { liveBody } from '../protocol/live';
import { rollbackMessage } from './productionRoutes';

type Described = Omit<Route, 'handle'>;

export interface OpenApi {
  openapi: string;
  info: { title: string; version: string; description: string; license: object };
  paths: Record<string, Record<string, Operation>>;
  [field: string]: unknown;
}

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  parameters: Parameter[];
  requestBody?: object;
  responses: Record<string, { description: string; [field: string]: unknown }>;
  security: object[];
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: object;
}

/** Parts of `SubmissionFrame`. */
const FRAMES = {
  AcceptedFrame: acceptedFrame,
  StageFrame: stageFrame,
  OutputFrame: outputFrame,
  CaseFrame: caseFrame,
  StepFrame: stepFrame,
  TestFrame: testFrame,
  RolloutFrame: rolloutFrame,
  FinalFrame: finalFrame,
};

/** Errors that every call with a key may also return. */
const COMMON: ErrorCode[] = ['unauthorized', 'forbidden', 'unavailable', 'internal'];

/** The OpenAPI 3.1 document of the routes. */
export function openApi(routes: readonly Described[], rules: SubmissionRules): OpenApi {
  const paths: OpenApi['paths'] = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Orchestration App',
      version: '1',
      description: 'Takes code, tests it at once, and brings what passes into production.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: schemas(rules),
      securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
    },
  };
}

/**
 * Each schema once, under its name; other schemas refer to it. Client generators name classes after schemas
 * or their titles, and drop a class if two share a name. So the schemas have no titles.
 */
function schemas(rules: SubmissionRules): Record<SchemaName, object> {
  const named = z.registry<{ id: string }>();
  const types: Record<SchemaName, z.ZodType> = {
    Submit: submitMessage(rules),
    Submission: submissionRecord,
    SubmissionDetails: submissionDetails,
    SubmissionList: submissionList,
    SubmissionFrame: submissionFrame,
    Cancelled: cancelFrame,
    Stdin: stdinBody,
    InputState: stdinFrame,
    LanguageList: languageList,
    Live: liveBody,
    Rollback: rollbackMessage,
    Operation: operationState,
    Error: errorFrameSchema,
  };
  for (const [id, type] of Object.entries({ ...types, ...FRAMES })) named.add(type, { id });
  const made = z.toJSONSchema(named, { io: 'input', uri: (id) => ref(id).$ref });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, schema]) => {
      const { $schema: _draft, $id, title, ...rest } = schema as Record<string, unknown>;
      return [id, rest];
    }),
  ) as Record<SchemaName, object>;
}

function operation(route: Described): Operation {
  const { operationId, summary, description, body, answers, open } = route;
  const errors = [...(route.errors ?? []), ...(open ? [] : COMMON)];
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    parameters: [...inPath(route), ...inQuery(route), ...inHeaders(route)],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(answer)])),
      ...errorResponses(errors),
    },
    security: open ? [] : [{ key: [] }],
  };
}

function inPath({ path }: Described): Parameter[] {
  const schemas: Record<string, object> = {
    submission_id: schemaOf(submissionId()),
    user_id: schemaOf(userId()),
  };
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    return { name, in: 'path', required: true, schema: schemas[name] ?? {} };
  });
}

function inQuery({ query }: Described): Parameter[] {
  return Object.entries(query?.shape ?? {}).map(([name, type]) => {
    // A query is text. The schema describes the value that the text is parsed to.
    const { $schema: _draft, description, ...schema } = z.toJSONSchema(type as z.ZodType);
    return {
      name,
      in: 'query',
      required: false,
      ...(description !== undefined && { description }),
      schema,
    };
  });
}

function inHeaders({ headers = {} }: Described): Parameter[] {
  return Object.entries(headers).map(([name, { description, schema }]) => {
    return { name, in: 'header', required: false, description, schema: schemaOf(schema) };
  });
}

function response({ description, type = 'application/json', schema }: Answer) {
  if (type.startsWith('text/')) return { description, content: { [type]: { schema: { type: 'string' } } } };
  if (schema) return { description, content: { [type]: { schema: ref(schema) } } };
  return { description, ...(type !== 'application/json' && { content: { [type]: {} } }) };
}

/** Errors with the same status share a response, which lists their codes. */
function errorResponses(codes: ErrorCode[]): Operation['responses'] {
  const content = { 'application/json': { schema: ref('Error') } };
  const statuses = [...new Set(codes.map((code) => STATUS_OF[code]))];
  return Object.fromEntries(
    statuses.map((status) => {
      const some = codes.filter((code) => STATUS_OF[code] === status);
      return [status, { description: `\`${some.join('`, `')}\``, content }];
    }),
  );
}

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}
