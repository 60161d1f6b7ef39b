import { join } from 'node:path';
import { findProgram } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { unpackedPackages } from './debianPackages';
import { firstThatWorks, type Source } from './sources';

/** Paths of Prometheus and of promtool. */
export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/** Prometheus, for tests: installed, or unpacked from Debian's package (installing it starts a server). */
export function prometheusPrograms(settings: Settings, progress: Progress): Promise<PrometheusPrograms> {
  const { cacheDirectory } = settings;
  return firstThatWorks('Prometheus', [installed(), unpacked(settings, progress)], {
    cacheDirectory,
    progress,
  });
}

function installed(): Source<PrometheusPrograms> {
  return {
    title: 'installed here',
    find: () => {
      const [prometheus, promtool] = [findProgram('prometheus'), findProgram('promtool')];
      return Promise.resolve(prometheus && promtool ? { prometheus, promtool } : undefined);
    },
  };
}

function unpacked(settings: Settings, progress: Progress): Source<PrometheusPrograms> {
  return {
    title: "from Debian's package",
    find: async () => {
      if (!findProgram('apt-get') || !findProgram('dpkg-deb')) return undefined;
      const directory = await unpackedPackages('prometheus', ['prometheus'], settings, progress);
      const program = (name: string) => join(directory, 'usr', 'bin', name);
      return { prometheus: program('prometheus'), promtool: program('promtool') };
    },
  };
}
