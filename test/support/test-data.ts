/** @file Data that others published (models, photos, digits): read from ../shared/data, or the folder in ADJOINT_TEST_DATA. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";

const folder =
  process.env["ADJOINT_TEST_DATA"] ??
  fileURLToPath(new URL("../../../shared/data", import.meta.url));

/** Where a file of the test data is: `testData("models", "tiny-vgg", "model.json")`. */
export function testData(...parts: readonly string[]): string {
  return join(folder, ...parts);
}

/** `describe` where the test data are; skipped, and said so, elsewhere. */
export const describeWithData: typeof describe.skip = existsSync(folder) ? describe : describe.skip;
