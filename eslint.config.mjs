import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

/** Top-level folders of sources, tests and benchmarks. */
const ROOMS = [
  'activities',
  'bench',
  'client',
  'egress-proxy',
  'gateway',
  'infrastructure',
  'local-stack',
  'operations',
  'sandbox',
  'test',
  'worker',
  'workflows',
];

/** The layers of the gateway, the lowest last: each imports only what is below it. */
const GATEWAY_LAYERS = [
  ['websocket', 'http'],
  ['submissions', 'apps', 'audit'],
  ['auth'],
  ['progress'],
  ['protocol'],
];

const pattern = (paths, message, allowTypeImports = false) => ({
  regex: `^(\\.\\./)+(${paths.join('|')})`,
  message,
  allowTypeImports,
});

const restricted = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

/**
 * A room reaches the rooms that are named and its own files, and nothing else.
 * @param types rooms of which only types may be imported, with a pattern for their files: `''` for all
 */
const room = (files, { reaches = [], types = {}, patterns = [] }) => {
  const [own] = files.split('/');
  const others = ROOMS.filter((each) => each !== own && !reaches.includes(each));
  const names = [...reaches, ...Object.keys(types).map((each) => `types of ${each}`)].join(', ');
  return restricted(
    [`${files}/**/*.{ts,tsx}`],
    [
      pattern(
        others.map((each) => (each in types ? `${each}/(?!${types[each]})` : `${each}(/|$)`)),
        `${files} reaches ${names || 'no other folder'}.`,
      ),
      ...Object.entries(types).map(([each, path]) =>
        pattern([`${each}/${path}`], `${files} takes only types of ${each}.`, true),
      ),
      ...patterns,
    ],
  );
};

const onlyContract = pattern(
  ['workflows/(?!contract$|history/|recording$)'],
  'only the contract and the history of workflows are for others.',
);

const gateway = { reaches: ['workflows', 'infrastructure', 'sandbox'], patterns: [onlyContract] };

/** The picture is in docs/architecture.md. A later entry replaces an earlier one for the files that both match. */
const importsPointOneWay = [
  room('gateway', gateway),
  ...GATEWAY_LAYERS.flatMap((layer, depth) =>
    layer.map((name) => {
      const higher = GATEWAY_LAYERS.slice(0, depth).flat();
      const beside = layer.filter((each) => each !== name);
      const forbidden = [...higher, ...beside].map((each) => `${each}/`);
      return room(`gateway/${name}`, {
        ...gateway,
        patterns: [
          onlyContract,
          pattern([...forbidden, '(main|gateway|server)$'], `gateway/${name} imports only what is below it.`),
        ],
      });
    }),
  ),
  restricted(
    ['workflows/**/*.ts'],
    [
      {
        regex: '^(?!\\./|@temporalio/(workflow|common)$)(?!(\\.\\./)+activities(/|$))',
        message: 'workflows import nothing but @temporalio/workflow and types.',
      },
      pattern(['activities(/|$)'], 'only types of activities.', true),
    ],
  ),
  // Read outside the sandbox of workflows.
  restricted(
    ['workflows/history/*.ts'],
    [
      {
        regex: '^(?!\\.\\.?/|@temporalio/(common|proto)(/|$))(?!(\\.\\./)+activities(/|$))',
        message: 'the history of workflows needs nothing but the contract and types.',
      },
      pattern(['activities(/|$)'], 'only types of activities.', true),
    ],
  ),
  room('activities', {}),
  restricted(
    ['gateway/web/**/*.{ts,tsx}'],
    [pattern(['.'], 'the page runs in a browser: only types from outside its folder.', true)],
  ),
  room('infrastructure', { reaches: ['sandbox'], types: { activities: 'ports$' } }),
  room('sandbox', {}),
  room('client', { types: { gateway: '' } }),
  restricted(
    ['client/*.ts'],
    [
      { regex: '^(?!\\.)', message: 'the client needs no packages.' },
      pattern(['gateway(/|$)'], 'only types of the gateway.', true),
      pattern(
        ROOMS.filter((each) => each !== 'gateway').map((each) => `${each}(/|$)`),
        'client knows the types of the gateway alone.',
      ),
      { regex: '^\\./cli(/|$)', message: 'the library does not know the command line.' },
    ],
  ),
  room('client/cli', {}),
  room('operations', {
    reaches: ['workflows', 'activities', 'worker', 'infrastructure'],
    patterns: [onlyContract],
  }),
  restricted(
    ['operations/*.ts'],
    [
      pattern(
        ['(gateway|activities|worker|local-stack|sandbox|test|bench)(/|$)'],
        'commands of operators reach the contract of workflows and the infrastructure.',
      ),
      onlyContract,
    ],
  ),
  room('operations/codec', {
    reaches: ['infrastructure'],
    patterns: [
      { regex: '^\\.\\./[^.]', message: 'images contain the codec server, and nothing else of operations.' },
    ],
  }),
  room('worker', {
    reaches: ['workflows', 'activities', 'infrastructure', 'sandbox'],
    patterns: [onlyContract],
  }),
  room('egress-proxy', { reaches: ['infrastructure'] }),
  room('local-stack', { reaches: ['infrastructure', 'sandbox'] }),
];

/**
 * Patterns meet text of users, on a thread that others need: none may take more than linear time. A second rule finds
 * patterns that are linear at each place and are tried at each, such as /\s+$/. eslint-plugin-regexp stays at 3.1 as
 * long as Node 20 is supported: from 3.2 on it depends on a package for Node 22.
 */
const patternsAreLinear = {
  files: ['**/*.ts', '**/*.tsx'],
  ignores: ['test/**', 'bench/**', 'local-stack/**'],
  plugins: { regexp },
  rules: {
    'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
    'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: true }],
  },
};

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'dist/',
      'coverage/',
      'test/**/programs/',
      '**/*.mjs',
      '**/*.cjs',
      'jest.config.js',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'AbortSignal', property: 'any', message: 'infrastructure/linkedAbort.ts says why.' },
      ],
    },
  },
  ...importsPointOneWay,
  patternsAreLinear,
  { files: ['test/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
);
