import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { Client, type Frame } from '../integration/client';
import { programLogs, removeUsers } from '../integration/kubectl';
import { sharedPlatform } from '../integration/platform';
import { startChromium } from './chromium';
import { startNetworkProxy, type NetworkProxy } from './networkProxy';

/** Tests of the page in a real browser, on real servers. */

const USER = 'browser-test';

/** When this variable is set, screenshots of the page are made for the documentation. */
const IMAGE_FOLDER = process.env.SCREENSHOTS ? join(__dirname, '..', '..', 'docs', 'images') : null;

const platform = sharedPlatform();
let network: NetworkProxy;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** Complaints of the browser, such as violations of the Content-Security-Policy. */
const browserErrors: string[] = [];

beforeAll(async () => {
  network = await startNetworkProxy(new URL(platform.url));
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await network?.close();
  await removeUsers(USER);
});

beforeEach(async () => {
  browserErrors.length = 0;
  context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light' });
  page = await context.newPage();
  page.setDefaultTimeout(90_000);
  page.on('pageerror', (error) => browserErrors.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) browserErrors.push(message.text());
  });
});

afterEach(async () => {
  await context.close();
  expect(browserErrors).toEqual([]);
});

async function logIn(): Promise<void> {
  await page.goto(network.origin);
  await page.getByLabel('Key').fill(platform.apiKey);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('User').fill(USER);
  await page.getByText('Connected', { exact: true }).waitFor();
  await page.locator('.cm-content').waitFor();
}

/** Replaces the code in the editor and submits it with the keyboard. */
async function submit(code: string): Promise<void> {
  await page.locator('.cm-content').focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(code);
  await page.keyboard.press('Control+Enter');
}

/** Submits without the page. @returns the final frame */
async function submitDirectly(fields: object): Promise<Frame> {
  const client = await Client.connect(platform, '?progress=false');
  client.send({ user_id: USER, ...fields });
  const final = await client.frame((frame) => 'status' in frame || frame.type === 'error');
  await client.close();
  return final;
}

const verdict = () => page.locator('.verdict');
const output = () => page.locator('.terminal');

async function expectVerdict(text: string): Promise<void> {
  await verdict().getByText(text, { exact: true }).waitFor();
}

async function screenshot(name: string, of: Page | Locator = page): Promise<void> {
  if (IMAGE_FOLDER) await of.screenshot({ path: join(IMAGE_FOLDER, `${name}.png`) });
}

/** Violations that axe-core rates as serious or critical. */
async function seriousViolations(): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 375, height: 812 };

/** Violations in what is displayed, light and dark, on desktop and phone. It must fit the screen's width. */
async function violationsEverywhere(): Promise<string[]> {
  const found: string[] = [];
  for (const viewport of [PHONE, DESKTOP]) {
    await page.setViewportSize(viewport);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    if (width > viewport.width) found.push(`${width} pixels wide on a screen of ${viewport.width}`);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      found.push(
        ...(await seriousViolations()).map((violation) => `${viewport.width}, ${colorScheme}: ${violation}`),
      );
    }
  }
  return found;
}

test('a wrong key is not let in, and the right one leaves no key in the browser', async () => {
  await page.goto(network.origin);
  await page.getByLabel('Key').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('that is no valid key').waitFor();
  expect(await seriousViolations()).toEqual([]);
  await logIn();
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  const stored = await page.evaluate<string>('JSON.stringify({ ...localStorage }) + document.cookie');
  expect(stored + cookie?.value).not.toContain(platform.apiKey);
});

test('a program that is broken has its line marked; one that works is deployed; both stay in the history', async () => {
  await logIn();
  await submit("x = 1\nprint('broken'");
  await expectVerdict('Tests failed');
  await page.locator('.cm-lint-marker-error').waitFor();
  const row = await page.locator('.cm-lint-marker-error').boundingBox();
  const line = await page.locator('.cm-line', { hasText: 'broken' }).boundingBox();
  expect(Math.abs((row?.y ?? 0) - (line?.y ?? 99))).toBeLessThan(10);
  await screenshot('page-error');

  await submit("print('Hello')");
  await expectVerdict('Deployed');
  await output().getByText('Hello').waitFor();
  const link = page.getByRole('link', { name: 'Run in Temporal' });
  expect(await link.getAttribute('href')).toMatch(
    /^http:\/\/127.0.0.1:8233\/namespaces\/default\/workflows\/submission-web-/,
  );
  expect(await page.locator('.timeline .completed').count()).toBeGreaterThanOrEqual(4);
  expect(await violationsEverywhere()).toEqual([]);
  await screenshot('page-deployed');
  if (IMAGE_FOLDER) {
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('page-dark');
    await page.setViewportSize(PHONE);
    await screenshot('page-phone');
  }

  await page.reload();
  await expectVerdict('Deployed');
  await page.getByLabel('User').fill(USER);
  await page.locator('.history button', { hasText: 'x = 1' }).click();
  await expectVerdict('Tests failed');
});

