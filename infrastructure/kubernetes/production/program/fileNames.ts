/** A ConfigMap's keys are letters, digits, -, _ and dots; a program's files have folders and any letters. */

/** Longest key of a ConfigMap. A name of plain letters may be as long; every other byte of it counts three. */
const MAX_KEY_CHARACTERS = 253;

/** The key under which a file is kept: other bytes than letters, digits, - and dots as `_` and two hex digits. */
export function keyOfFile(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[-.a-zA-Z0-9]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

/** What a program is started with stands beside its files: no file has such a key, as `_` stands for a byte there. */
export const INPUT_KEYS = { stdin: '__stdin', args: '__args' } as const;

export function isInputKey(key: string): boolean {
  return key.startsWith('__');
}

/** The name of the file that is kept under a key. */
export function fileOfKey(key: string): string {
  return decodeURIComponent(key.replace(/_([0-9a-f]{2})/g, '%$1'));
}

/** @returns what is wrong with the name of a file, or null */
export function faultOfName(name: string): string | null {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part.startsWith('..')))
    return 'is not a path below the folder of the program';
  if (name.includes('\0')) return 'holds a null character';
  if (keyOfFile(name).length > MAX_KEY_CHARACTERS)
    return `is longer than ${MAX_KEY_CHARACTERS} characters, of which / and _ and letters beyond ASCII count three and more`;
  return null;
}
