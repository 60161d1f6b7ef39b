import type { Kind } from '../kinds';
import type { Fault } from './fault';
import { disturb, kill, pause } from './members';
import {
  CONFIG_MAP,
  DATABASE_POD,
  deleteOne,
  DEPLOYMENT,
  emptyNamespace,
  NETWORK_POLICY,
  PROGRAM_POD,
  SERVICE,
  TEST_POD,
} from './objects';
import { killServer, pauseServer } from './servers';
import { killShim } from './shims';
import { fillDisk } from './storage';

/**
 * The implementation of each kind of fault. Pauses, in milliseconds, exceed the timeouts of other processes.
 */
export const FAULTS: Record<Kind, Fault> = {
  'worker.kill': kill('workers'),
  // Longer than the heartbeat timeout of tests (10 s) and, often, that of all other activities (20 s).
  'worker.pause': pause('workers', 28_000),
  'gateway.kill': kill('gateways'),
  'gateway.pause': pause('gateways', 20_000),
  'network.cut': disturb('cut'),
  'network.delay': disturb('delay'),
  'network.hang': disturb('hang'),
  'temporal.kill': killServer('temporal'),
  // Longer than the gateway waits for an answer (10 s).
  'temporal.pause': pauseServer('temporal', 8_000, 15_000),
  'kube-apiserver.kill': killServer('kube-apiserver'),
  'kube-apiserver.pause': pauseServer('kube-apiserver', 8_000, 20_000),
  'etcd.kill': killServer('etcd'),
  'kube-controller-manager.kill': killServer('kube-controller-manager'),
  'kube-scheduler.kill': killServer('kube-scheduler'),
  'kube-proxy.kill': killServer('kube-proxy'),
  'kubelet.kill': killServer('kubelet'),
  // Sometimes longer than the grace period after which the node counts as lost (40 s).
  'kubelet.pause': pauseServer('kubelet', 10_000, 45_000),
  'containerd.kill': killServer('containerd'),
  'elasticsearch.kill': killServer('elasticsearch'),
  // Longer than the timeout of the platform's requests (10 s).
  'elasticsearch.pause': pauseServer('elasticsearch', 11_000, 25_000),
  'elasticsearch.full': fillDisk,
  'shim.kill': killShim,
  'test-pod.delete': deleteOne(TEST_POD, { executionsLost: true }),
  'program-pod.delete': deleteOne(PROGRAM_POD),
  'database-pod.delete': deleteOne(DATABASE_POD),
  'deployment.delete': deleteOne(DEPLOYMENT, { productionLost: true }),
  'service.delete': deleteOne(SERVICE),
  'configmap.delete': deleteOne(CONFIG_MAP, { productionLost: true }),
  'networkpolicy.delete': deleteOne(NETWORK_POLICY),
  'namespace.empty': emptyNamespace,
};
