import { Usage } from '../../egress-proxy/userLimits';

test('a user may have some open at a time, and others are not affected', () => {
  const usage = new Usage({ open: 2, perMinute: 100 });
  const first = usage.begin('ada');
  usage.begin('ada');
  expect(usage.begin('ada')).toMatchObject({
    refused: expect.stringContaining('2 connections at a time') as string,
  });
  expect(usage.begin('bob')).toHaveProperty('end');
  if ('end' in first) {
    first.end();
    first.end();
  }
  expect(usage.begin('ada')).toHaveProperty('end');
  expect(usage.begin('ada')).toHaveProperty('refused');
});

test('a user may begin some in a minute; only the first that is refused is reported', () => {
  let now = 0;
  const usage = new Usage({ open: 100, perMinute: 2 }, () => now);
  usage.begin('ada');
  usage.begin('ada');
  expect(usage.begin('ada')).toMatchObject({ isFirst: true });
  expect(usage.begin('ada')).toMatchObject({ isFirst: false });
  now = 60_000;
  expect(usage.begin('ada')).toHaveProperty('end');
});
