import { describeHostilePrograms } from './hostile';

describe('a hostile program', () => describeHostilePrograms('none'));
