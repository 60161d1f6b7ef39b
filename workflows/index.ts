export { submitCode } from './submitCode';
