import { createHash } from 'node:crypto';
import type { OpenApi, Operation, Parameter } from './openApi';

const STYLE = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; overflow-wrap: anywhere }
section { border-top: 1px solid; padding: 0.5rem 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0 }
th { font-weight: 600; white-space: nowrap }
`;

/** Renders the OpenAPI document as a page without scripts. It loads nothing from elsewhere. */
export function referencePage(document: OpenApi): { html: string; headers: Record<string, string> } {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      section(`${method.toUpperCase()} ${path}`, operation),
    ),
  );
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(document.info.title)}: reference</title><style>${STYLE}</style></head>
<body><main>
<h1>${escaped(document.info.title)}</h1>
<p>${escaped(document.info.description)} Every call under <code>/api/</code> needs a key in the header
<code>X-API-Key</code>. For programs: <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a>
(the WebSocket), <a href="/schema.json">JSON Schema</a>.</p>
${operations.join('\n')}
</main></body></html>
`;
  const style = createHash('sha256').update(STYLE).digest('base64');
  return {
    html,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-cache',
    },
  };
}

function section(
  title: string,
  { operationId, summary, description = '', parameters, responses }: Operation,
): string {
  const answers = Object.entries(responses).map(([status, { description }]) => row(status, description));
  return `<section id="${escaped(operationId)}"><h2><code>${escaped(title)}</code></h2>
<p>${escaped(summary)}. ${escaped(description)}</p>
${table('What it takes', parameters.map(parameterRow))}
${table('What it answers', answers)}</section>`;
}

function table(caption: string, rows: string[]): string {
  return rows.length === 0 ? '' : `<h3>${caption}</h3><table><tbody>${rows.join('')}</tbody></table>`;
}

function parameterRow({ name, in: place, description = '', schema }: Parameter): string {
  return row(`${name} (${place})`, `${description} ${JSON.stringify(schema)}`);
}

function row(name: string, text: string): string {
  return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${escaped(text)}</td></tr>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
