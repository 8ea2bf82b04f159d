/**
 * @file Classes of layers in Keras' files. An entry follows from a layer's declaration: settings are its options in Keras' spelling,
 * `pool_size` for poolSize. What does not follow stands here: old classes, layers that do nothing at inference, and two of our own.
 */
import { complaint, describe } from "../../base/errors.ts";
import { nearNames } from "../../base/near-names.ts";
import type { Activation } from "../../nn/activations.ts";
import type { Declaration } from "../../nn/declare.ts";
import * as nn from "../../nn/index.ts";
import * as kinds from "../../nn/kinds.ts";
import type { AnyLayer, LayerOptions } from "../../nn/layer.ts";
import * as layers from "../../nn/layers/index.ts";
import { dynamicsKind, solverKind } from "../../nn/layers/ode-block.ts";
import { layers as layersKind } from "../../nn/layers/residual.ts";
import { FormatError } from "../errors.ts";
import { type JsonObject, objectOf } from "../json.ts";
import { camelCase, snakeName } from "../names.ts";

/** What a configuration is read with. */
export interface Reading {
  /** The file and the place in it, for messages. */
  readonly place: string;
  /** The major version of the Keras that wrote it: some meanings changed with 3. */
  readonly major: number;
  /** Name, dtype and whether it is trainable. */
  readonly base: LayerOptions;
  /** A layer within this one. */
  layer(what: string, serialized: unknown): AnyLayer;
  /** An activation, by name or as an object. */
  activation(what: string, serialized: unknown): Activation;
}

/** What a layer is written with. */
export interface Writing {
  /** The network and the layer, for messages. */
  readonly place: string;
  layer(what: string, layer: AnyLayer): JsonObject;
  activation(what: string, activation: Activation): unknown;
}

/** A class of Keras, or one of our own that Keras does not have. */
export interface KerasClass {
  readonly className: string;
  /** Other names that files have for it. */
  readonly aliases?: readonly string[];
  /** The kind of our layers that is written as this class; undefined where another class writes what this one reads. */
  readonly kind?: string;
  /** Settings that matter. Others are an error, unless they only concern training or are left empty. */
  readonly settings: readonly string[];
  read(config: JsonObject, reading: Reading): AnyLayer;
  write?(layer: AnyLayer, writing: Writing): JsonObject;
}

/** How values of a kind stand in files. */
interface Codec {
  read(value: unknown, what: string, reading: Reading): unknown;
  write(value: unknown, what: string, writing: Writing): unknown;
}

/** Whether JSON holds a value as it is. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value === "object" && value !== null)
    return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
  const isScalar = ["string", "boolean", "undefined"].includes(typeof value);
  return value === null || isScalar || Number.isFinite(value);
}

/** Kinds whose values do not stand in files as they are in options. */
const codecs: ReadonlyMap<object, Codec> = new Map<object, Codec>([
  [
    kinds.activation,
    {
      read: (value, what, reading) => reading.activation(what, value),
      write: (value, what, writing) => writing.activation(what, value as Activation),
    },
  ],
  [
    layersKind,
    {
      read: (value, what, reading) => reading.layer(what, value),
      write: (value, what, writing) => value && writing.layer(what, value as AnyLayer),
    },
  ],
  [
    dynamicsKind,
    {
      read: (value, what, reading) => reading.layer(what, value),
      write(value, what, { place, layer }) {
        if (value instanceof nn.Layer) return layer(what, value);
        const hint = "Functions and modules of one's own cannot be saved: files hold layers.";
        throw new FormatError(complaint(`${place}: ${what}`, "a layer", describe(value), hint));
      },
    },
  ],
  [
    solverKind,
    {
      read: (value, what, { place }) => objectOf(`${place}: ${what}`, value),
      write(value, _what, { place }) {
        // Watchers belong to a run, not to the network.
        const {
          onStep: _onStep,
          onStats: _onStats,
          signal: _signal,
          ...options
        } = value as JsonObject;
        for (const [name, option] of Object.entries(options))
          if (!isPlain(option))
            throw new FormatError(
              complaint(`${place}: ${name}`, "numbers, texts and names", describe(option)),
            );
        return options;
      },
    },
  ],
  [kinds.channelsLast, { read: (value) => camelCase(String(value)), write: () => "channels_last" }],
]);

/** The setting of an option, as Keras writes it; `reduce` is ours, and has always written words apart. */
function settingOf(kind: string, option: string): string {
  return option === "keepDims" && kind !== "reduce" ? "keepdims" : snakeName(option);
}

/** The entry of a declared layer; `make` where its class takes more than options. */
function entryOf(
  className: string,
  { kind, options, definition: { aliases = [], renamed = {} } }: Declaration,
  make: (options: JsonObject) => AnyLayer,
): KerasClass {
  // Initialisers only matter before parameters are there.
  const names = options.names.filter((name) => options.spec[name]!.kind !== kinds.initializer);
  const optionOf = new Map([
    ...Object.entries(renamed),
    ...names.map((name) => [settingOf(kind, name), name] as const),
  ]);
  return {
    className,
    aliases,
    kind,
    settings: [...optionOf.keys()],
    read(config, reading) {
      const given: Record<string, unknown> = { ...reading.base };
      for (const [setting, value] of Object.entries(config)) {
        const name = optionOf.get(setting);
        if (name === undefined) continue;
        const { kind: kindOfValue } = options.spec[name]!;
        if (value === null && kindOfValue.takesNull !== true) continue;
        const codec = codecs.get(kindOfValue);
        // Keras 2 writes one axis as a list, which means the same.
        const isOneAxis = setting === "axis" && Array.isArray(value) && value.length === 1;
        given[name] = codec?.read(value, setting, reading) ?? (isOneAxis ? value[0] : value);
      }
      return make(given);
    },
    write: (layer, writing) =>
      Object.fromEntries(
        names.map((name) => {
          const value = (layer as unknown as JsonObject)[name];
          const codec = codecs.get(options.spec[name]!.kind);
          const setting = settingOf(kind, name);
          return [setting, codec?.write(value, setting, writing) ?? value ?? null];
        }),
      ),
  };
}

