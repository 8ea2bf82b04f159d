// The laws hold in a browser too, on the page and in a Worker, and training gives the same bits there.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { golden, imageGolden } from "../determinism/golden.ts";
import {
  type Site,
  bundle,
  findChromium,
  isolation,
  openSite,
  runModule,
  warnWhenMissing,
} from "./chromium.ts";
import type { Report } from "./entry.ts";
import { laws } from "./laws.ts";

warnWhenMissing("test/browser");

describe("on Node", () => {
  test.each(Object.keys(laws))("%s", (name) => laws[name]!());
});

// A page that is isolated shares its kernel memory with threads: other memory, same laws.
describe.skipIf(findChromium() === undefined).each([
  ["not isolated", {}],
  ["isolated", isolation],
] as const)("in Chromium, %s", (_, headers) => {
  let site: Site;
  const reports: Partial<Record<"page" | "worker", Report>> = {};

  beforeAll(async () => {
    site = await openSite({ "/entry.js": await bundle("./entry.ts") }, headers);
    for (const where of ["page", "worker"] as const) {
      reports[where] = await runModule<Report>(site, "/entry.js", where);
    }
  });
  afterAll(() => site?.close());

  describe.each(["page", "worker"] as const)("on the %s", (where) => {
    test.each(Object.keys(laws))("%s", (name) => {
      expect(reports[where]!.laws[name], site.log.join("\n")).toBe("");
    });
    test("training gives the golden bits", () => {
      expect(reports[where]!.bits).toEqual([golden, imageGolden]);
    });
  });
});
