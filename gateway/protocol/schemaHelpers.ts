import { z } from 'zod';

/** Text as a program can get it: half of a surrogate pair has no bytes in UTF-8. */
export function text() {
  return z
    .string()
    .refine(isUnicode, { error: 'must be valid Unicode: it holds half of a surrogate pair', abort: true });
}

/** Text that is handed over as an argument or a variable: the kernel ends it at a NUL. */
export function word() {
  return text().refine((value) => !value.includes('\0'), 'must not hold a NUL character');
}

export function isUnicode(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

/** Bytes of UTF-8 of all texts together. */
export function bytesOf(texts: Iterable<string>): number {
  let bytes = 0;
  for (const value of texts) bytes += Buffer.byteLength(value);
  return bytes;
}

/** An object that knows its fields: an unknown one is refused with the list of them. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `is unknown: the fields are ${names}` : undefined),
  });
}

/** Refuses texts that are too long together, and names the limit. */
export function atMostBytes<T>(most: number, textsOf: (value: T) => string[]) {
  return (value: T, context: z.RefinementCtx<T>): void => {
    const bytes = bytesOf(textsOf(value));
    if (bytes <= most) return;
    const message = `has ${bytes} bytes, and the limit is ${most}`;
    context.addIssue({ code: 'custom', message, params: { limit: most } });
  };
}
