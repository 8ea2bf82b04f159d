/** @file Starts a helper's thread, in Node and in browsers. */
import { type HelperData, runHelper } from "./helper.ts";

/** A thread that was started. */
export interface Thread {
  stop(): void;
}

/**
 * The helper's program. Tools that keep functions' names wrap inner functions in calls of `__name`, which is theirs: here it does
 * nothing.
 */
const program = (): string => `const __name = (f) => f; const run = ${runHelper.toString()};`;

/** Starts a thread; `ended` is called some time after it has ended by itself, where that can be told. Throws where threads cannot be had. */
export function spawn(data: HelperData, ended: () => void): Thread {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule === undefined
    ? spawnInBrowser(data, ended)
    : spawnInNode(process.getBuiltinModule("node:worker_threads"), data, ended);
}

function spawnInNode(
  { Worker }: NonNullable<ReturnType<typeof process.getBuiltinModule<"node:worker_threads">>>,
  workerData: HelperData,
  ended: () => void,
): Thread {
  const source = `${program()} run(require("node:worker_threads").workerData);`;
  // Of the process' own settings none is inherited: loaders and the like would run in every helper.
  const worker = new Worker(source, { eval: true, workerData, env: {}, execArgv: [], argv: [] });
  worker.on("error", () => {});
  worker.on("exit", ended);
  worker.unref();
  return { stop: () => void worker.terminate() };
}

let url: string | undefined;

function spawnInBrowser(data: HelperData, ended: () => void): Thread {
  const source = `${program()} onmessage = ({ data }) => { run(data); close(); };`;
  url ??= URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "adjoint" });
  // A policy of the page may forbid it, and says so this way.
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    ended();
  });
  worker.postMessage(data, []);
  return { stop: () => worker.terminate() };
}
