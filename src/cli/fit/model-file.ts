// The model file: readable JSON, the numbers of weights as base64 of little-endian float32. Data, never code.
import { parseJson } from "../../base/json.ts";
import { finite, finitePositive, oneOf, whole } from "../../base/kinds.ts";
import { WorkError } from "../errors.ts";
import { readText } from "../files.ts";
import type { ColumnScaling, Scaling } from "./scaling.ts";

export const activations = ["tanh", "relu", "softplus", "sigmoid"] as const;
export type Activation = (typeof activations)[number];

/** The network of a model: a chain of dense layers on the observed columns and the hidden dimensions. */
export interface Architecture {
  /** Units of the layers between input and output. */
  readonly hidden: readonly number[];
  readonly activation: Activation;
  /** Dimensions of the state that are no column. */
  readonly hiddenStates: number;
}

/** A float32 array with its shape. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** How a model came about. */
export interface TrainingRecord {
  readonly seed: number;
  readonly iterations: number;
  /** The iteration whose weights were kept. */
  readonly kept: number;
  /** Mean squared error of standardised values there; `validation` is null where nothing was held out. */
  readonly loss: number;
  readonly validation: number | null;
  /** Evaluations of the vector field in all. */
  readonly evaluations: number;
}

/** Everything a forecast needs. */
export interface Model {
  readonly timeName: string;
  readonly names: readonly string[];
  readonly scaling: Scaling;
  readonly architecture: Architecture;
  readonly weights: readonly Weight[];
  /** Times (in the data's units, increasing) at which the state is known: trajectories start there. */
  readonly nodeTimes: readonly number[];
  /** [nodes, columns + hidden dimensions], standardised. */
  readonly nodeStates: Float32Array;
  /** Times of the first observation, the last one trained on, the last one. */
  readonly span: { readonly first: number; readonly trainEnd: number; readonly last: number };
  readonly training: TrainingRecord;
}

const format = "adjoint time series model";
const version = 1;
/** Models are small; a larger file is something else. */
const cap = 64 * 2 ** 20;
const mostUnits = 2 ** 14;

/** Base64 of little-endian float32, whatever the machine's byte order. */
export function encodeFloats(data: Float32Array): string {
  const bytes = Buffer.alloc(data.length * 4);
  data.forEach((x, i) => bytes.writeFloatLE(x, i * 4));
  return bytes.toString("base64");
}

/** The inverse of `encodeFloats`. Throws WorkError unless there are exactly `length` numbers, all finite. */
export function decodeFloats(text: string, length: number, who: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== length * 4) {
    throw new WorkError(`${who}: expected ${length} numbers, got ${bytes.length / 4}`);
  }
  const data = Float32Array.from({ length }, (_, i) => bytes.readFloatLE(i * 4));
  if (!data.every(Number.isFinite)) throw new WorkError(`${who}: has numbers that are not finite`);
  return data;
}

/** Shapes of the parameters, in order: kernel [in, out] and bias [out] of each layer. */
export function weightShapes(width: number, architecture: Architecture): number[][] {
  const { hidden, hiddenStates } = architecture;
  const units = [width + hiddenStates, ...hidden, width + hiddenStates];
  return units.slice(1).flatMap((out, i) => [[units[i]!, out], [out]]);
}

/** JSON text of a model. */
export function modelToJson(model: Model): string {
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
 * Reads a model's JSON.
 * @param source the file's name, for errors
 * @throws WorkError naming the place and what was expected there
 */
export function modelFromJson(text: string, source: string): Model {
  const file = parseJson(source, text, WorkError);
  if (file.at("format").value !== format) {
    throw new WorkError(`${source}: not a model that adjoint fit wrote`);
  }
  const found = file.at("version").read(finite);
  if (found !== version) {
    throw new WorkError(`${source}: version ${found} of the format; this program reads ${version}`);
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
        throw new WorkError(`${weight.where}: expected shape [${expected[i]}], got [${listed}]`);
      }
      const length = listed.reduce((a, b) => a * b, 1);
      const data = decodeFloats(weight.at("float32").text(), length, weight.where);
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
      file.at("nodeStates").text(),
      nodeTimes.length * (columns.length + architecture.hiddenStates),
      `${source}: nodeStates`,
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

/** Reads a model file. */
export async function readModel(path: string): Promise<Model> {
  return modelFromJson(await readText(path, cap), path);
}
