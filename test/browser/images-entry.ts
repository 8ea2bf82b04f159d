// What the browser runs on pictures and figures.

import { figureHashes } from "./figures.ts";
import { bytesOf, goldenHashes } from "./images.ts";

/** Hashes of each file's picture, and of the figures. */
export interface Report {
  readonly pictures: string[][];
  readonly figures: string[];
}

const text = async (path: string): Promise<string> => (await fetch(path)).text();
const [golden, wasm, regular, bold] = await Promise.all(
  ["/images.json", "/wasm", "/regular", "/bold"].map(text),
);
const report: Report = {
  pictures: await goldenHashes(golden!),
  figures: await figureHashes({
    wasm: bytesOf(wasm!),
    fonts: [bytesOf(regular!), bytesOf(bold!)],
  }),
};
postMessage(report);
