import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

/** Forbids imports of sibling folders, wherever the importing file stands in its own folder. */
const neverImport = (folders, message) => [
  'error',
  { patterns: [{ regex: `^(\\.\\./)+(${folders.join('|')})(/|$)`, message }] },
];

/** One entry a folder: which other source folders it may not reach. The picture is in docs/architecture.md. */
const importsPointOneWay = [
  {
    files: ['gateway/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(\\.\\./)+(activities|worker|test|bench)(/|$)',
              message: 'gateway imports workflows/contract and infrastructure.',
            },
            {
              regex: '^(\\.\\./)+workflows/(?!contract$)',
              message: 'gateway knows only the contract of workflows.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!\\./|@temporalio/(workflow|common)$)(?!(\\.\\./)+activities(/|$))',
              message: 'workflows import nothing but @temporalio/workflow and types.',
            },
            {
              regex: '^(\\.\\./)+activities(/|$)',
              message: 'only types of activities.',
              allowTypeImports: true,
            },
          ],
        },
      ],
    },
  },
  {
    files: ['activities/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': neverImport(
        ['gateway', 'worker', 'workflows', 'infrastructure', 'test', 'bench'],
        'activities know their ports, never an adapter.',
      ),
    },
  },
  {
    files: ['infrastructure/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': neverImport(
        ['gateway', 'worker', 'workflows', 'activities', 'test', 'bench'],
        'infrastructure imports npm packages only.',
      ),
    },
  },
  {
    files: ['client/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^(?!\\.)', message: 'the client needs no packages.' },
            {
              regex: '^(\\.\\./)+gateway(/|$)',
              message: 'only types of the gateway.',
              allowTypeImports: true,
            },
            {
              regex: '^(\\.\\./)+(workflows|activities|worker|infrastructure|ops|cli|test|bench)(/|$)',
              message: 'client knows the types of the gateway alone.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['cli/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': neverImport(
        ['gateway', 'activities', 'worker', 'workflows', 'infrastructure', 'ops', 'test', 'bench'],
        'cli does all through the client.',
      ),
    },
  },
  {
    files: ['codec/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': neverImport(
        ['gateway', 'activities', 'worker', 'workflows', 'ops', 'test', 'bench'],
        'the codec server knows the infrastructure alone.',
      ),
    },
  },
  {
    files: ['ops/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(\\.\\./)+((gateway|activities|worker|test|bench)(/|$)|workflows/(?!contract$))',
              message: 'ops knows the contract of workflows and the infrastructure.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['worker/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(\\.\\./)+((gateway|test|bench)(/|$)|workflows/(?!contract$))',
              message:
                'worker takes workflows by path, knows their contract, and nobody imports gateway or test.',
            },
          ],
        },
      ],
    },
  },
];

/**
 * Patterns meet text of users, on a thread that others need: none may take more than linear time. A second rule finds
 * patterns that are linear at each place and are tried at each, such as /\s+$/. eslint-plugin-regexp stays at 3.1 as
 * long as Node 20 is supported: from 3.2 on it depends on a package for Node 22.
 */
const patternsAreLinear = {
  files: ['**/*.ts', '**/*.tsx'],
  ignores: ['test/**', 'bench/**', 'infrastructure/local/**'],
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
