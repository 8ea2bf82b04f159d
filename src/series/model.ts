/** @file A fitted model as plain data and as JSON: readable, nothing in it is executed, and every field is checked when it is read. */
import { type JsonPlace, parseJson } from "../base/json.ts";
import { finite, finitePositive, oneOf, whole } from "../base/kinds.ts";
import { type Activation, SeriesError, activations } from "./options.ts";
import type { ColumnScaling, Scaling } from "./scaling.ts";

/** The network of a model: a chain of dense layers on the observed columns and the hidden dimensions. */
export interface Architecture {
  /** Units of the layers between input and output. */
  readonly hidden: readonly number[];
  readonly activation: Activation;
  /** Number of state dimensions beyond the columns. */
  readonly hiddenStates: number;
}

/** A float32 array with its shape. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** How a model was trained. */
export interface TrainingRecord {
  readonly seed: number;
  readonly iterations: number;
  /** The iteration whose weights were kept. */
  readonly kept: number;
  /** Mean squared error of standardised values at that iteration. */
  readonly loss: number;
  /** The same on the held-out rows; null where none were. */
  readonly validation: number | null;
  /** Number of evaluations of the vector field. */
  readonly evaluations: number;
}

/** A fitted model: plain data, everything that a forecast needs. */
export interface SeriesModel {
  readonly timeName: string;
  readonly names: readonly string[];
  readonly scaling: Scaling;
  readonly architecture: Architecture;
  readonly weights: readonly Weight[];
  /** Times at which the state is known, in the data's units, increasing: trajectories start there. */
  readonly nodeTimes: readonly number[];
  /** [nodes, columns + hidden dimensions], standardised. */
  readonly nodeStates: Float32Array;
  /** Times of the first observation, the last one trained on, the last one. */
  readonly span: { readonly first: number; readonly trainEnd: number; readonly last: number };
  readonly training: TrainingRecord;
}

const format = "adjoint time series model";
const version = 1;
const mostUnits = 2 ** 14;

/** Base64 of little-endian float32, whatever the machine's byte order. */
function encodeFloats(data: Float32Array): string {
  const view = new DataView(new ArrayBuffer(4 * data.length));
  data.forEach((x, i) => view.setFloat32(4 * i, x, true));
  // One character per byte; in parts, because arguments are limited in number.
  let text = "";
  for (let at = 0; at < view.byteLength; at += 0x8000)
    text += String.fromCharCode(...new Uint8Array(view.buffer).subarray(at, at + 0x8000));
  return btoa(text);
}

/** The inverse of `encodeFloats`. Refuses the place unless it has exactly `length` numbers, all finite. */
function decodeFloats(place: JsonPlace, length: number): Float32Array {
  const text = place.text();
  let bytes: string;
  try {
    bytes = atob(text.replace(/=.*$/s, ""));
  } catch {
    return place.refuse("numbers in base64");
  }
  if (bytes.length !== 4 * length) place.refuse(`${length} numbers`, `${bytes.length / 4}`);
  const view = new DataView(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)).buffer);
  const data = Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
  return data.every(Number.isFinite) ? data : place.refuse("finite numbers", "others");
}

/** Shapes of the parameters, in order: kernel [in, out] and bias [out] of each layer. */
export function weightShapes(width: number, architecture: Architecture): number[][] {
  const { hidden, hiddenStates } = architecture;
  const units = [width + hiddenStates, ...hidden, width + hiddenStates];
  return units.slice(1).flatMap((out, i) => [[units[i]!, out], [out]]);
}

/** A model as readable JSON; the numbers of weights are base64 of little-endian float32. The same model gives the same text. */
export function encodeSeriesModel(model: SeriesModel): string {
  const { weights, nodeStates, scaling, names, ...rest } = model;
  const content = {
    format,
    version,
    timeName: rest.timeName,
    columns: names.map((name, i) => ({ name, ...scaling.columns[i]! })),
    time: { origin: scaling.origin, unit: scaling.unit, ...rest.span },
    architecture: rest.architecture,
    training: rest.training,
    nodeTimes: rest.nodeTimes,
    nodeStates: encodeFloats(nodeStates),
    weights: weights.map((w) => ({ name: w.name, shape: w.shape, float32: encodeFloats(w.data) })),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/**
 * The model in JSON that `encodeSeriesModel` wrote. `source` is how errors begin, a file's name for example. Throws SeriesError
 * naming the place and what was expected there.
 */
export function decodeSeriesModel(text: string, source = "decodeSeriesModel"): SeriesModel {
  const file = parseJson(source, text, SeriesError);
  if (file.at("format").value !== format) {
    throw new SeriesError(`${source}: not a model of a time series that Adjoint wrote`);
  }
  const found = file.at("version").read(finite);
  if (found !== version) {
    throw new SeriesError(
      `${source}: version ${found} of the format; this version of Adjoint reads ${version}`,
    );
  }
  const columns = file.at("columns").list(1, 2 ** 10);
  const scalings = columns.map((column): ColumnScaling => ({
    kind: column.at("kind").read(oneOf(["linear", "log"])),
    mean: column.at("mean").read(finite),
    deviation: column.at("deviation").read(finitePositive),
  }));
  const shape = file.at("architecture");
  const architecture: Architecture = {
    hidden: shape
      .at("hidden")
      .list(1, 64)
      .map((units) => units.read(whole(1, mostUnits))),
    activation: shape.at("activation").read(oneOf(activations)),
    hiddenStates: shape.at("hiddenStates").read(whole(0, mostUnits)),
  };
  const expected = weightShapes(columns.length, architecture);
  const weights = file
    .at("weights")
    .list(expected.length, expected.length)
    .map((weight, i): Weight => {
      const listed = weight
        .at("shape")
        .list(1, 2)
        .map((n) => n.read(whole(1, mostUnits)));
      if (listed.join() !== expected[i]!.join()) {
        throw new SeriesError(`${weight.where}: expected shape [${expected[i]}], got [${listed}]`);
      }
      const length = listed.reduce((a, b) => a * b, 1);
      const data = decodeFloats(weight.at("float32"), length);
      return { name: weight.at("name").text(), shape: listed, data };
    });
  const time = file.at("time");
  const nodeTimes = file
    .at("nodeTimes")
    .list(1, 2 ** 24)
    .map((t) => t.read(finite));
  const training = file.at("training");
  return {
    timeName: file.at("timeName").text(),
    names: columns.map((column) => column.at("name").text()),
    scaling: {
      origin: time.at("origin").read(finite),
      unit: time.at("unit").read(finitePositive),
      columns: scalings,
    },
    architecture,
    weights,
    nodeTimes,
    nodeStates: decodeFloats(
      file.at("nodeStates"),
      nodeTimes.length * (columns.length + architecture.hiddenStates),
    ),
    span: {
      first: time.at("first").read(finite),
      trainEnd: time.at("trainEnd").read(finite),
      last: time.at("last").read(finite),
    },
    training: {
      seed: training.at("seed").read(finite),
      iterations: training.at("iterations").read(finite),
      kept: training.at("kept").read(finite),
      loss: training.at("loss").read(finite),
      validation:
        training.at("validation").value === null ? null : training.at("validation").read(finite),
      evaluations: training.at("evaluations").read(finite),
    },
  };
}
