import { statfs } from 'node:fs/promises';

/** Linux's magic number of overlayfs (statfs(2)). */
const overlayMagic = 0x794c7630;

/** True when this folder is on an overlay file system, as in a container: overlays cannot be stacked. */
export async function standsOnOverlay(directory: string): Promise<boolean> {
  return (await statfs(directory)).type === overlayMagic;
}
