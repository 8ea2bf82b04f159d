// Prints the Node version and the hash of the seeded training: run bundled, under whichever Node is to be compared.

import { trainedBits } from "./train.ts";

console.log(`${process.version} ${trainedBits()}`);
