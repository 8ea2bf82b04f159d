/**
 * @file SVG -> PNG by resvg in WebAssembly, with the type face that the package brings along. It never looks for fonts on the machine,
 * so a figure is the same picture everywhere.
 */
import { nodeModules } from "../../base/node/files.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { ExplainError } from "../errors.ts";
import { ink } from "./theme.ts";

/** What the rasteriser needs; Node finds it among the installed packages. */
export interface RasterParts {
  /** The file index_bg.wasm of @resvg/resvg-wasm. */
  readonly wasm: BufferSource | Response | Promise<Response>;
  /** TrueType files of the type faces, the first of them the usual one: Inter in figures of this library. */
  readonly fonts: readonly Uint8Array[];
}

/** Options of `svgToPng`. */
export interface RasterOptions {
  /** Pixels a logical pixel: 2 unless given. */
  readonly zoom?: number;
  /** For browsers and others that have no packages: taken from the first call. */
  readonly parts?: RasterParts;
}

interface Rasteriser {
  readonly Resvg: typeof import("@resvg/resvg-wasm").Resvg;
  readonly fonts: readonly Uint8Array[];
}

/** The parts as the package installs them. */
async function installedParts(): Promise<RasterParts> {
  const node = nodeModules();
  if (node === undefined)
    throw new ExplainError(
      complaint(
        "svgToPng",
        "Node, which finds the rasteriser among its packages",
        "another environment",
        "Give the rasteriser and type faces as `parts`, or let the browser draw the SVG.",
      ),
    );
  const require = node.modules.createRequire(import.meta.url);
  const file = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    node.files.readFile(require.resolve(name));
  const [wasm, ...fonts] = await Promise.all([
    file("@resvg/resvg-wasm/index_bg.wasm"),
    file("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"),
    file("@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf"),
  ]);
  return { wasm, fonts };
}

async function load(given: RasterParts | undefined): Promise<Rasteriser> {
  const { wasm, fonts } = given ?? (await installedParts());
  const { Resvg, initWasm } = await import("@resvg/resvg-wasm");
  await initWasm(wasm as BufferSource).catch((cause: unknown) => {
    // Another copy of this module, or somebody else, has done it: there is one rasteriser in a process.
    if (!/already initialized/i.test(String(cause))) throw cause;
  });
  return { Resvg, fonts };
}

let loaded: Promise<Rasteriser> | undefined;

/**
 * The bytes of a PNG file of SVG text. In Node nothing else is needed; elsewhere the first call is given the rasteriser and type faces.
 * Throws ExplainError for text that is no SVG.
 */
export async function svgToPng(svg: string, options: RasterOptions = {}): Promise<Uint8Array> {
  checkOptions("svgToPng", options, ["zoom", "parts"]);
  const { zoom = 2, parts } = options;
  if (!(zoom > 0 && zoom <= 16))
    throw new ArgumentError(
      complaint("svgToPng: zoom", "a number above 0, at most 16", describe(zoom)),
    );
  loaded ??= load(parts);
  const { Resvg, fonts } = await loaded.catch((cause: unknown) => {
    loaded = undefined;
    throw cause;
  });
  let resvg: InstanceType<Rasteriser["Resvg"]>;
  try {
    resvg = new Resvg(svg, {
      background: ink.paper,
      fitTo: { mode: "zoom", value: zoom },
      font: { fontBuffers: [...fonts], defaultFontFamily: "Inter", sansSerifFamily: "Inter" },
    });
  } catch (cause) {
    throw new ExplainError(complaint("svgToPng", "SVG text", String(cause)), { cause });
  }
  const image = resvg.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    resvg.free();
  }
}
