import { kubectl } from './kubectl';

const LIST = ['configmap', 'user-images', '-n', 'orchestration-system'];

/** Permits an image in users' pods, which the cluster would refuse otherwise, until `work` has ended. */
export async function withPermittedImage<T>(image: string, work: () => Promise<T>): Promise<T> {
  const key = `of-a-test-${Date.now()}`;
  const patch = (value: string | null) =>
    kubectl('patch', ...LIST, '--type', 'merge', '-p', JSON.stringify({ data: { [key]: value } }));
  await patch(image);
  try {
    return await work();
  } finally {
    await patch(null);
  }
}
