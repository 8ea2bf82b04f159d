// What the browser runs, on the page or in a Worker: every law, then the training whose bits are compared.

import { imageBits } from "../determinism/images.ts";
import { trainedBits } from "../determinism/train.ts";
import { laws } from "./laws.ts";

export interface Report {
  /** Law -> "" when it holds, else what went wrong. */
  readonly laws: Readonly<Record<string, string>>;
  /** Of the seeded trainings. */
  readonly bits: readonly string[];
}

const failureOf = (law: () => void): string => {
  try {
    law();
    return "";
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  }
};

const report: Report = {
  laws: Object.fromEntries(Object.entries(laws).map(([name, law]) => [name, failureOf(law)])),
  bits: [trainedBits(), imageBits()],
};
postMessage(report);
