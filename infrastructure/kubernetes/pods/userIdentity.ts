import { createHash } from 'node:crypto';
import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node';

/**
 * The uid and gid of a user's pods. The kernel counts some resources per uid of a node (inotify instances,
 * bytes in pipes, locked memory, keys), so users do not share a uid. It is derived from the user id, so it is
 * the same for every pod, node and worker. Among a thousand users, two have the same uid with a probability
 * of 1 in 3,000.
 */
export function uidOf(userId: string): number {
  return FIRST_UID + (createHash('sha256').update(`uid of ${userId}`).digest().readUInt32BE() % UIDS);
}

/** Above the uids of people and images, and below the 2^31 that Kubernetes allows. */
const FIRST_UID = 0x10_00_00_00;
const UIDS = 0x60_00_00_00;

const USERS = [
  'root:x:0:0:root:/root:/usr/sbin/nologin',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
];
const GROUPS = ['root:x:0:', 'nogroup:x:65534:'];

/** The user name that programs see. */
const NAME = 'program';

const PASSWD_ANNOTATION = 'orchestration-app/passwd';
const GROUP_ANNOTATION = 'orchestration-app/group';
const VOLUME = 'identity';

/** The folder in which programs run, in tests and in production. */
export const HOME = '/work/1';

/** Annotations of a user's pod: the content of the files of `identityMounts`. Images cannot know the uid. */
export function identityAnnotations(userId: string): Record<string, string> {
  const id = uidOf(userId);
  const passwd = [...USERS, `${NAME}:x:${id}:${id}:${NAME}:${HOME}:/bin/sh`];
  const group = [...GROUPS, `${NAME}:x:${id}:`];
  return {
    [PASSWD_ANNOTATION]: `${passwd.join('\n')}\n`,
    [GROUP_ANNOTATION]: `${group.join('\n')}\n`,
  };
}

const fileOf = (path: string, annotation: string) => {
  return { path, fieldRef: { fieldPath: `metadata.annotations['${annotation}']` } };
};

export const identityVolume: V1Volume = {
  name: VOLUME,
  downwardAPI: {
    defaultMode: 0o444,
    items: [fileOf('passwd', PASSWD_ANNOTATION), fileOf('group', GROUP_ANNOTATION)],
  },
};

/** Mounts the files that name the uid and the gid, in a container of a pod with `identityVolume`. */
export const identityMounts: V1VolumeMount[] = ['passwd', 'group'].map((file) => {
  return { name: VOLUME, mountPath: `/etc/${file}`, subPath: file, readOnly: true };
});