/** Layers whose class takes more than options. */
const makers: Readonly<Record<string, (options: JsonObject) => AnyLayer>> = {
  residual: ({ body, ...options }) => nn.residual(body as nn.Layer, options),
  odeBlock: ({ dynamics, solver, ...options }) =>
    nn.odeBlock(dynamics as nn.Layer, { ...(solver as nn.OdeBlockOptions), ...options }),
};

const declared = Object.values(layers).flatMap((Class): KerasClass[] => {
  if (!("declaration" in Class) || Class === nn.Normalization) return [];
  const { className } = Class.prototype as AnyLayer;
  const Made = Class as unknown as new (options: JsonObject) => AnyLayer;
  const make = makers[Class.declaration.kind] ?? ((options) => new Made(options));
  return [entryOf(className, Class.declaration, make)];
});

const normalization: KerasClass = {
  className: "Normalization",
  kind: "normalization",
  settings: ["axis", "mean", "variance", "invert"],
  read({ axis, mean, variance, invert }, { base }) {
    // Statistics that adapt() found are parameters, and null here.
    const given = mean === null || mean === undefined ? {} : { mean, variance };
    return nn.normalization({ ...base, ...given, axis, invert } as nn.NormalizationOptions);
  },
  write(layer) {
    const { axis, invert, constants } = layer as nn.Normalization;
    return { axis, invert, mean: constants?.mean ?? null, variance: constants?.variance ?? null };
  },
};

/** The entry of one of our layers under another name, with settings of its own. */
function alsoRead(
  className: string,
  settings: readonly string[],
  read: (config: JsonObject, reading: Reading) => AnyLayer,
): KerasClass {
  return { className, settings, read };
}

/** Layers that only do something in training; ours do nothing then, either. */
const idle = [
  "GaussianNoise",
  "GaussianDropout",
  "AlphaDropout",
  "ActivityRegularization",
  "Identity",
  "RandomFlip",
  "RandomRotation",
  "RandomZoom",
  "RandomTranslation",
  "RandomContrast",
  "RandomBrightness",
];
const settingsOfIdle =
  "stddev rate l1 l2 mode factor height_factor width_factor fill_mode fill_value interpolation value_range data_format".split(
    " ",
  );

const old: readonly KerasClass[] = [
  alsoRead("ThresholdedReLU", ["theta", "threshold"], ({ theta, threshold }, { base }) => {
    const given = (theta ?? threshold) as number | undefined;
    return nn.relu({ ...base, threshold: given });
  }),
  alsoRead("SpatialDropout2D", ["rate", "seed"], ({ rate, seed }, { base }) =>
    nn.dropout({
      ...base,
      rate: rate as number,
      seed: seed as number | undefined,
      noiseShape: [null, 1, 1, null],
    }),
  ),
  ...idle.map((className) =>
    alsoRead(className, settingsOfIdle, (_config, { base }) =>
      nn.activation({ ...base, activation: "linear" }),
    ),
  ),
];

const all: readonly KerasClass[] = [...declared, normalization, ...old];

const byName = new Map(
  all.flatMap((entry) => [entry.className, ...(entry.aliases ?? [])].map((name) => [name, entry])),
);

/** The classes that are read, sorted; `topology.ts` reads the last three itself. */
export const classNames: readonly string[] = [
  ...all.map(({ className }) => className),
  "Functional",
  "Sequential",
  "InputLayer",
].sort();

/** Classes that are code, not data. */
const code = ["Lambda", "TFOpLambda", "SlicingOpLambda"];

/** The class of a name. Throws FormatError naming the place, the classes most like it and all. */
export function classOf(place: string, className: string): KerasClass {
  const entry = byName.get(className);
  if (entry !== undefined) return entry;
  throw new FormatError(
    complaint(
      place,
      `one of the layers ${classNames.join(", ")}`,
      className,
      code.includes(className)
        ? "Such layers are code, which is never run: replace it by layers."
        : `Most like it: ${nearNames(className, classNames).join(", ")}.`,
    ),
  );
}

/** The class that writes a kind of our layers, or undefined. */
export function classOfKind(kind: string): KerasClass | undefined {
  return all.find((entry) => entry.kind === kind);
}

/** Settings that say nothing about what a network computes. */
const training =
  /_(initializer|regularizer|constraint)$|^(name|aliases|trainable|dtype|batch_input_shape|batch_shape|batch_size|input_shape|input_dtype|autocast|sparse|ragged|implementation|fused|renorm_momentum|virtual_batch_size|momentum|seed|build_input_shape|synchronized|supports_masking|gradient_checkpoint)$/;

/** Throws FormatError for a setting that a class does not know, unless it is left empty: it would be ignored in silence. */
export function checkSettings(place: string, entry: KerasClass, config: JsonObject): void {
  for (const [name, value] of Object.entries(config)) {
    const isEmpty = value === null || value === false || value === "channels_last";
    if (isEmpty || entry.settings.includes(name) || training.test(name)) continue;
    throw new FormatError(
      complaint(
        `${place}: ${entry.className}`,
        `settings among ${entry.settings.join(", ")}`,
        `"${name.slice(0, 60)}"`,
      ),
    );
  }
}
