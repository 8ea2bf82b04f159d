// What the browser runs on pictures.

import { goldenHashes } from "./images.ts";

/** Hashes of each file. */
export type Report = string[][];

const json = await (await fetch("/images.json")).text();
const report: Report = await goldenHashes(json);
postMessage(report);
