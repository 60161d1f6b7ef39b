import { ApiException, type KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from '../../../infrastructure/kubernetes/api/client';

/** A Kubernetes API in memory: what adapters need to read and apply objects. Records each write. */
export class Cluster {
  readonly writes: string[] = [];
  private readonly objects = new Map<string, KubernetesObject>();
  private version = 0;

  constructor(...objects: KubernetesObject[]) {
    for (const object of objects) this.put(object);
  }

  /** Changes an object as someone else would. */
  put(object: KubernetesObject): KubernetesObject {
    const metadata = { uid: nameOf(object), ...object.metadata, resourceVersion: String(++this.version) };
    const stored = structuredClone({ ...object, metadata });
    this.objects.set(nameOf(object), stored);
    return stored;
  }

  get(kind: string, name: string): KubernetesObject | undefined {
    return this.objects.get(`${kind}/${name}`);
  }

  readonly kube = {
    core: {
      readNamespace: ({ name }: Named) => this.read('Namespace', name),
      readNamespacedService: ({ name }: Named) => this.read('Service', name),
      listNamespacedPod: () => Promise.resolve({ items: [] }),
      listNamespacedConfigMap: () => Promise.resolve({ items: [] }),
      createNamespacedSecret: ({ body, dryRun }: { body: KubernetesObject; dryRun?: string }) => {
        if (this.objects.has(nameOf(body))) return Promise.reject(failure(409));
        if (dryRun !== undefined) return Promise.resolve(body);
        this.writes.push(`create ${nameOf(body)}`);
        return Promise.resolve(this.put(body));
      },
    },
    apps: {
      readNamespacedDeployment: ({ name }: Named) => this.read('Deployment', name),
      readNamespacedStatefulSet: ({ name }: Named) => this.read('StatefulSet', name),
    },
    objects: {
      list: (_: string, kind: string) => {
        const items = [...this.objects.values()].filter((object) => object.kind === kind);
        return Promise.resolve({ items: structuredClone(items), metadata: { resourceVersion: '1' } });
      },
      read: ({ kind = '', metadata }: KubernetesObject) => this.read(kind, metadata?.name ?? ''),
      patch: (object: KubernetesObject) => {
        this.writes.push(nameOf(object));
        const before = this.objects.get(nameOf(object)) ?? object;
        const metadata = { ...before.metadata, ...object.metadata };
        return Promise.resolve(this.put({ ...before, ...object, metadata }));
      },
    },
    watch: { watch: () => Promise.resolve(new AbortController()) },
  } as unknown as Kube;

  private read(kind: string, name: string): Promise<KubernetesObject> {
    const found = this.get(kind, name);
    return found ? Promise.resolve(structuredClone(found)) : Promise.reject(failure(404));
  }
}

interface Named {
  name: string;
}

const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata?.name}`;

const failure = (code: number) => new ApiException(code, '', JSON.stringify({ message: String(code) }), {});
