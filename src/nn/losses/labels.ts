/** @file Class labels: int32 numbers in [0, classes), checked wherever there are values to look at. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";

/**
 * Throws ArgumentError naming the first label outside [0, classes) and its index. Labels that are being traced have no values
 * yet and pass: losses are NaN where such a label turns out to lie outside.
 */
export function checkLabels(who: string, labels: Tensor, classes: number): void {
  const { elements } = labels;
  if (elements === undefined) return;
  for (let index = 0; index < elements.length; index++) {
    const label = elements[index]!;
    if (label < 0 || label >= classes)
      throw new ArgumentError(
        complaint(
          who,
          `labels in [0, ${classes}), one of ${classes} classes`,
          `${label} at index ${index}`,
          "Labels count from 0; the prediction's last extent is the number of classes.",
        ),
      );
  }
}
