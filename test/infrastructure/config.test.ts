import { readConfig } from '../../infrastructure/config';

test('variables that are not set, or set to nothing, have their defaults', () => {
  expect(readConfig(['PORT', 'HOST'], { PORT: '' })).toEqual({ PORT: 8000, HOST: '0.0.0.0' });
});

test('numbers are numbers', () => {
  expect(readConfig(['PORT', 'RUN_WALL_SECONDS'], { PORT: '9000', RUN_WALL_SECONDS: '2.5' })).toEqual({
    PORT: 9000,
    RUN_WALL_SECONDS: 2.5,
  });
});

test('one message names every variable at fault and what is wrong with each', () => {
  const environment = { PORT: 'http', API_KEY: 'short', ELASTICSEARCH_HOST: 'elastic' };
  const read = () => readConfig(['API_KEY', 'PORT', 'ELASTICSEARCH_HOST'], environment);
  expect(read).toThrow(
    /API_KEY must have at least 16 characters; PORT must be a number; ELASTICSEARCH_HOST /,
  );
});

test('an API key has no default', () => {
  expect(() => readConfig(['API_KEY'], {})).toThrow('API_KEY is missing');
});
