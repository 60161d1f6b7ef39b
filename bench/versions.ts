import { Connection } from '@temporalio/client';
import { kubectl } from '../test/integration/kubectl';
import { stack } from '../test/integration/stack';

/** Versions of the servers that the figures depend on. */
export async function serverVersions(): Promise<Record<string, string>> {
  const connection = await Connection.connect({ address: stack().temporalAddress });
  try {
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    const kubernetes = JSON.parse(await kubectl('version', '-o', 'json')) as {
      serverVersion: { gitVersion: string };
    };
    return {
      Node: process.version,
      Temporal: serverVersion ?? 'unknown',
      Kubernetes: kubernetes.serverVersion.gitVersion,
    };
  } finally {
    await connection.close();
  }
}
