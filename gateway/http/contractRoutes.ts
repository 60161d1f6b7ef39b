import type { SubmissionRules } from '../protocol/submissionRules';
import { protocolSchema } from '../protocol/jsonSchema';
import { asyncApi } from '../protocol/asyncApi';
import { openApi } from './openApi';
import { referencePage } from './referencePage';
import type { Route } from './apiRoute';

/** Serves the gateway's API documents, which are generated from its routes and schemas. */
export function contractRoutes(served: readonly Route[], rules: SubmissionRules): Route[] {
  const json = (path: string, operationId: string, summary: string): Omit<Route, 'handle'> => {
    return {
      method: 'GET',
      path,
      open: true,
      operationId,
      summary,
      answers: { 200: { description: 'The document.' } },
    };
  };
  const documents = [
    json('/openapi.json', 'openapi', 'The HTTP API as OpenAPI 3.1'),
    json('/asyncapi.json', 'asyncapi', 'The WebSocket as AsyncAPI 3'),
    json('/schema.json', 'schema', 'Messages and frames as JSON Schema'),
  ];
  const http = openApi([...served, ...documents], rules);
  const bodies = [http, asyncApi(rules), protocolSchema(rules)];
  const page = referencePage(http);
  return [
    ...documents.map((document, index) => {
      return { ...document, handle: () => ({ status: 200, body: bodies[index] ?? {} }) };
    }),
    {
      ...json('/docs', 'reference', 'The HTTP API as a page'),
      answers: { 200: { description: 'The page.', type: 'text/html' } },
      async handle({ response }) {
        response.writeHead(200, page.headers);
        response.end(page.html);
        return Promise.resolve();
      },
    },
  ];
}
