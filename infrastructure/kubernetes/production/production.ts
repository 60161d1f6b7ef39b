import type { Production } from '../../../activities/ports';
import type { Kube } from '../api/client';
import { applyDatabase } from './database/database';
import { inspectProduction } from './inspect';
import { migrate, removeMigration } from './migration/migration';
import { applyProgram } from './program/program';
import { removeProduction, stopProgram } from './removal';
import { rollBack } from './rollout/rollback';
import { awaitRollout } from './rollout/rollout';
import { discardOldData, upgradeDatabase } from './database/upgrade';
import type { ProductionSettings } from './types';

/** Each user's program and database in Kubernetes. */
export function createProduction(kube: Kube, settings: ProductionSettings): Production {
  return {
    inspect: (userId) => inspectProduction(kube, userId),
    stop: (userId, context) => stopProgram(kube, userId, context),
    remove: (userId, what, context) => removeProduction(kube, userId, what, context),
    migrate: (request, context) => migrate(kube, settings, request, context),
    removeMigration: (userId, submissionId) => removeMigration(kube, userId, submissionId),
    applyDatabase: (provenance, context) => applyDatabase(kube, settings, provenance, context),
    upgradeDatabase: (userId, context) => upgradeDatabase(kube, settings, userId, context),
    discardOldData: (userId) => discardOldData(kube, userId),
    applyProgram: (request, context) => applyProgram(kube, settings, request, context),
    awaitRollout: (request, context) => awaitRollout(kube, request, context),
    rollBack: (request, context) => rollBack(kube, settings, request, context),
  };
}