test('output that is HTML stays text, and colours of a terminal are shown', async () => {
  await logIn();
  await submit(`print('<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>')
print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2Jplain')
raise SystemExit(1)`);
  await expectVerdict('Tests failed');
  await output().getByText('<img src=x onerror').waitFor();
  await output().locator('.fg-1', { hasText: 'red' }).waitFor();
  expect(await output().innerText()).toContain('red plain');
  expect(await output().locator('img, script').count()).toBe(0);
  expect(await page.evaluate("'hacked' in window")).toBe(false);
});

test('a connection that is lost comes back by itself, and no line is lost or repeated', async () => {
  await logIn();
  await submit(`import time
for n in range(40):
    print(f'line {n};', flush=True)
    time.sleep(0.1)
raise SystemExit(1)`);
  await output().getByText('line 5;').waitFor();
  network.disconnect();
  await page.getByText('Connection lost').waitFor();
  network.reconnect();
  await expectVerdict('Tests failed');
  await page.getByText('Connected', { exact: true }).waitFor();
  const linesIn = (text: string) => [...text.matchAll(/line (\d+);/g)].map(([, n]) => Number(n));
  expect(linesIn(await output().innerText())).toEqual([...Array(40).keys()]);

  const link = page.getByRole('link', { name: 'All of the output' });
  const [opened] = await Promise.all([context.waitForEvent('page'), link.click()]);
  await opened.waitForLoadState();
  expect(linesIn(await opened.locator('body').innerText())).toEqual([...Array(40).keys()]);
});

test('a submission that is cancelled says so', async () => {
  await logIn();
  await submit("import time\nprint('begun', flush=True)\ntime.sleep(9)");
  await output().getByText('begun').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expectVerdict('Cancelled');
});

test('cases that do not pass show what they printed and what was expected', async () => {
  await logIn();
  await page.getByLabel('Example').selectOption({ label: 'Tested with cases' });
  await page.getByRole('button', { name: /^Submit/ }).click();
  await expectVerdict('Tests failed');
  await page.locator('.diff .added').first().waitFor();
  await page.locator('.diff .removed').first().waitFor();
  expect(await page.locator('.tests .passed').count()).toBe(1);
  expect(await violationsEverywhere()).toEqual([]);
  await screenshot('page-tests');
});

test('what is tested only is not deployed, says so, and stays so when it is sent again', async () => {
  await logIn();
  const testOnly = page.getByLabel('Test only, do not deploy');
  await page.getByLabel('Example').selectOption({ label: 'Tested with cases' });
  expect(await testOnly.isChecked()).toBe(true); // Its program reads input, and production has none.
  await page.getByLabel('Example').selectOption({ label: 'Hello' });
  expect(await testOnly.isChecked()).toBe(false);
  await testOnly.check();
  await submit("print('only tested')");
  await expectVerdict('Tests passed');
  await verdict().getByText('It was tested only, and not deployed.').waitFor();
  await page.locator('.timeline .name', { hasText: 'Run the tests' }).waitFor();
  expect(await page.locator('.timeline .name', { hasText: /turn|Apply|Roll/ }).count()).toBe(0);
  expect(await page.getByRole('button', { name: 'Roll back to this' }).count()).toBe(0);
  expect(await violationsEverywhere()).toEqual([]);

  await page.reload();
  await expectVerdict('Tests passed');
  await page.locator('.cm-content').getByText('only tested').waitFor();
  expect(await testOnly.isChecked()).toBe(true);
  await page.getByLabel('User').fill(USER);
  const first = await page.evaluate<string>('location.hash');
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.waitForFunction(`location.hash !== ${JSON.stringify(first)}`);
  await expectVerdict('Tests passed');

  await page.getByLabel('Status').selectOption('tests passed');
  await page.locator('.history .badge', { hasText: 'tests passed' }).nth(1).waitFor();
});

