/** @file What a class of Keras is to us: how its configuration is read as a layer, and how a layer is written as one. */
import type { Activation } from "../../nn/activations.ts";
import type { AnyLayer, LayerOptions } from "../../nn/layer.ts";
import { camelCase } from "../names.ts";
import type { JsonObject } from "../json.ts";

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

/** What a class has besides its settings. */
interface Extra {
  readonly aliases?: readonly string[];
  readonly kind?: string;
  /** Old names of settings. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** What cannot be told from the settings alone. */
  readonly options?: (config: JsonObject) => JsonObject;
}

/**
 * A class whose settings are the options and the fields of our layer, in Keras' spelling: `pool_size` is poolSize. Most are.
 */
export function plain<Options extends LayerOptions>(
  className: string,
  make: (options: Options) => AnyLayer,
  settings: readonly string[] = [],
  extra: Extra = {},
): KerasClass {
  const { renamed = {}, kind, aliases } = extra;
  return {
    className,
    ...(aliases !== undefined && { aliases }),
    ...(kind !== undefined && { kind }),
    settings: [...settings, ...Object.keys(renamed)],
    read(config, reading) {
      const options: Record<string, unknown> = { ...reading.base };
      for (const [name, value] of Object.entries(config)) {
        const setting = renamed[name] ?? name;
        if (!settings.includes(setting) || value === null) continue;
        const option = optionName(setting);
        options[option] =
          setting === "activation" ? reading.activation(setting, value) : forOption(setting, value);
      }
      return make({ ...options, ...extra.options?.(config) } as unknown as Options);
    },
    ...(kind !== undefined && {
      write(layer: AnyLayer, writing: Writing): JsonObject {
        const fields = layer as unknown as JsonObject;
        return Object.fromEntries(
          settings.map((setting) => {
            const value = fields[optionName(setting)];
            if (setting === "activation")
              return [setting, writing.activation(setting, value as Activation)];
            return [setting, setting === "data_format" ? "channels_last" : (value ?? null)];
          }),
        );
      },
    }),
  };
}

/** Options whose words Keras writes as one. */
const spelledOtherwise: Readonly<Record<string, string>> = { keepdims: "keepDims" };

function optionName(setting: string): string {
  return spelledOtherwise[setting] ?? camelCase(setting);
}

function forOption(setting: string, value: unknown): unknown {
  if (setting === "data_format") return camelCase(String(value));
  // Keras 2 writes one axis as a list, which means the same.
  if (setting === "axis" && Array.isArray(value) && value.length === 1) return value[0];
  return value;
}
