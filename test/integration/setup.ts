/** Timeout for hanging tests on real servers, in milliseconds; slow machines need much less. */
jest.setTimeout(180_000);