test('a program in another language is submitted in the file that the language names', async () => {
  await logIn();
  const language = page.getByLabel('Language');
  const fileName = page.locator('.controls code');
  await language.locator('option:checked', { hasText: 'Python' }).waitFor({ state: 'attached' });
  await language.selectOption({ label: 'JavaScript (Node.js)' });
  await fileName.getByText('main.js').waitFor();
  await page.getByLabel('Test only, do not deploy').check();
  await submit('console.log(typeof process)');
  await expectVerdict('Tests passed');
  await output().getByText('object').waitFor();

  await page.reload();
  await expectVerdict('Tests passed');
  await fileName.getByText('main.js').waitFor();
  await language.locator('option:checked', { hasText: 'JavaScript' }).waitFor({ state: 'attached' });
});

test('a language that is added to the platform can be selected; it is shown without colours', async () => {
  const added = { name: 'cobol', title: 'COBOL', file_name: 'main.cob', extensions: ['.cob'] };
  await page.route('**/api/languages', async (route) => {
    const response = await route.fetch();
    const { languages } = (await response.json()) as { languages: object[] };
    await route.fulfill({ response, json: { languages: [...languages, added] } });
  });
  await logIn();
  await page.locator('.cm-line span').first().waitFor();
  await page.getByLabel('Language').selectOption({ label: 'COBOL' });
  await page.locator('.controls code').getByText('main.cob').waitFor();
  expect(await page.locator('.cm-line span').count()).toBe(0);
});

test('the page works without the list of languages, says so, and loads it again on request', async () => {
  await page.route('**/api/languages', (route) => route.fulfill({ status: 503 }));
  await logIn();
  const language = page.getByLabel('Language');
  await page.getByText('Could not load the list of languages: The gateway answered 503.').waitFor();
  expect(await language.isDisabled()).toBe(true);
  expect(await violationsEverywhere()).toEqual([]);
  await page.getByLabel('Test only, do not deploy').check();
  await submit("print('without the list')");
  await expectVerdict('Tests passed');

  await page.unroute('**/api/languages');
  await page.getByRole('button', { name: 'Try again' }).click();
  await language.locator('option', { hasText: 'JavaScript' }).waitFor({ state: 'attached' });
  expect(await page.getByText('Could not load').count()).toBe(0);
});

test('a stored submission in a language that is no longer available is shown, and the language can be changed', async () => {
  const stored = { id: 'web-stored', user: USER, at: '2026-01-01T12:00:00.000Z', status: 'tests_failed' };
  await logIn();
  const list = JSON.stringify([{ ...stored, language: 'cobol', code: 'DISPLAY "Hello".' }]);
  await page.evaluate(`localStorage.setItem('submissions of ${USER}', ${JSON.stringify(list)})`);
  await page.reload();
  await page.getByLabel('User').fill(USER);
  await page.locator('.history button', { hasText: 'DISPLAY' }).click();
  await page.locator('.cm-content').getByText('DISPLAY').waitFor();
  const language = page.getByLabel('Language');
  await language
    .locator('option:checked', { hasText: 'cobol (not available)' })
    .waitFor({ state: 'attached' });
  await language.selectOption({ label: 'Python' });
  await page.locator('.controls code').getByText('main.py').waitFor();
});

test('what was sent elsewhere is in the history, and what was deployed before is rolled back to', async () => {
  const first = await submitDirectly({ code: "print('first')" });
  const second = await submitDirectly({ code: "print('second')" });
  expect([first.status, second.status]).toEqual(['deployed', 'deployed']);
  await logIn();
  await page.locator('.history button', { hasText: String(first.submission_id) }).click();
  await expectVerdict('Deployed');
  await page.getByRole('button', { name: 'Roll back to this' }).click();
  await page.getByRole('button', { name: 'Roll back', exact: true }).click();
  await page.getByText('Rolled back.').waitFor();
  expect(await programLogs(`user-${USER}`)).toContain('first');
  expect(await seriousViolations()).toEqual([]);

  // One that takes longer than the gateway waits is followed until it is live.
  await page.route(/\/rollback$/, (route) => route.continue({ url: `${route.request().url()}?wait=1` }));
  await page.locator('.history button', { hasText: String(second.submission_id) }).click();
  await page.getByRole('button', { name: 'Roll back to this' }).click();
  await page.getByRole('button', { name: 'Roll back', exact: true }).click();
  await page.getByText('Rolled back.').waitFor();
  expect(await programLogs(`user-${USER}`)).toContain('second');
});

