export {
  deleteEnvironment,
  deleteProduction,
  inspectProduction,
  rollBackTo,
  stopProduction,
} from './operations';
export { productionOrder } from './productionOrder';
export { submitCode } from './submitCode';
