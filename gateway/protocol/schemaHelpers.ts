import { z } from 'zod';

/** Text that a program can receive: half of a surrogate pair cannot be encoded in UTF-8. */
export function text() {
  return z
    .string()
    .refine(isUnicode, { error: 'must be valid Unicode: it contains half of a surrogate pair', abort: true });
}

/** Text for an argument or an environment variable: the kernel ends it at a NUL. */
export function word() {
  return text().refine((value) => !value.includes('\0'), 'must not contain a NUL character');
}

export function isUnicode(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

/** Size of all texts together, in bytes of UTF-8. */
export function bytesOf(texts: Iterable<string>): number {
  let bytes = 0;
  for (const value of texts) bytes += Buffer.byteLength(value);
  return bytes;
}

/** An object that rejects unknown fields. The error lists the known ones. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `is unknown: the fields are ${names}` : undefined),
  });
}

/** Rejects texts that are too long together. The error names the limit. */
export function atMostBytes<T>(most: number, textsOf: (value: T) => string[]) {
  return (value: T, context: z.RefinementCtx<T>): void => {
    const bytes = bytesOf(textsOf(value));
    if (bytes <= most) return;
    const message = `has ${bytes} bytes, and the limit is ${most}`;
    context.addIssue({ code: 'custom', message, params: { limit: most } });
  };
}
