// Prints the Node version and the hashes of the seeded trainings: run bundled, under whichever Node is to be compared.

import { imageBits } from "./images.ts";
import { trainedBits } from "./train.ts";

console.log(`${process.version} ${trainedBits()} ${imageBits()}`);
