/** @file Our networks as Keras would describe them in JSON; layers that Keras does not have under names of their own. */
import { complaint, describe } from "../../base/errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { InputLayer } from "../../nn/graph/input.ts";
import { Model } from "../../nn/graph/model.ts";
import { type AnyLayer, Layer } from "../../nn/layer.ts";
import { Sequential } from "../../nn/layers/sequential.ts";
import { FormatError } from "../errors.ts";
import type { LoadedModel } from "../format.ts";
import type { JsonObject } from "../json.ts";
import { serializedActivation } from "./settings.ts";
import { classOfKind } from "./classes.ts";

/**
 * The layers of a network in JSON, for `readTopology`. Throws FormatError naming the layer for functions, modules that are no
 * layers, and activations of one's own: files hold data, not code.
 */
export function writeTopology(who: string, model: LoadedModel): JsonObject {
  const { class_name, config } = written(who, model, model.inputs[0]!.dtype);
  return { class_name, config, keras_version: "3.0", generated_by: "adjoint" };
}

/** One layer, or a network as a layer. */
function written(who: string, layer: AnyLayer, dtype: DType): JsonObject {
  if (layer instanceof Sequential) return sequential(who, layer, dtype);
  if (layer instanceof Model) return functional(who, layer, dtype);
  const entry = classOfKind(layer.kind);
  const place = `${who}: ${layer.label}`;
  if (entry?.write === undefined)
    throw new FormatError(
      complaint(
        place,
        "layers that can be described",
        layer.kind,
        "Functions cannot be saved, since files hold data, not code: build the network of layers.",
      ),
    );
  const config = entry.write(layer, {
    place,
    layer: (what, inner) => written(`${place}: ${what}`, inner, dtype),
    activation(what, activation) {
      const serialized = serializedActivation(activation);
      if (serialized !== undefined) return serialized;
      throw new FormatError(
        complaint(
          `${place}: ${what}`,
          "an activation with a name",
          "a function",
          "Functions cannot be saved, since files hold data, not code.",
        ),
      );
    },
  });
  return { class_name: entry.className, config: { ...common(layer, dtype), ...config } };
}

/** What all layers have. */
function common(layer: AnyLayer, dtype: DType): JsonObject {
  const own = layer.parameters()[0]?.dtype ?? dtype;
  return {
    ...(layer.name !== undefined && { name: layer.name }),
    ...(layer.aliases.length > 0 && { aliases: layer.aliases }),
    ...(!layer.trainable && { trainable: false }),
    dtype: own === "float64" ? "float64" : "float32",
  };
}

function inputLayer(name: string, shape: readonly number[], dtype: DType): JsonObject {
  return { class_name: "InputLayer", config: { name, batch_shape: [null, ...shape], dtype } };
}

function sequential(who: string, model: Sequential, dtype: DType): JsonObject {
  const place = `${who}: ${model.label}`;
  const layers = model.layers.map((item, index) => {
    if (item instanceof Layer) return written(place, item, dtype);
    throw new FormatError(
      complaint(
        `${place}: layers[${index}]`,
        "a layer",
        describe(item),
        "Functions and modules of one's own cannot be saved: files hold data, not code.",
      ),
    );
  });
  const name = model.name === undefined ? "input" : `${model.name}_input`;
  return {
    class_name: "Sequential",
    config: {
      ...common(model, dtype),
      layers: [inputLayer(name, model.inputShape!, dtype), ...layers],
    },
  };
}

function functional(who: string, model: Model, dtype: DType): JsonObject {
  const place = `${who}: ${model.label}`;
  const { plan, layers } = model;
  const origins = new Map<number, readonly [layer: string, node: number, output: number]>();
  for (const [number, position] of plan.inputs.entries())
    origins.set(number, [layers[position]!.name!, 0, 0]);
  for (const { layer, application, outputs } of plan.steps)
    for (const [index, number] of outputs.entries())
      origins.set(number, [layers[layer]!.name!, application, index]);
  const described = layers.map((layer, position) => {
    const name = layer.name!;
    if (layer instanceof InputLayer)
      return { ...inputLayer(name, layer.inputShape!, layer.dtype), name, inbound_nodes: [] };
    const nodes = plan.steps
      .filter((step) => step.layer === position)
      .toSorted((a, b) => a.application - b.application)
      .map(({ inputs }) => inputs.map((number) => [...origins.get(number)!, {}]));
    return { ...written(place, layer, dtype), name, inbound_nodes: nodes };
  });
  return {
    class_name: "Functional",
    config: {
      ...common(model, dtype),
      layers: described,
      input_layers: plan.inputs.map((_, number) => origins.get(number)!),
      output_layers: plan.outputs.map((number) => origins.get(number)!),
      takes_list: plan.takesList,
      gives_list: plan.givesList,
    },
  };
}
