export {
  deleteEnvironment,
  deleteProduction,
  inspectProduction,
  rollBackTo,
  stopProduction,
  upgradeDatabase,
} from './operations';
export { productionOrder } from './productionOrder';
export { submitCode } from './submitCode';
export { testQueue } from './testQueue';
