/**
 * @file SVG to PNG by resvg in WebAssembly, with the type face that the package brings along. Fonts of the machine are never
 * used, so a figure is the same picture everywhere.
 */
import { nodeModules } from "../../base/node/files.ts";
import { complaint } from "../../base/errors.ts";
import { kind } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { ExplainError } from "../errors.ts";
import { ink } from "./svg.ts";

/** The files of the rasteriser. Node finds them among the installed packages. */
export interface RasterParts {
  /** The file index_bg.wasm of @resvg/resvg-wasm. */
  readonly wasm: BufferSource | Response | Promise<Response>;
  /** TrueType files of the type faces, the default one first: Inter for figures of this library. */
  readonly fonts: readonly Uint8Array[];
}

const declared = schema({
  zoom: optional(
    kind<number>(
      "a number above 0, at most 16",
      (given) => typeof given === "number" && given > 0 && given <= 16,
    ),
    2,
    "Pixels for each logical pixel.",
  ),
  parts: optional(
    kind<RasterParts>("an object with wasm and fonts", (given) => typeof given === "object"),
    undefined,
    "The files of the rasteriser, needed in the first call where there are no packages, as in browsers.",
  ),
});

/** Options of `svgToPng`. */
export type RasterOptions = OptionsOf<typeof declared.spec>;

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
        "Pass the rasteriser and type faces as `parts`, or let the browser draw the SVG.",
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
    // There is one rasteriser in a process, and other code may have initialised it.
    if (!/already initialized/i.test(String(cause))) throw cause;
  });
  return { Resvg, fonts };
}

let loaded: Promise<Rasteriser> | undefined;

/**
 * The bytes of a PNG file of SVG text. Node needs nothing else; elsewhere the first call is given the rasteriser and type faces
 * as `parts`. Throws ArgumentError for wrong options, ExplainError for text that is not SVG.
 */
export async function svgToPng(svg: string, options: RasterOptions = {}): Promise<Uint8Array> {
  const { zoom, parts } = declared.read("svgToPng", options);
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
