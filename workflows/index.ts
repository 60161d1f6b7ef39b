export { productionOrder } from './productionOrder';
export { submitCode } from './submitCode';
