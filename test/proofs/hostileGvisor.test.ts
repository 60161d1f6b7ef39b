import { describeHostilePrograms } from '../integration/hostile';

/** What test/integration/hostile.test.ts tries on the default runtime, in gVisor where the cluster has it. */
describe('a hostile program', () => describeHostilePrograms('auto'));
