import { answerOf, expectNothingElse, rowsOf, server, submit, Users } from '../integration/deployed';
import { startPlatform, type Platform } from '../integration/platform';

/** More concurrent users than the machine has processors. */

const users = new Users('many');
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await users.remove();
});

test('twenty new users at once are all served, and none waits for another', async () => {
  const many = Array.from({ length: 20 }, () => users.another());
  const startedAt = Date.now();
  const seconds: number[] = [];
  const finals = await Promise.all(
    many.map(async (user) => {
      const final = await submit(platform, user, server(user));
      seconds.push((Date.now() - startedAt) / 1000);
      return final;
    }),
  );
  console.log(`twenty new users at once, seconds: ${seconds.map((each) => each.toFixed(1)).join(' ')}`);
  // Whole frames, so that a failed one shows its reason.
  expect(finals.filter(({ status }) => status !== 'deployed')).toEqual([]);
  for (const user of many) {
    expect(await answerOf(user)).toBe(user);
    expect(await rowsOf(user)).toEqual([user]);
    await expectNothingElse(user);
  }
}, 600_000);
