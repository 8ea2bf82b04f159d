/** @file How ONNX lays windows on images: kernel_shape, strides, dilations, pads and auto_pad of convolutions and pooling. */
import type { Pair } from "../../../../../ir/conv.ts";
import { formatShape } from "../../../../../ir/shape.ts";
import type { PaddingOption } from "../../../../../nn/index.ts";
import type { Step } from "../step.ts";

/** What the attributes say. */
export interface Windows {
  readonly window: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly autoPad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";
  /** [[top, bottom], [left, right]] */
  readonly pads: readonly [Pair, Pair];
}

/** No stride, border or window is as large. */
const largest = 1 << 20;

/** Rows and columns of an attribute: `otherwise` unless given. */
export function pairOf(
  step: Step,
  name: string,
  given: readonly number[] | undefined,
  otherwise: number,
  least: number = otherwise,
): Pair {
  const pair = given ?? [otherwise, otherwise];
  if (pair.length !== 2 || !pair.every((n) => n >= least && n <= largest))
    throw step.error(`${name}: two integers of at least ${least}`, formatShape(pair));
  return [pair[0]!, pair[1]!];
}

/** Reads the attributes. */
export function windowsOf(step: Step, window: Pair): Windows {
  const pads = step.ints("pads") ?? [0, 0, 0, 0];
  if (pads.length !== 4 || !pads.every((n) => n >= 0 && n <= largest))
    throw step.error("pads: four integers of at least 0", formatShape(pads));
  return {
    window,
    strides: pairOf(step, "strides", step.ints("strides"), 1),
    dilation: pairOf(step, "dilations", step.ints("dilations"), 1),
    autoPad: step.text("auto_pad", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"], "NOTSET"),
    pads: [
      [pads[0]!, pads[2]!],
      [pads[1]!, pads[3]!],
    ],
  };
}

/** The borders that the attributes give in numbers; with VALID none. */
export function givenBorders({ autoPad, pads }: Windows): readonly [Pair, Pair] {
  return autoPad === "NOTSET"
    ? pads
    : [
        [0, 0],
        [0, 0],
      ];
}

/** The borders of images of a size, in numbers. */
export function borderWidths(windows: Windows, size: Pair): readonly [Pair, Pair] {
  if (!windows.autoPad.startsWith("SAME")) return givenBorders(windows);
  const border = (axis: 0 | 1): Pair => {
    const reach = windows.dilation[axis] * (windows.window[axis] - 1) + 1;
    const count = Math.ceil(size[axis] / windows.strides[axis]);
    const total = Math.max(0, (count - 1) * windows.strides[axis] + reach - size[axis]);
    const less = Math.floor(total / 2);
    return windows.autoPad === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  };
  return [border(0), border(1)];
}

/** The padding of a layer: by name where Keras has one for it whatever the size, in numbers otherwise. */
export function bordersOf(windows: Windows, size: Pair): PaddingOption {
  if (windows.autoPad === "SAME_UPPER") return "same";
  const widths = borderWidths(windows, size);
  if (widths.flat().every((n) => n === 0)) return "valid";
  const isSame = widths.every(([before, after], axis) => {
    const total = windows.dilation[axis]! * (windows.window[axis]! - 1);
    return (
      windows.strides[axis] === 1 && before === Math.floor(total / 2) && before + after === total
    );
  });
  return isSame ? "same" : widths;
}
