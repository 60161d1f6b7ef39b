/** A file of a project, as an index lists it (PEP 503, 592, 691). */
export interface ProjectFile {
  filename: string;
  url: string;
  /** In hexadecimal. Files without it are omitted, because they could not be verified. */
  sha256: string;
  requiresPython: string | undefined;
  /** The reason it was withdrawn, possibly empty; undefined when it was not. */
  yanked: string | undefined;
}

export const MEDIA_TYPES = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5';

/** Names according to PEP 508, and of files; path traversal and markup are not possible. */
const PROJECT_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The canonical form of a project's name; undefined when it is invalid. */
export function normalized(name: string): string | undefined {
  return PROJECT_NAME.test(name) ? name.toLowerCase().replace(/[-_.]+/g, '-') : undefined;
}

/** @param address the page's URL, to resolve relative links */
export function readProject(text: string, contentType: string, address: string): ProjectFile[] {
  const files = contentType.includes('json') ? readJson(text, address) : readHtml(text, address);
  return files.filter(
    ({ filename, sha256, url }) => FILE_NAME.test(filename) && SHA256.test(sha256) && /^https?:/.test(url),
  );
}

/** The same list as a page with links to this index. */
export function writeProject(files: ProjectFile[], linkTo: (filename: string) => string): string {
  const links = files.map(({ filename, sha256, requiresPython, yanked }) => {
    const attributes = {
      href: `${linkTo(filename)}#sha256=${sha256}`,
      'data-requires-python': requiresPython,
      'data-yanked': yanked,
    };
    const written = Object.entries(attributes)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}="${escaped(value ?? '')}"`);
    return `<a ${written.join(' ')}>${filename}</a><br>`;
  });
  return `<!DOCTYPE html>\n<title>Links</title>\n${links.join('\n')}\n`;
}

interface JsonFile {
  filename: string;
  url: string;
  hashes?: { sha256?: string };
  'requires-python'?: string | null;
  yanked?: boolean | string;
}

function readJson(text: string, address: string): ProjectFile[] {
  const { files } = JSON.parse(text) as { files: JsonFile[] };
  return files.map(({ filename, url, hashes, yanked, 'requires-python': requiresPython }) => ({
    filename,
    url: new URL(url, address).href,
    sha256: hashes?.sha256 ?? '',
    requiresPython: requiresPython ?? undefined,
    yanked: yanked === true ? '' : yanked || undefined,
  }));
}

function readHtml(text: string, address: string): ProjectFile[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].map(([, attributes = '', label = '']) => {
    const attribute = (name: string) => {
      const [, value] = new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 'i').exec(attributes) ?? [];
      return value === undefined ? undefined : unescaped(value);
    };
    const [, url = '', sha256 = ''] = /^([^#]*)(?:#sha256=(.*))?$/.exec(attribute('href') ?? '') ?? [];
    return {
      filename: label.trim(),
      url: new URL(url, address).href,
      sha256,
      requiresPython: attribute('data-requires-python'),
      yanked: attribute('data-yanked'),
    };
  });
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character as keyof typeof ENTITIES]);
}

function unescaped(text: string): string {
  return Object.entries(ENTITIES)
    .reverse()
    .reduce((rest, [character, entity]) => rest.replaceAll(entity, character), text);
}
