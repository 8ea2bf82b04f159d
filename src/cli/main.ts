#!/usr/bin/env node
/** @file The program `adjoint`: runs the command line with the registry of commands and ends with its exit code. */
import { readFileSync } from "node:fs";
import { commands } from "./commands/index.ts";
import { reason } from "./errors.ts";
import { run } from "./program.ts";

// A reader that closes early (`adjoint predict ... | head`) is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`adjoint: cannot write to standard output: ${reason(error)}\n`);
  process.exit(1);
});

const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
const { version } = JSON.parse(manifest) as { version: string };
process.exitCode = await run(commands, version, process.argv.slice(2));
