// Finds a Chromium, starts it headless, and serves a bundle to it from loopback.

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, type Page, chromium } from "playwright-core";

const usualPlaces = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** A browser's program: `CHROMIUM_PATH` when set, else the first of the usual places. */
export function findChromium(): string | undefined {
  const asked = process.env["CHROMIUM_PATH"];
  if (asked !== undefined && !existsSync(asked)) throw new Error(`CHROMIUM_PATH: no ${asked}`);
  return asked ?? usualPlaces.find((path) => existsSync(path));
}

/** Says why browser tests do not run, where a reader of the test output sees it. */
export function warnWhenMissing(where: string): void {
  if (findChromium() !== undefined) return;
  console.warn(
    `${where}: SKIPPED, no Chromium found (install Debian's chromium or set CHROMIUM_PATH)`,
  );
}

/** Bundles a TypeScript entry of this folder as one ES module for the browser. */
export async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2023",
    logLevel: "silent",
  });
  return result.outputFiles[0]!.text;
}

export interface Site {
  readonly page: Page;
  /** What the page said on its console and threw, for failure messages. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

/** What a page must be served with to share memory between threads. */
export const isolation: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A blank page in a fresh browser on a loopback server that also serves `files` (path -> script), all with `headers`. */
export async function openSite(
  files: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const script = files[request.url ?? ""];
    if (script !== undefined) response.setHeader("content-type", "text/javascript");
    else if (request.url === "/") response.setHeader("content-type", "text/html");
    else response.statusCode = request.url === "/favicon.ico" ? 204 : 404;
    response.end(script ?? "<!doctype html><title>adjoint</title>");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("openSite: no Chromium found");
  const browser: Browser = await chromium.launch({
    executablePath,
    // --no-sandbox: containers run as root; the rest keeps the browser from calling home.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
  });
  const page = await browser.newPage();
  const log: string[] = [];
  page.on("console", (message) => log.push(message.text()));
  page.on("pageerror", (error) => log.push(String(error)));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const close = async (): Promise<void> => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { page, log, close };
}

/** Runs a served module on the page or in a Worker; it must post its answer by `post` of entry files. */
export function runModule<T>(site: Site, path: string, where: "page" | "worker"): Promise<T> {
  return site.page.evaluate(
    ([url, place]) =>
      new Promise<T>((resolve, reject) => {
        if (place === "worker") {
          const worker = new Worker(url!, { type: "module" });
          worker.addEventListener("message", (event) => resolve(event.data as T));
          worker.addEventListener("error", (event) => reject(new Error(event.message)));
          return;
        }
        addEventListener("message", (event) => resolve(event.data as T), { once: true });
        const script = document.createElement("script");
        Object.assign(script, { type: "module", src: url });
        script.addEventListener("error", () => reject(new Error(`${url} did not load`)));
        addEventListener("error", (event) => reject(new Error(event.message)));
        document.head.append(script);
      }),
    [path, where] as const,
  );
}
