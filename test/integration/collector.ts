import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { parse } from 'protobufjs';

/** A span of a trace, as a collector receives it. */
export interface CollectedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  /** Empty for the root span of a trace. */
  parentId: string;
  attributes: Record<string, unknown>;
  failed: boolean;
}

/** An OpenTelemetry collector that keeps what it receives. */
export interface Collector {
  /** The value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint: string;
  spans: CollectedSpan[];
  /** Waits until `enough` accepts the received spans. @throws Error with the names of all received spans */
  until(enough: (spans: CollectedSpan[]) => boolean): Promise<CollectedSpan[]>;
  stop(): Promise<void>;
}

/**
 * The part of opentelemetry/proto/collector/trace/v1/trace_service.proto and its imports that is read here.
 */
const REQUEST = parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5;
    repeated KeyValue attributes = 9; Status status = 15;
  }
  message Status { int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`).root.lookupType('Request');

const PATIENCE_MS = 30_000;

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface Decoded {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: DecodedSpan[] }[];
  }[];
}

interface DecodedSpan {
  traceId: Buffer;
  spanId: Buffer;
  parentSpanId: Buffer;
  name: string;
  attributes: Attribute[];
  status?: { code?: number };
}

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  let arrived = () => {};
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      spans.push(...read(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
      arrived();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async until(enough) {
      const deadline = wait(PATIENCE_MS, 'late', { ref: false });
      while (!enough(spans)) {
        const next = new Promise<void>((resolve) => (arrived = resolve));
        if ((await Promise.race([next, deadline])) === 'late')
          throw new Error(
            `not enough after ${PATIENCE_MS / 1000} s: ${spans.map(({ name }) => name).join(', ')}`,
          );
      }
      return spans;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function read(body: Buffer): CollectedSpan[] {
  const { resourceSpans } = REQUEST.toObject(REQUEST.decode(body), {
    arrays: true,
    longs: Number,
  }) as Decoded;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, ...spanOf(span) })));
  });
}

function spanOf({ traceId, spanId, parentSpanId, name, attributes, status }: DecodedSpan) {
  const hex = (bytes?: Buffer) => Buffer.from(bytes ?? []).toString('hex');
  return {
    name,
    traceId: hex(traceId),
    spanId: hex(spanId),
    parentId: hex(parentSpanId),
    attributes: valuesOf(attributes),
    failed: status?.code === 2,
  };
}

function valuesOf(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
