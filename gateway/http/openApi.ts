/** Makes the OpenAPI document from the zod schemas of the routes. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { z } from 'zod';
import { errorFrameSchema, type ErrorCode } from '../protocol/errorFrame';
import { stdinBody } from '../protocol/stdin';
import type { SubmitSchema } from '../protocol/submitMessage';
import { finalFrame } from '../protocol/finalFrameSchema';
import { liveBody } from '../protocol/live';
import { operationState } from '../submissions/operations';
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
import { schemaOf as jsonSchemaOf } from '../protocol/jsonSchema';
import { submissionDetails, submissionList, submissionRecord } from '../protocol/submissionRecord';
import type { Answer } from './answers';
import { STATUS_OF } from './error';
import { languageList } from './languageRoutes';
import { rollbackMessage } from './productionRoutes';

/** Requirement of a route that needs a key. */
export const API_KEY_SECURITY = [{ key: [] }];

/** Errors that every call with a key may also return. */
const COMMON: ErrorCode[] = ['unauthorized', 'forbidden', 'unavailable', 'internal'];

/** Makes the OpenAPI 3.1 document from the schemas of the routes. */
export function openApiOptions(submitSchema: SubmitSchema): FastifyDynamicSwaggerOptions {
  const components = componentsOf(submitSchema);
  const names = new Map(Object.entries(components).map(([name, type]) => [type, name]));
  const schemaOf = (type: z.ZodType) => {
    const name = names.get(type);
    return name === undefined ? jsonSchemaOf(type) : { $ref: referenceTo(name) };
  };
  const answerOf = (answer: Answer) => {
    if (answer instanceof z.ZodUndefined) return { type: 'null', description: answer.description };
    const content = Object.entries(answer.content).map(([type, { schema }]) => [
      type,
      { schema: schemaOf(schema) },
    ]);
    return { description: answer.description, content: Object.fromEntries(content) as object };
  };
  const schemas = schemasOf(components);
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Orchestration App',
        version: '1',
        description:
          'Takes code, tests it at once, and brings what passes into production. Calls under `/api/` need a key in ' +
          'the header `X-API-Key`. See also the WebSocket as [AsyncAPI](/asyncapi.json), and its messages and frames ' +
          'as [JSON Schema](/schema.json).',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      components: { securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-API-Key' } } },
    },
    transform({ schema, url, route }) {
      const {
        hide,
        body,
        response,
        params,
        querystring,
        headers,
        security = [],
        ...rest
      } = schema ?? { hide: true };
      if (hide) return { url, schema: { hide } };
      const errors = [...(route.config?.errors ?? []), ...(security.length > 0 ? COMMON : [])];
      const answers = Object.entries(response as Record<number, Answer>);
      const parts = Object.entries({ body, params, querystring, headers }).filter(
        ([, type]) => type !== undefined,
      );
      return {
        url,
        schema: {
          ...{ ...rest, security },
          ...Object.fromEntries(parts.map(([part, type]) => [part, schemaOf(type as z.ZodType)])),
          response: {
            ...Object.fromEntries(answers.map(([status, answer]) => [status, answerOf(answer)])),
            ...errorAnswers(errors, schemaOf(errorFrameSchema)),
          },
        },
      };
    },
    // The plugin would adapt these schemas to older versions of OpenAPI.
    transformObject: (made) => {
      const document = 'openapiObject' in made ? made.openapiObject : {};
      return { ...document, components: { ...document.components, schemas } } as typeof document;
    },
  };
}

/** Types that have a name in the document, by their names. */
function componentsOf(submitSchema: SubmitSchema): Record<string, z.ZodType> {
  return {
    Submit: submitSchema,
    Submission: submissionRecord,
    SubmissionDetails: submissionDetails,
    SubmissionList: submissionList,
    SubmissionFrame: submissionFrame,
    AcceptedFrame: acceptedFrame,
    StageFrame: stageFrame,
    OutputFrame: outputFrame,
    CaseFrame: caseFrame,
    StepFrame: stepFrame,
    TestFrame: testFrame,
    RolloutFrame: rolloutFrame,
    FinalFrame: finalFrame,
    Cancelled: cancelFrame,
    Stdin: stdinBody,
    InputState: stdinFrame,
    LanguageList: languageList,
    Live: liveBody,
    Rollback: rollbackMessage,
    Operation: operationState,
    Error: errorFrameSchema,
  };
}

/**
 * Each schema once, under its name; other schemas refer to it. Client generators name classes after schemas
 * or their titles, and drop a class if two share a name. So the schemas have no titles.
 */
function schemasOf(components: Record<string, z.ZodType>): Record<string, object> {
  const named = z.registry<{ id: string }>();
  for (const [id, type] of Object.entries(components)) named.add(type, { id });
  const made = z.toJSONSchema(named, { io: 'input', uri: referenceTo });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, schema]) => {
      const { $schema: _draft, $id, title, ...rest } = schema as Record<string, unknown>;
      return [id, rest];
    }),
  );
}

/** Errors with the same status share an answer, which lists their codes. */
function errorAnswers(codes: readonly ErrorCode[], schema: object): Record<number, object> {
  const statuses = [...new Set(codes.map((code) => STATUS_OF[code]))];
  return Object.fromEntries(
    statuses.map((status) => {
      const some = codes.filter((code) => STATUS_OF[code] === status);
      return [
        status,
        { description: `\`${some.join('`, `')}\``, content: { 'application/json': { schema } } },
      ];
    }),
  );
}

function referenceTo(name: string): string {
  return `#/components/schemas/${name}`;
}
