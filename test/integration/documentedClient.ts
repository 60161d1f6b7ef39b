import { once } from 'node:events';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import WebSocket from 'ws';
import type { Frame } from './client';

/**
 * A client that only knows an address, a key and the gateway's documents, and uses no code of the project.
 */

interface Reference {
  $ref: string;
}

interface AsyncApi {
  channels: Record<string, { address: string }>;
  operations: Record<string, { channel: Reference; messages: Reference[]; reply: { messages: Reference[] } }>;
  components: { securitySchemes: { key: { name: string } }; messages: Record<string, { payload: object }> };
}

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema?: object }> }>;
  security: object[];
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: { key: { name: string } } };
}

/** Frames of one kind of reply. */
export interface Reply {
  /** Name of the message in the document. */
  kind: string;
  frame: Frame;
}

const validator = () => addFormats(new Ajv2020({ strict: false }));

async function document<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return (await response.json()) as T;
}

function check(validate: ValidateFunction, value: unknown, what: string): void {
  if (!validate(value))
    throw new Error(
      `${what} is not as documented: ${JSON.stringify(validate.errors)}\n${JSON.stringify(value)}`,
    );
}

/** Uses the WebSocket according to the AsyncAPI document. */
export class DocumentedSocket {
  private readonly validators = new Map<string, ValidateFunction>();
  private readonly frames: Frame[] = [];
  private arrived: () => void = () => undefined;
  private isClosed = false;

  private constructor(
    private readonly api: AsyncApi,
    private readonly socket: WebSocket,
  ) {
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.arrived();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.arrived();
    });
  }

  /** @param url such as `http://127.0.0.1:8000` */
  static async connect(url: string, key: string): Promise<DocumentedSocket> {
    const api = await document<AsyncApi>(`${url}/asyncapi.json`);
    const [channel] = Object.values(api.channels);
    const headers = { [api.components.securitySchemes.key.name]: key };
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${channel!.address}`, { headers });
    await once(socket, 'open');
    return new DocumentedSocket(api, socket);
  }

  /** Sends the message of an operation, and returns its replies up to the first one of the kinds `last`. */
  async call(operation: string, message: object, last: string[]): Promise<Reply[]> {
    const { messages, reply } = this.api.operations[operation]!;
    check(this.validatorOf(nameIn(messages[0]!)), message, `the message ${operation}`);
    const kinds = reply.messages.map(nameIn);
    for (const kind of last) if (!kinds.includes(kind)) throw new Error(`${operation} has no reply ${kind}`);
    this.socket.send(JSON.stringify(message));
    const replies: Reply[] = [];
    for (;;) {
      const frame = await this.next();
      const fitting = kinds.filter((kind) => this.validatorOf(kind)(frame));
      if (fitting.length !== 1)
        throw new Error(
          `${JSON.stringify(frame)} is ${fitting.join(' and ') || 'none'} of ${kinds.join(', ')}`,
        );
      replies.push({ kind: fitting[0]!, frame });
      if (last.includes(fitting[0]!)) return replies;
    }
  }

  close(): void {
    this.socket.close();
  }

  private async next(): Promise<Frame> {
    for (;;) {
      const frame = this.frames.shift();
      if (frame) return frame;
      if (this.isClosed) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => (this.arrived = resolve));
    }
  }

  private validatorOf(message: string): ValidateFunction {
    const known = this.validators.get(message);
    if (known) return known;
    const made = validator().compile(this.api.components.messages[message]!.payload);
    this.validators.set(message, made);
    return made;
  }
}

/** The last part of a reference, which is the message's name. */
const nameIn = ({ $ref }: Reference): string => $ref.split('/').at(-1)!;

export interface CallParts {
  path?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Makes HTTP calls according to the OpenAPI document. */
export class DocumentedHttp {
  private constructor(
    private readonly url: string,
    private readonly key: string,
    private readonly api: OpenApi,
  ) {}

  static async connect(url: string, key: string): Promise<DocumentedHttp> {
    return new DocumentedHttp(url, key, await document<OpenApi>(`${url}/openapi.json`));
  }

  /** @throws Error when a response does not match the document */
  async call(operationId: string, { path = {}, query = {}, body }: CallParts = {}): Promise<Answer> {
    const { method, template, operation } = this.find(operationId);
    for (const { name, in: place, required, schema } of operation.parameters ?? []) {
      const value = place === 'path' ? path[name] : place === 'query' ? query[name] : undefined;
      if (required && value === undefined) throw new Error(`${operationId} needs ${name}`);
      if (place === 'path') check(this.compile(schema), value, `the parameter ${name}`);
    }
    const address = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name]!));
    const sent = operation.requestBody?.content['application/json'];
    if (sent) check(this.compile(sent.schema), body, `the body of ${operationId}`);
    const response = await fetch(`${this.url}${address}?${new URLSearchParams(query).toString()}`, {
      method: method.toUpperCase(),
      headers: {
        ...(operation.security.length > 0 && { [this.api.components.securitySchemes.key.name]: this.key }),
        ...(sent && { 'Content-Type': 'application/json' }),
      },
      ...(sent && { body: JSON.stringify(body) }),
    });
    const documented = operation.responses[response.status];
    if (!documented) throw new Error(`${operationId} answers ${response.status}, which is not documented`);
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const content = documented.content?.[type];
    if (documented.content && !content)
      throw new Error(
        `${operationId} answers ${type}, documented: ${Object.keys(documented.content).join(', ')}`,
      );
    if (type !== 'application/json') throw new Error(`${operationId} answers ${type}: read it yourself`);
    const answer = (await response.json()) as Record<string, unknown>;
    if (content?.schema) check(this.compile(content.schema), answer, `the answer of ${operationId}`);
    return { status: response.status, body: answer };
  }

  private find(operationId: string) {
    for (const [template, methods] of Object.entries(this.api.paths))
      for (const [method, operation] of Object.entries(methods))
        if (operation.operationId === operationId) return { method, template, operation };
    throw new Error(`no operation ${operationId} is documented`);
  }

  /** References in the schema are relative to the document. */
  private compile(schema: object): ValidateFunction {
    return validator().compile({ ...schema, components: this.api.components });
  }
}
