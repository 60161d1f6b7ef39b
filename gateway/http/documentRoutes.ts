import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { z } from 'zod';
import { asyncApi } from '../protocol/asyncApi';
import { protocolSchema } from '../protocol/jsonSchema';
import type { SubmissionRules } from '../protocol/submissionRules';
import type { SubmitSchema } from '../protocol/submitMessage';
import type { Api } from './apiTypes';
import { answerFileError } from './error';
import { json } from './answers';
import { openApiOptions } from './openApi';

/** The reference loads nothing from elsewhere, and is shown in no other page. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/** Collects the routes that are added after it, and serves a page about them at `/docs`. */
export async function useOpenApi(api: Api, submitSchema: SubmitSchema): Promise<void> {
  await api.register(swagger, openApiOptions(submitSchema));
  await api.register(async (page) => {
    page.setErrorHandler(answerFileError);
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: POLICY,
      theme: { title: 'Orchestration App: API reference' },
      uiConfig: { deepLinking: true, displayOperationId: true, layout: 'BaseLayout', tryItOutEnabled: true },
    });
  });
}

/** Serves the gateway's API documents, which are generated from its routes and schemas. */
export function documentRoutes(api: Api, rules: SubmissionRules): void {
  const messages = asyncApi(rules);
  const schema = protocolSchema(rules);
  const serve = (url: string, operationId: string, summary: string, read: () => object) =>
    api.get(
      url,
      {
        schema: {
          ...{ operationId, summary },
          response: { 200: json('The document.', z.record(z.string(), z.unknown())) },
        },
      },
      () => read() as Record<string, unknown>,
    );
  serve('/openapi.json', 'openapi', 'The HTTP API as OpenAPI 3.1', () => api.swagger());
  serve('/asyncapi.json', 'asyncapi', 'The WebSocket as AsyncAPI 3', () => messages);
  serve('/schema.json', 'schema', 'Messages and frames as JSON Schema', () => schema);
}
