#!/usr/bin/env node
import { createRequire } from 'node:module';
import { compileCommandLine } from '../../compile.mjs';

createRequire(import.meta.url)(await compileCommandLine());
