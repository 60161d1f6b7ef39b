/** A bound for a test on real servers that hangs, in milliseconds; a slow machine stays far below it. */
jest.setTimeout(180_000);
