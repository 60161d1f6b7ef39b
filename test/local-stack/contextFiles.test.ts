import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contextFiles, copiedSources } from '../../local-stack/images/contextFiles';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'context-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const write = (name: string, content = '') => {
  mkdirSync(join(directory, name, '..'), { recursive: true });
  writeFileSync(join(directory, name), content);
};

test('reads what a Dockerfile copies from its context', () => {
  const dockerfile = `
    FROM base
    COPY --chmod=0755 a.sh b.sh \\
      /opt/
    ADD folder /folder
    COPY --from=builder /out /out
    # COPY not/this /x
    RUN echo COPY nor/this`;
  expect(copiedSources(dockerfile)).toEqual(['a.sh', 'b.sh', 'folder']);
});

test.each(['COPY *.py /opt/', 'COPY ["a b", "/opt/"]', 'COPY ${NAME} /opt/'])(
  'refuses to guess at %s',
  (line) => {
    expect(() => copiedSources(line)).toThrow('Cannot tell which files this copies');
  },
);

test('lists the files of copied folders, without what Python leaves behind', async () => {
  write('Dockerfile', 'COPY pod main.py /opt/');
  write('pod/b/deep.py');
  write('pod/a.py');
  write('pod/__pycache__/a.pyc');
  write('main.py');
  write('other.py');
  const files = await contextFiles(join(directory, 'Dockerfile'), directory);
  expect(files.map(({ name }) => name)).toEqual(['main.py', 'pod/a.py', 'pod/b/deep.py']);
});

test('says which file is missing', async () => {
  write('Dockerfile', 'COPY gone.py /opt/');
  await expect(contextFiles(join(directory, 'Dockerfile'), directory)).rejects.toThrow('copies gone.py');
});
