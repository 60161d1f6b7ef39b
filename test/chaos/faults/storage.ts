import { errors } from '@elastic/elasticsearch';
import { patiently } from '../patience';
import { harmFor, type Fault } from './fault';
import { seconds } from './members';

/**
 * Simulates how Elasticsearch behaves when its disk is full: above the flood stage it sets this block on
 * every index of the disk, and rejects writes with 429 until there is space.
 */
const BLOCK = 'index.blocks.read_only_allow_delete';

const NOT_THERE = 404;

export const fillDisk: Fault = async (reach, random) => {
  const { elasticsearch, platform } = reach;
  const ms = random.between(8_000, 30_000);
  const block = (value: true | null) =>
    patiently(() =>
      elasticsearch.indices.putSettings({ index: `${platform.index}*`, settings: { [BLOCK]: value } }),
    ).catch((error: unknown) => {
      if (!(error instanceof errors.ResponseError && error.statusCode === NOT_THERE)) throw error;
    });
  await block(true);
  const heal = async () => {
    await harmFor(ms, reach);
    await block(null);
  };
  return { what: `for ${seconds(ms)}`, heal };
};
