/**
 * Converts file names to keys of a ConfigMap and back. Keys may contain letters, digits, -, _ and dots; the
 * names of a program's files may contain folders and any characters.
 */

/** Longest key of a ConfigMap. In a file name, each byte that has to be escaped counts three times. */
const MAX_KEY_CHARACTERS = 253;

/** The key of a file. Bytes other than letters, digits, - and dots become `_` and two hex digits. */
export function keyOfFile(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[-.a-zA-Z0-9]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

/**
 * Keys of the program's input, stored next to its files. No file has such a key, because `_` begins an
 * escaped byte there.
 */
export const INPUT_KEYS = { stdin: '__stdin', args: '__args' } as const;

export function isInputKey(key: string): boolean {
  return key.startsWith('__');
}

/** The name of the file that is stored under a key. */
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