test('what was sent elsewhere comes back with all that it asked for, and is compared with another', async () => {
  const files = {
    'main.py': 'from lib.x import f\nprint(f())\nraise SystemExit(1)',
    'lib/x.py': 'f = input',
  };
  const one = await submitDirectly({ files, stdin: 'a line' });
  const changed = { ...files, 'main.py': files['main.py'].replace('1)', '2)') };
  const other = await submitDirectly({ files: changed, stdin: 'another' });
  const row = ({ submission_id: id }: Frame) =>
    page.locator('.history li', { has: page.locator('code', { hasText: String(id) }) });

  await logIn();
  await row(other).locator('.open').click();
  await expectVerdict('Tests failed');
  await page.locator('.cm-content').getByText('raise SystemExit(2)').waitFor();
  await page.getByText('Files and input: 2 files, with input').click();
  expect(await page.getByLabel('Standard input').inputValue()).toBe('another');
  await page.locator('.fields select').selectOption('lib/x.py');
  await page.locator('.cm-content').getByText('f = input').waitFor();

  await row(one).getByRole('button', { name: 'Compare' }).click();
  const compared = page.locator('.card', { has: page.getByRole('heading', { name: 'Compared' }) });
  await compared.locator('.removed', { hasText: 'raise SystemExit(1)' }).waitFor();
  await compared.locator('.added', { hasText: 'raise SystemExit(2)' }).waitFor();
  await compared.locator('.removed', { hasText: '-a line' }).waitFor();
  await compared.locator('.added', { hasText: '+another' }).waitFor();
  expect(await compared.locator('tr', { hasText: 'Exit code' }).innerText()).toMatch(/1\s+2/);
  expect(await compared.locator('tr', { hasText: 'Run the tests' }).innerText()).toMatch(
    /\d m?s\s+\d+(\.\d)? m?s/,
  );
  expect(await violationsEverywhere()).toEqual([]);
  await screenshot('page-compared', compared);
});

test('a comparison shows a missing end of a line, what went to stderr, and which output cannot be had', async () => {
  const program = (out: string, error: string) =>
    `import sys\nsys.stdout.write(${JSON.stringify(out)})\nsys.exit(${JSON.stringify(error)})`;
  const one = await submitDirectly({ code: program('same\n', 'went wrong') });
  const other = await submitDirectly({ code: program('same', 'went worse') });
  await logIn();
  await page.locator('.history .open', { hasText: String(other.submission_id) }).click();
  await expectVerdict('Tests failed');
  const compare = () =>
    page.getByRole('button', { name: `Compare with ${String(one.submission_id)}` }).click();
  await compare();
  const output = page.getByRole('region', { name: 'How Output differs' });
  await output.getByText('-same').waitFor();
  expect(await output.innerText()).toMatch(/-same\n\+same\n\\ \(no end of the line\)/);
  const errors = page.getByRole('region', { name: 'How Errors differs' });
  expect(await errors.innerText()).toMatch(/-went wrong\n\+went worse/);

  await page.getByRole('button', { name: 'Close the comparison' }).click();
  await page.route(/stream=stderr/, (route) => route.fulfill({ status: 503 }));
  await compare();
  await page
    .getByText(`Could not load the output of ${String(one.submission_id)}: the gateway answered 503.`)
    .waitFor();
  await output.getByText('-same').waitFor();
});

test('the history goes on page after page, and shows those of a status or of some days', async () => {
  const code = 'raise SystemExit(1)';
  for (let batch = 0; batch < 7; batch++)
    await Promise.all(Array.from({ length: 8 }, () => submitDirectly({ code })));
  await logIn();
  const rows = page.locator('.history li');
  const statuses = async () => [...new Set(await page.locator('.history .badge').allInnerTexts())];
  const older = page.getByRole('button', { name: 'Show older ones' });
  await older.waitFor();
  expect(await rows.count()).toBe(50);
  await older.click();
  await rows.nth(55).waitFor();

  await page.getByLabel('Status').selectOption('tests failed');
  await older.waitFor();
  expect(await statuses()).toEqual(['tests failed']);
  await page.getByLabel('Status').selectOption('superseded');
  await page.getByText('No submissions match.').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await older.waitFor();
  expect(await rows.count()).toBe(50);
  await page.getByLabel('To', { exact: true }).fill('2026-01-31');
  await page.getByText('No submissions match.').waitFor();
  await page.getByLabel('To', { exact: true }).fill('');
  await page.getByLabel('From', { exact: true }).fill('2026-01-31');
  await older.waitFor();
  expect(await violationsEverywhere()).toEqual([]);
});

