import { setWorkflowOptions } from '@temporalio/workflow';
import { productionOrder } from './productionOrder';
import { testQueue } from './testQueue';

/**
 * Only the bundle of workers with a version contains this module (docs/replay.md); a server refuses these
 * options from other workers. Workflows stay with the version that started them. These two outlive every
 * submission, so they would prevent that version from ever being drained.
 */
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, productionOrder);
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, testQueue);
