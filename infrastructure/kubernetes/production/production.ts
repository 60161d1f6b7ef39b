import type { Kube } from '../api/client';
import { applyDatabase } from './database/database';
import type { DatabaseReport } from './database/database';
import { inspectProduction, type LiveReport } from './inspect';
import { migrate, removeMigration, type MigrationReport } from './migration/migration';
import { applyProgram } from './program/program';
import type { ProgramReport, ProgramRequest } from './program/program';
import { removeProduction, stopProgram } from './removal';
import { rollBack } from './rollout/rollback';
import type { RollbackReport, RollbackRequest } from './rollout/rollback';
import { awaitRollout } from './rollout/rollout';
import type { RolloutReport, RolloutRequest } from './rollout/rollout';
import { discardOldData, upgradeDatabase, type UpgradeReport } from './database/upgrade';
import type { CallContext, ProductionSettings, Provenance } from './types';

/** Each user's program and database in Kubernetes: adapter of the port `Production` of the activities. */
export interface Production {
  inspect(userId: string): Promise<LiveReport>;
  stop(userId: string, context: CallContext): Promise<void>;
  remove(userId: string, what: { database: boolean }, context: CallContext): Promise<void>;
  migrate(request: ProgramRequest, context: CallContext): Promise<MigrationReport>;
  removeMigration(userId: string, submissionId: string): Promise<void>;
  applyDatabase(provenance: Provenance, context: CallContext): Promise<DatabaseReport>;
  upgradeDatabase(userId: string, context: CallContext): Promise<UpgradeReport>;
  discardOldData(userId: string): Promise<string[]>;
  applyProgram(request: ProgramRequest, context: CallContext): Promise<ProgramReport>;
  awaitRollout(request: RolloutRequest, context: CallContext): Promise<RolloutReport>;
  rollBack(request: RollbackRequest, context: CallContext): Promise<RollbackReport>;
}

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
    applyProgram: (request) => applyProgram(kube, settings, request),
    awaitRollout: (request, context) => awaitRollout(kube, request, context),
    rollBack: (request, context) => rollBack(kube, settings, request, context),
  };
}
