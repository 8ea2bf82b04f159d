/** @file Classes whose configuration holds more than settings: layers within layers, statistics, and what Keras does not have. */
import * as nn from "../../nn/index.ts";
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import { objectOf } from "../json.ts";
import type { KerasClass } from "./class.ts";

const normalization: KerasClass = {
  className: "Normalization",
  kind: "normalization",
  settings: ["axis", "mean", "variance", "invert"],
  read(config, { base }) {
    const { axis, mean, variance, invert } = config as nn.NormalizationOptions;
    // Statistics that adapt() found are parameters, and null here.
    const given = mean === null || mean === undefined ? {} : { mean, variance: variance! };
    return nn.normalization({
      ...base,
      ...given,
      ...(axis !== undefined && { axis }),
      ...(invert !== undefined && { invert }),
    });
  },
  write(layer) {
    const { axis, invert, constants } = layer as nn.Normalization;
    return { axis, invert, mean: constants?.mean ?? null, variance: constants?.variance ?? null };
  },
};

const residual: KerasClass = {
  className: "Residual",
  kind: "residual",
  settings: ["body", "shortcut"],
  read({ body, shortcut }, { base, layer }) {
    return nn.residual(layer("body", body), {
      ...base,
      ...(shortcut !== null &&
        shortcut !== undefined && { shortcut: layer("shortcut", shortcut) as nn.Layer }),
    });
  },
  write(layer, writing) {
    const { body, shortcut } = layer as nn.Residual;
    return {
      body: writing.layer("body", body),
      shortcut: shortcut === undefined ? null : writing.layer("shortcut", shortcut),
    };
  },
};

const odeBlock: KerasClass = {
  className: "ODEBlock",
  kind: "odeBlock",
  settings: ["dynamics", "t0", "t1", "solver"],
  read({ dynamics, t0, t1, solver }, { base, layer, place }) {
    return nn.odeBlock(layer("dynamics", dynamics) as nn.Layer, {
      ...base,
      ...(objectOf(`${place}: solver`, solver ?? {}) as nn.OdeBlockOptions),
      ...({ t0, t1 } as nn.OdeBlockOptions),
    });
  },
  write(layer, writing) {
    const { dynamics, t0, t1, solver } = layer as nn.OdeBlock;
    if (!(dynamics instanceof nn.Layer))
      throw new FormatError(
        complaint(
          `${writing.place}: dynamics`,
          "a layer",
          describe(dynamics),
          "Functions and modules of one's own cannot be saved: files hold layers.",
        ),
      );
    // Watchers belong to a run, not to the network.
    const { onStep: _onStep, onStats: _onStats, signal: _signal, ...options } = solver;
    for (const [name, value] of Object.entries(options))
      if (!isPlain(value))
        throw new FormatError(
          complaint(`${writing.place}: ${name}`, "numbers, texts and names", describe(value)),
        );
    return { dynamics: writing.layer("dynamics", dynamics), t0, t1, solver: options };
  },
};

/** Whether JSON holds a value as it is. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value === "object" && value !== null)
    return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
  return (
    value === null ||
    value === undefined ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    Number.isFinite(value)
  );
}

/** All of them. */
export const ownClasses: readonly KerasClass[] = [normalization, residual, odeBlock];
