"""Writes figures.json: maps upsampled by Pillow and scipy, matplotlib's colour maps, and pixels of the figure that the program
GradCAM-Keras draws with matplotlib. Run it in this folder."""
import base64
import io
import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy  # noqa: E402
import PIL  # noqa: E402
import scipy  # noqa: E402
import scipy.ndimage  # noqa: E402
from PIL import Image  # noqa: E402


def wave(height, width):
    """A map of a few integers, made again by the tests."""
    y, x = numpy.mgrid[0:height, 0:width]
    return ((x * 7 + y * 11 + x * y * 3) % 23 - 9).astype("float64")


filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "cubic": Image.BICUBIC}
upsampled = []
for source, target in (((7, 5), (19, 23)), ((1, 4), (3, 9)), ((4, 1), (9, 1)), ((9, 9), (4, 13)), ((14, 14), (15, 28)), ((1, 1), (2, 3))):
    small = wave(*source)
    for method, filter in filters.items():
        large = numpy.asarray(Image.fromarray(small.astype("float32")).resize(target[::-1], filter))
        upsampled.append({"source": source, "target": target, "method": method,
                          "values": [round(float(v), 6) for v in large.reshape(-1)]})
    zoomed = scipy.ndimage.zoom(small, [t / s for s, t in zip(source, target)], order=3)
    assert zoomed.shape == target
    upsampled.append({"source": source, "target": target, "method": "spline3", "values": zoomed.reshape(-1).tolist()})

colours = {}
for name in ("inferno", "viridis", "magma", "plasma", "jet", "RdBu_r"):
    table = matplotlib.colormaps[name](numpy.arange(256), bytes=True)[:, :3]
    colours["rdbu" if name == "RdBu_r" else name] = base64.b64encode(table.tobytes()).decode()

# The figure: its calls, as research on the program found them. Picture and map are made of integers again.
size = 224
y, x = numpy.mgrid[0:size, 0:size]
picture = numpy.stack([(x * 3 + y) % 256, (x + y * 2) % 256, (x * y) % 256], -1).astype("uint8")
small = wave(14, 14)
large = scipy.ndimage.zoom(small, 16, order=3)
figure, axes = plt.subplots(1, 2, figsize=(7, 4))
plt.subplots_adjust(left=0.01, bottom=0.0, right=0.99, top=0.96, wspace=0.11, hspace=0.2)
axes[0].set_title("Original image")
axes[0].imshow(picture)
axes[0].axis("off")
axes[1].set_title("3th dimension (kitten) \nw.r.t layer block5_conv4")
axes[1].imshow(picture)
axes[1].imshow(large, cmap="jet", alpha=0.5)
axes[1].axis("off")
out = io.BytesIO()
figure.savefig(out, dpi=300)
saved = numpy.asarray(Image.open(out).convert("RGB"))
assert saved.shape == (1200, 2100, 3)
panels = []
for panel in axes:
    box = panel.get_window_extent()
    scale = 300 / figure.dpi
    panels.append([box.x0 * scale, 1200 - box.y1 * scale, box.x1 * scale, 1200 - box.y0 * scale])
# Every 13th pixel of every 13th row.
pixels = saved[::13, ::13]

golden = {"about": f"Pillow {PIL.__version__}, scipy {scipy.__version__}, matplotlib {matplotlib.__version__}; by make-figures.py",
               "upsampled": upsampled, "colours": colours, "panels": panels, "shape": pixels.shape,
               "pixels": base64.b64encode(pixels.tobytes()).decode()}
# A line for each case.
lines = ",\n".join(
    f"{json.dumps(key)}: " + ("[\n" + ",\n".join(json.dumps(case) for case in value) + "\n]" if isinstance(value, list) else json.dumps(value))
    for key, value in golden.items())
with open("figures.json", "w") as file:
    file.write("{\n" + lines + "\n}\n")