test('the address that the command line prints opens that submission, also before the login', async () => {
  const { submission_id: id } = await submitDirectly({ code: 'raise SystemExit(1)' });
  await page.goto(`${network.origin}/?submission=${String(id)}`);
  await page.getByLabel('Key').fill(platform.apiKey);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expectVerdict('Tests failed');
  expect(await page.evaluate<string>('location.search + location.hash')).toBe(`#${String(id)}`);
});

test('only what is there is linked to', async () => {
  const final = await submitDirectly({ code: 'raise SystemExit(1)' });
  const links = { temporal_ui: null, temporal_namespace: 'default', kibana: null };
  const show = async (config: object) => {
    await page.route('**/config.json', (route) => route.fulfill({ json: config }));
    await page.goto(`${network.origin}/#${String(final.submission_id)}`);
    await page.reload();
    await expectVerdict('Tests failed');
  };
  await logIn();
  const [temporal, kibana] = ['Run in Temporal', 'Actions in Kibana'].map((name) =>
    page.getByRole('link', { name }),
  );
  await show(links);
  expect([await temporal!.count(), await kibana!.count()]).toEqual([0, 0]);
  await show({ ...links, kibana: 'https://kibana.example.test' });
  expect(await temporal!.count()).toBe(0);
  expect(decodeURIComponent((await kibana!.getAttribute('href'))!)).toBe(
    `https://kibana.example.test/app/discover#/?_a=(query:(language:kuery,query:'submission.id:"${String(final.submission_id)}"'))`,
  );
});

test('a program that asks gets what is typed while it runs', async () => {
  await logIn();
  await page.getByText('Files and input').click();
  await page.getByLabel('More input comes while it runs').check();
  await submit(
    "print('Hello', input(), flush=True)\nimport sys\nprint(sys.stdin.read())\nraise SystemExit(1)",
  );
  await page.getByLabel('Input for the program').fill('Ada');
  await page.keyboard.press('Enter');
  await output().getByText('Hello Ada').waitFor();
  expect(await violationsEverywhere()).toEqual([]);
  await page.getByLabel('Input for the program').fill('and more');
  await page.getByRole('button', { name: 'Send the line' }).click();
  await page.getByRole('button', { name: 'End the input' }).click();
  await expectVerdict('Tests failed');
  expect(await output().innerText()).toContain('and more');
});

test('the API reference shows what a call takes and answers, and the call can be tried', async () => {
  await logIn();
  await page.goto(`${network.origin}/docs`);
  await page.getByText('Returns what a user has in production').waitFor();
  const call = (operationId: string) => page.locator(`#operations-default-${operationId}`);
  await call('submit').locator('button').first().click();
  await call('submit').getByText('Request body').waitFor();
  await call('submit').locator('.body-param textarea').waitFor();
  const example = await call('submit').locator('.body-param textarea').inputValue();
  expect(JSON.parse(example)).toEqual({ user_id: 'test', code: "print('Hello')", deploy: false });
  // The page's login is enough to try a call.
  await call('list').locator('button').first().click();
  await call('list').getByRole('button', { name: 'Execute' }).click();
  const answer = call('list').locator('.live-responses-table');
  await answer.waitFor();
  expect(await answer.innerText()).toContain('"submissions"');
});

test('what is live is shown pod by pod, with its database and a link to it', async () => {
  await logIn();
  await page.getByLabel('Example').selectOption({ label: 'A web server' });
  await page.getByRole('button', { name: /^Submit/ }).click();
  const production = page.locator('.card', { has: page.getByRole('heading', { name: 'Production' }) });
  await expectVerdict('Deployed');
  await production.getByText('Live and ready.').waitFor();
  await production.locator('tr', { hasText: 'database' }).locator('.ready').waitFor();
  const program = production.locator('tr', { hasText: `${USER}-prod-` }).filter({ hasText: 'web-' });
  await program.locator('.ready').first().waitFor();
  const link = production.getByRole('link', { name: 'Open the program' });
  const { port } = new URL(platform.url);
  expect(await link.getAttribute('href')).toBe(`http://${USER}.apps.localhost:${port}/`);
  const [opened] = await Promise.all([context.waitForEvent('page'), link.click()]);
  await opened.waitForLoadState();
  expect(await opened.locator('body').innerText()).toContain('Hello');
  await opened.close();
  expect(await violationsEverywhere()).toEqual([]);
  await screenshot('page-production', production);
});
