const { greeting } = require('./lib/greeting.js');

console.log(`${greeting} from JavaScript`);
