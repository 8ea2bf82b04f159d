/** @file The two panels as one picture: SVG text by Observable Plot, PNG bytes by resvg. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Markish, axisX, axisY, dot, line, plot, vector } from "@observablehq/plot";
import { Resvg, initWasm } from "@resvg/resvg-wasm";
import { parseHTML } from "linkedom";

/** A way through the network: the hidden number at rising depths. */
export interface Path {
  /** The input that it starts from. */
  readonly input: number;
  readonly curve: readonly Point[];
  /** Where the network was evaluated. */
  readonly evaluated: readonly Point[];
}

/** A place in a panel. */
export interface Point {
  readonly hidden: number;
  readonly depth: number;
}

/** A panel: paths, and the change of the hidden number a unit of depth at places of the plane. */
export interface Panel {
  readonly title: string;
  readonly paths: readonly Path[];
  readonly field: readonly (Point & { readonly slope: number })[];
}

const size = { width: 420, height: 470, title: 15, font: 13 };
const margin = { left: 58, right: 14, top: 10, bottom: 48 };
const range = { hidden: [-5.4, 5.4], depth: [-0.12, 5.12] } as const;
const ink = { text: "#1f2328", quiet: "#59636e", faint: "#d5dae0", field: "#a9b2bc" };
const fontFamily = "Inter, system-ui, sans-serif";
const { document } = parseHTML("<html><body></body></html>");

function draw({ paths, field }: Panel, isFirst: boolean): Element {
  const perUnit = {
    hidden: (size.width - margin.left - margin.right) / (range.hidden[1] - range.hidden[0]),
    depth: (size.height - margin.top - margin.bottom) / (range.depth[1] - range.depth[0]),
  };
  const arrows = field.map(({ slope, ...place }) => ({
    ...place,
    angle: (Math.atan2(slope * perUnit.hidden, perUnit.depth) * 180) / Math.PI,
  }));
  const at = { x: "hidden", y: "depth" } as const;
  const axis = {
    fontSize: size.font,
    tickSize: 4,
    labelArrow: "none",
    labelAnchor: "center",
  } as const;
  const integer = (value: number): string => String(value).replace("-", "\u2212");
  const marks: Markish[] = [
    axisX({
      ...axis,
      ticks: [-4, -2, 0, 2, 4],
      tickFormat: integer,
      label: "hidden state",
      labelOffset: 40,
    }),
    axisY({
      ...axis,
      ticks: [0, 1, 2, 3, 4, 5],
      tickFormat: integer,
      label: isFirst ? "depth (layer)" : "depth (time)",
      labelOffset: 40,
    }),
    vector(arrows, {
      ...at,
      rotate: "angle",
      length: 15,
      stroke: ink.field,
      strokeWidth: 1.1,
      anchor: "start",
      clip: true,
    }),
    ...paths.map((path) =>
      line(path.curve, { ...at, stroke: () => path.input, strokeWidth: 1.7, clip: true }),
    ),
    ...paths.map((path) =>
      dot(path.evaluated, { ...at, fill: () => path.input, r: 2.3, clip: true }),
    ),
  ];
  return plot({
    document: document as unknown as Document,
    width: size.width,
    height: size.height,
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: margin.top,
    marginBottom: margin.bottom,
    style: { fontFamily, color: ink.quiet },
    x: { domain: [...range.hidden], axis: null },
    y: { domain: [...range.depth], axis: null },
    color: {
      type: "linear",
      domain: [-5, 5],
      range: ["#0072b2", "#7a4fa3", "#d55e00"],
      interpolate: "rgb",
    },
    marks,
  }) as unknown as Element;
}

/** Plot styles by a sheet and `currentColor`; a picture on its own wants plain attributes. */
function plain(svg: Element, panel: number): void {
  for (const sheet of svg.querySelectorAll("style")) sheet.remove();
  for (const part of [svg, ...svg.querySelectorAll("*")])
    for (const { name, value } of Array.from(part.attributes)) {
      if (name.startsWith("aria-") || name === "class") part.removeAttribute(name);
      else if (value === "currentColor") part.setAttribute(name, ink.quiet);
      else if (value.includes("plot-clip-"))
        part.setAttribute(name, value.replace(/plot-clip-(\d+)/, `clip-${panel}-$1`));
      else if (name !== "viewBox")
        part.setAttribute(
          name,
          value.replace(/\d+\.\d{2,}/g, (n) => String(Number(Number(n).toFixed(1)))),
        );
    }
}

/** The panels side by side, as SVG text. */
export function figure(panels: readonly Panel[]): string {
  const top = 34;
  const [width, height] = [size.width * panels.length, size.height + top];
  const parts = panels.map((panel, index) => {
    const svg = draw(panel, index === 0);
    plain(svg, index);
    svg.setAttribute("x", String(index * size.width));
    svg.setAttribute("y", String(top));
    const middle = index * size.width + (margin.left + size.width - margin.right) / 2;
    const title = `<text x="${middle}" y="24" text-anchor="middle" font-size="${size.title}" font-weight="600" fill="${ink.text}">${panel.title}</text>`;
    return title + svg.toString();
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fontFamily}">` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>${parts.join("")}</svg>\n`
  );
}

/** The picture of an SVG text, twice as wide. */
export async function png(svg: string): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const file = (name: string): Promise<Buffer> => readFile(require.resolve(name));
  await initWasm(await file("@resvg/resvg-wasm/index_bg.wasm"));
  const fontBuffers = [
    await file("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"),
    await file("@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf"),
  ];
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: 2 },
    font: { fontBuffers, defaultFontFamily: "Inter", sansSerifFamily: "Inter" },
  }).render();
  return image.asPng();
}
