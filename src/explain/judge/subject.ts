/** @file What is judged: a picture, a map of it, the class that the map explains, and the truth where it is known. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { type HeatMap, checkMap, upsample } from "../figure/heat-map.ts";

/** A map to judge, and what it is a map of. */
export interface Subject {
  /** The picture as the network takes it: [H, W, C] or [1, H, W, C], float32. */
  readonly image: Tensor;
  /** The map, of any size: it is resized to the picture's bilinearly. */
  readonly map: HeatMap;
  /** The class that the map explains: an index into the network's output. */
  readonly classIndex: number;
  /** Which pixels belong to the object of the class: [H, W], 0 outside. Metrics of localisation need it. */
  readonly mask?: Tensor;
}

/** A subject that was checked, with a map of the picture's size. */
export interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** [rows, columns, channels] */
  readonly pixels: Float32Array;
  /** [rows, columns] */
  readonly map: Float64Array;
  readonly classIndex: number;
  readonly mask: ArrayLike<number> | undefined;
}

/** The subject as a case. Throws ArgumentError or ShapeError naming the part of it that cannot be judged. */
export function caseOf(who: string, subject: Subject): Case {
  const { image, map, classIndex, mask } = subject;
  if (!(image instanceof Tensor) || image.dtype !== "float32")
    throw new ArgumentError(complaint(`${who}: image`, "a float32 tensor", describe(image)));
  const shape = image.rank === 4 && image.shape[0] === 1 ? image.shape.slice(1) : image.shape;
  if (shape.length !== 3)
    throw new ShapeError(
      complaint(
        `${who}: image`,
        "one picture, [H, W, C] or [1, H, W, C]",
        formatShape(image.shape),
      ),
    );
  checkMap(`${who}: map`, map);
  const [rows, columns, channels] = shape as [number, number, number];
  if (!Number.isSafeInteger(classIndex) || classIndex < 0)
    throw new ArgumentError(
      complaint(`${who}: classIndex`, "an index into the network's output", describe(classIndex)),
    );
  if (
    mask !== undefined &&
    (mask.shape[0] !== rows || mask.shape[1] !== columns || mask.rank !== 2)
  )
    throw new ShapeError(
      complaint(`${who}: mask`, formatShape([rows, columns]), formatShape(mask.shape)),
    );
  return {
    rows,
    columns,
    channels,
    pixels: concreteElements(image, who) as Float32Array,
    map: upsample(map, rows, columns, "bilinear").values,
    classIndex,
    mask: mask && concreteElements(mask, who),
  };
}
