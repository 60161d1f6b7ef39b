import { runStack } from './commands/runStack';
import { reset } from './commands/reset';
import { runKubectl, runTemporal } from './commands/clients';
import { Progress } from './machine/progress';

const usage = `Usage: main.ts COMMAND
  start             the servers, the worker and the gateway, until Ctrl-C
  stack             the servers alone, until Ctrl-C
  reset             deletes the state directory: data, certificates, logs
  kubectl ARGUMENTS kubectl on the local cluster
  temporal ARGUMENTS the Temporal CLI on the local server`;

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case 'start':
      return runStack({ withApplication: true });
    case 'stack':
      return runStack({ withApplication: false });
    case 'reset':
      return reset();
    case 'kubectl':
      return runKubectl(args);
    case 'temporal':
      return runTemporal(args);
    case undefined:
    default:
      new Progress().say(usage);
      return command === undefined || command === 'help' ? 0 : 2;
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    new Progress().say(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
