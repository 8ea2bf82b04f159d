// The same bytes give the same picture and the same tensors in a browser as on Node.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bundle, findChromium, openSite, runModule, warnWhenMissing } from "./chromium.ts";
import type { Report } from "./images-entry.ts";
import { goldenHashes } from "./images.ts";

warnWhenMissing("test/browser/images");

test.skipIf(findChromium() === undefined)("pictures in Chromium", async () => {
  const json = readFileSync(new URL("../golden/images.json", import.meta.url), "utf8");
  const site = await openSite({
    "/entry.js": await bundle("./images-entry.ts"),
    "/images.json": json,
  });
  try {
    const hashes = await runModule<Report>(site, "/entry.js", "page");
    expect(hashes, site.log.join("\n")).toEqual(await goldenHashes(json));
    expect(new Set(hashes.map(([picture]) => picture)).size).toBeGreaterThan(30);
  } finally {
    await site.close();
  }
});
