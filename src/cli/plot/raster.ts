// SVG -> PNG through resvg compiled to WebAssembly, with the type face that the package brings along.
// It never looks for fonts on the machine, so a figure is the same picture everywhere.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Resvg, initWasm } from "@resvg/resvg-wasm";
import { ink, pngZoom } from "./theme.ts";

interface Rasteriser {
  readonly fonts: readonly Uint8Array[];
}

const require = createRequire(import.meta.url);

async function load(): Promise<Rasteriser> {
  const file = (name: string): Promise<Buffer> => readFile(require.resolve(name));
  const [wasm, ...fonts] = await Promise.all([
    file("@resvg/resvg-wasm/index_bg.wasm"),
    file("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"),
    file("@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf"),
  ]);
  await initWasm(wasm);
  return { fonts };
}

let loaded: Promise<Rasteriser> | undefined;

/** Renders SVG text at twice its logical size. */
export async function toPng(svg: string): Promise<Uint8Array> {
  loaded ??= load();
  const { fonts } = await loaded;
  const resvg = new Resvg(svg, {
    background: ink.paper,
    fitTo: { mode: "zoom", value: pngZoom },
    font: { fontBuffers: [...fonts], defaultFontFamily: "Inter", sansSerifFamily: "Inter" },
  });
  const image = resvg.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    resvg.free();
  }
}
