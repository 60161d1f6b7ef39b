/** The servers that the local stack restarts when they die. */
export const SERVERS = [
  'temporal',
  'kube-apiserver',
  'etcd',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'containerd',
  'elasticsearch',
] as const;

export type Server = (typeof SERVERS)[number];

/**
 * Every kind of fault: its weight when kinds are drawn, and the minimum seconds between two faults of a kind.
 */
const kinds = {
  'worker.kill': { weight: 6, apart: 8 },
  'worker.pause': { weight: 3, apart: 40 },
  'gateway.kill': { weight: 6, apart: 8 },
  'gateway.pause': { weight: 3, apart: 30 },
  'network.cut': { weight: 8, apart: 5 },
  'network.delay': { weight: 5, apart: 5 },
  'network.hang': { weight: 5, apart: 10 },
  // The stack gives up on a server that dies five times in a row; a minute of uptime resets the count.
  'temporal.kill': { weight: 4, apart: 90 },
  'temporal.pause': { weight: 2, apart: 60 },
  'kube-apiserver.kill': { weight: 4, apart: 90 },
  'kube-apiserver.pause': { weight: 2, apart: 60 },
  'etcd.kill': { weight: 2, apart: 90 },
  'kube-controller-manager.kill': { weight: 2, apart: 90 },
  'kube-scheduler.kill': { weight: 2, apart: 90 },
  'kube-proxy.kill': { weight: 2, apart: 90 },
  'kubelet.kill': { weight: 3, apart: 90 },
  'kubelet.pause': { weight: 2, apart: 90 },
  'containerd.kill': { weight: 3, apart: 90 },
  'elasticsearch.kill': { weight: 3, apart: 100 },
  'elasticsearch.pause': { weight: 3, apart: 60 },
  'elasticsearch.full': { weight: 3, apart: 60 },
  'shim.kill': { weight: 8, apart: 5 },
  'test-pod.delete': { weight: 9, apart: 5 },
  'program-pod.delete': { weight: 7, apart: 5 },
  'database-pod.delete': { weight: 3, apart: 20 },
  'deployment.delete': { weight: 4, apart: 20 },
  'service.delete': { weight: 3, apart: 20 },
  'configmap.delete': { weight: 3, apart: 20 },
  'networkpolicy.delete': { weight: 3, apart: 20 },
  'namespace.empty': { weight: 2, apart: 120 },
} as const;

export type Kind = keyof typeof kinds;

export const KINDS = Object.keys(kinds) as Kind[];

export const weightOf = (kind: Kind): number => kinds[kind].weight;

/** Minimum time between two faults of a kind, in milliseconds. */
export const apartOf = (kind: Kind): number => kinds[kind].apart * 1_000;

/** One of each main kind, for the short version in `npm test`. */
export const MAIN_KINDS: readonly Kind[] = [
  'worker.kill',
  'test-pod.delete',
  'network.cut',
  'gateway.kill',
  'elasticsearch.full',
  'shim.kill',
  'program-pod.delete',
  'kube-apiserver.kill',
  'worker.pause',
  'temporal.kill',
];
