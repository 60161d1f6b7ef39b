import { setWorkflowOptions } from '@temporalio/workflow';
import { productionOrder } from './productionOrder';
import { testQueue } from './testQueue';

/**
 * Part of the bundle of workers that have a version (docs/replay.md), and of no other: a server refuses this from
 * them. Workflows stay with the version that began them; these outlive any submission, and would keep the version that
 * began them from ever being drained.
 */
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, productionOrder);
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, testQueue);
