/**
 * Unit tests that take seconds each: the programs inside pods as processes of this machine, other processes, and fuzzing.
 * `npm run check` leaves them out.
 */
const SLOW =
  'test/(sandbox/.+|gateway/(uncaught|socketFuzz|apps/fuzz)|compile|hostileText|reservedPorts)\\.test\\.ts$';

/** Test projects, from the cheapest to the dearest; test/main.ts runs them, each as its tests may share the machine. */
const shared = {
  testEnvironment: 'node',
  transform: {
    '/node_modules/@kubernetes/client-node/dist/index\\.js$': '<rootDir>/test/bundledPackage.mjs',
    '^.+\\.(t|j|mj)s$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // Packages of ES modules alone, which Jest cannot load with require().
  transformIgnorePatterns: ['/node_modules/(?!(@kubernetes/client-node|content-disposition)/)'],
};

/** Tests in these folders need the local stack. */
const onServers = (displayName, folders) => ({
  ...shared,
  displayName,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
  setupFilesAfterEnv: ['<rootDir>/test/integration/setup.ts'],
});

module.exports = {
  // Some unit tests start real processes, on machines that may be busy with other things.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/(integration|browser|serial|proofs|replay)/', SLOW],
    },
    { ...shared, displayName: 'slow', testRegex: SLOW },
    { ...shared, displayName: 'replay', testMatch: ['<rootDir>/test/replay/**/*.test.ts'] },
    onServers('integration', ['integration', 'browser']),
    onServers('serial', ['serial']),
    onServers('proofs', ['proofs']),
  ],
};
