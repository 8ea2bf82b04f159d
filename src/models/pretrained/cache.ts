/** @file The folder of files that were downloaded once. */
import { complaint } from "../../base/errors.ts";
import { type NodeModules, nodeModules } from "../../base/node/files.ts";
import { DownloadError } from "../errors.ts";

/** Node's modules. Throws DownloadError in other environments, which have no folder to keep files in. */
export function requireNode(who: string): NodeModules {
  const modules = nodeModules();
  if (modules !== undefined) return modules;
  throw new DownloadError(
    complaint(
      who,
      "Node, which has a folder for downloaded files",
      "another environment",
      "Give the file itself: a URL, a Blob or a File.",
    ),
  );
}

/** What decides where the folder is. */
export interface Surroundings {
  readonly platform: string;
  readonly home: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * The folder by the habit of the platform: `ADJOINT_CACHE` where that is set, else ~/Library/Caches/adjoint (macOS),
 * %LOCALAPPDATA%\adjoint (Windows), $XDG_CACHE_HOME/adjoint or ~/.cache/adjoint. Paths that are not absolute count as unset, as the
 * XDG Base Directory Specification says; but for `ADJOINT_CACHE`.
 */
export function cacheFolderOf(
  { isAbsolute, join, resolve }: NodeModules["paths"],
  { platform, home, variables }: Surroundings,
): string {
  const given = variables["ADJOINT_CACHE"];
  if (given !== undefined && given !== "") return resolve(given);
  const absolute = (name: string, otherwise: string): string => {
    const value = variables[name];
    return value !== undefined && isAbsolute(value) ? value : otherwise;
  };
  const base =
    platform === "darwin"
      ? join(home, "Library", "Caches")
      : platform === "win32"
        ? absolute("LOCALAPPDATA", join(home, "AppData", "Local"))
        : absolute("XDG_CACHE_HOME", join(home, ".cache"));
  return join(base, "adjoint");
}

/**
 * The folder of downloaded files: `ADJOINT_CACHE`, or where the platform keeps such (~/.cache/adjoint on Linux). It need not be
 * there yet. Throws DownloadError where there is no Node.
 */
export function cacheFolder(): string {
  const { paths, system } = requireNode("cacheFolder");
  return cacheFolderOf(paths, {
    platform: process.platform,
    home: system.homedir(),
    variables: process.env,
  });
}
