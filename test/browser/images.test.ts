// The same bytes give the same picture, the same tensors and the same figures in a browser as on Node.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Site,
  bundle,
  findChromium,
  openSite,
  runModule,
  warnWhenMissing,
} from "./chromium.ts";
import { figureHashes } from "./figures.ts";
import type { Report } from "./images-entry.ts";
import { goldenHashes } from "./images.ts";

warnWhenMissing("test/browser/images");

const require = createRequire(import.meta.url);
const installed = (file: string): string => readFileSync(require.resolve(file), "base64");

describe.skipIf(findChromium() === undefined)("in Chromium", () => {
  const json = readFileSync(new URL("../golden/images.json", import.meta.url), "utf8");
  let site: Site;
  let report: Report;

  beforeAll(async () => {
    site = await openSite({
      "/entry.js": await bundle("./images-entry.ts"),
      "/images.json": json,
      "/wasm": installed("@resvg/resvg-wasm/index_bg.wasm"),
      "/regular": installed("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"),
      "/bold": installed("@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf"),
    });
    report = await runModule<Report>(site, "/entry.js", "page");
  });
  afterAll(() => site?.close());

  test("pictures and tensors", async () => {
    expect(report.pictures, site.log.join("\n")).toEqual(await goldenHashes(json));
    expect(new Set(report.pictures.map(([picture]) => picture)).size).toBeGreaterThan(30);
  });

  test("figures, PNG files and animations", async () => {
    expect(report.figures, site.log.join("\n")).toEqual(await figureHashes());
  });
});
