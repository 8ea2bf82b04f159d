// Threads in Chromium: where the page may share memory, where it may not, and where it forbids workers.

import { beforeAll, describe, expect, test } from "vitest";
import {
  bundle,
  findChromium,
  isolation,
  openSite,
  runModule,
  warnWhenMissing,
} from "./chromium.ts";
import type { ThreadsReport } from "./threads-entry.ts";

warnWhenMissing("test/browser/threads");

describe.skipIf(findChromium() === undefined)("in Chromium", () => {
  let script: string;
  beforeAll(async () => {
    script = await bundle("./threads-entry.ts");
  });

  const report = async (
    where: "page" | "worker",
    headers: Readonly<Record<string, string>>,
  ): Promise<ThreadsReport> => {
    const site = await openSite({ "/entry.js": script }, headers);
    try {
      return await runModule<ThreadsReport>(site, "/entry.js", where);
    } finally {
      await site.close();
    }
  };

  test.each(["page", "worker"] as const)("isolated: helpers on the %s", async (where) => {
    const found = await report(where, isolation);
    expect(found).toMatchObject({ isolated: true, sharedMemory: true, results: 1, failure: "" });
    const [byDefault, three] = found.counts;
    expect(byDefault).toBeGreaterThanOrEqual(1);
    expect(three).toBe(3);
    expect(found.ready).toEqual([byDefault! - 1, 2]);
  });

  test.each(["page", "worker"] as const)("not isolated: one thread on the %s", async (where) => {
    expect(await report(where, {})).toEqual({
      isolated: false,
      sharedMemory: false,
      counts: [1, 1],
      ready: [0, 0],
      results: 1,
      failure: "",
    });
  });

  test("isolated, but no workers allowed: the caller does everything", async () => {
    const headers = { ...isolation, "content-security-policy": "worker-src 'none'" };
    expect(await report("page", headers)).toMatchObject({
      sharedMemory: true,
      ready: [0, 0],
      results: 1,
      failure: "",
    });
  });
});
