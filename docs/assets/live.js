// The course's live figures: descend a parabola by hand, turn the learning rate, draw batches. No library, no network.
"use strict";
(() => {
  const WIDE = 480;
  const HIGH = 300;

  // Elements, numbers, and a plane with axes ------------------------------------------------------------------------

  const shape = (parent, tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  const element = (parent, tag, properties = {}) => {
    const made = Object.assign(document.createElement(tag), properties);
    parent.append(made);
    return made;
  };

  const told = (value, digits = 3) => {
    const size = Math.abs(value);
    const text =
      size !== 0 && (size < 1e-3 || size >= 1e6)
        ? value.toExponential(digits - 1)
        : size >= 100
          ? Math.round(value).toLocaleString("en")
          : value.toFixed(Math.max(0, digits - Math.max(1, Math.ceil(Math.log10(size || 1)))));
    return text.replace("e+", "e").replace(/^-/, "−");
  };

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  let planes = 0;

  /** A plane in a drawing: frame [left, top, width, height], ranges of x and y, y by powers of ten if asked. */
  class Plane {
    constructor(svg, [left, top, width, height], x, y, { log = false, xTicks, yTicks, xTitle, yTitle }) {
      Object.assign(this, { left, top, width, height, x, y, log });
      const axes = shape(svg, "g", { class: "axes" });
      shape(axes, "path", { d: `M${left} ${top}v${height}h${width}` });
      for (const tick of xTicks) shape(axes, "text", { x: this.across(tick), y: top + height + 18, "text-anchor": "middle" }, tick.toLocaleString("en").replace("-", "−"));
      for (const tick of yTicks) shape(axes, "text", { x: left - 6, y: this.up(tick) + 5, "text-anchor": "end" }, tick.toLocaleString("en").replace("-", "−"));
      shape(axes, "text", { x: left + width / 2, y: top + height + 38, "text-anchor": "middle" }, xTitle);
      const middle = top + height / 2;
      if (yTitle) shape(axes, "text", { x: left, y: top - 8, "text-anchor": "start" }, yTitle);
      const id = `plane-${(planes += 1)}`;
      const clip = shape(svg, "clipPath", { id });
      shape(clip, "rect", { x: left, y: top, width, height });
      this.inside = shape(svg, "g", { "clip-path": `url(#${id})`, "data-middle": middle });
    }

    across(value) {
      return this.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * this.width;
    }

    up(value) {
      const of = this.log ? (v) => Math.log10(Math.max(v, 1e-300)) : (v) => v;
      const [low, high] = this.y.map(of);
      return this.top + this.height * (1 - (clamp(of(value), low - 9 * (high - low), high + 9 * (high - low)) - low) / (high - low));
    }

    path(points) {
      return points.map(([x, y], i) => `${i ? "L" : "M"}${this.across(x).toFixed(1)} ${this.up(y).toFixed(1)}`).join("");
    }

    line(kind, points = []) {
      return shape(this.inside, "path", { class: kind, d: this.path(points) });
    }

    dot(kind, size, [x, y] = [0, 0]) {
      return shape(this.inside, "circle", { class: kind, r: size, cx: this.across(x), cy: this.up(y) });
    }

    move(dot, [x, y]) {
      dot.setAttribute("cx", clamp(this.across(x), -1e4, 1e4));
      dot.setAttribute("cy", clamp(this.up(y), -1e4, 1e4));
    }

    draw(line, points) {
      line.setAttribute("d", this.path(points));
    }

    arrow(line, from, to) {
      const [a, b] = [this.across(from[0]), this.up(from[1])];
      const [c, d] = [clamp(this.across(to[0]), -1e4, 1e4), clamp(this.up(to[1]), -1e4, 1e4)];
      const turn = Math.atan2(d - b, c - a);
      const head = Math.min(9, Math.hypot(c - a, d - b));
      const side = (by) => `${(c - head * Math.cos(turn + by)).toFixed(1)} ${(d - head * Math.sin(turn + by)).toFixed(1)}`;
      line.setAttribute("d", `M${a.toFixed(1)} ${b.toFixed(1)}L${c.toFixed(1)} ${d.toFixed(1)}M${side(0.5)}L${c.toFixed(1)} ${d.toFixed(1)}L${side(-0.5)}`);
    }
  }

  /** The parts that every live figure has: a drawing with its words, controls, and what it says. */
  const frame = (figure, title) => {
    const caption = figure.querySelector("figcaption");
    const body = document.createElement("div");
    caption.after(body);
    const svg = shape(body, "svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
    shape(svg, "title", {}, title);
    const controls = element(body, "div", { className: "controls" });
    const said = element(body, "p", { className: "said" });
    said.setAttribute("aria-live", "polite");
    return { svg, controls, say: (...lines) => (said.innerHTML = lines.join("<br>")) };
  };

  const slider = (controls, words, low, high, step, value, changed) => {
    const label = element(controls, "label", { textContent: words });
    const input = element(label, "input", { type: "range", min: low, max: high, step, value });
    input.addEventListener("input", () => changed(Number(input.value)));
    return input;
  };

  const button = (controls, words, pressed) =>
    element(controls, "button", { type: "button", textContent: words, onclick: pressed });

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // The tutorials' five regions.
  const TEMP = [73, 91, 87, 102, 69];
  const RAIN = [67, 88, 134, 43, 96];
  const APPLES = [56, 81, 119, 22, 103];

  // Page 3: apples = w · rainfall, its loss a parabola in w -----------------------------------------------------------

  const descend = (figure) => {
    const lr = 1e-5;
    const start = -0.4;
    const loss = (w) => mean(RAIN.map((r, i) => (w * r - APPLES[i]) ** 2));
    const slope = (w) => 2 * mean(RAIN.map((r, i) => (w * r - APPLES[i]) * r));
    const { svg, controls, say } = frame(figure, "The loss of apples = w · rainfall against w: a parabola with a ball to drag");
    const plane = new Plane(svg, [66, 26, 400, 224], [-0.6, 2.4], [0, 20000], {
      xTicks: [-0.5, 0, 0.5, 1, 1.5, 2],
      yTicks: [0, 5000, 10000, 15000, 20000],
      xTitle: "weight of rainfall",
      yTitle: "loss",
    });
    const ws = Array.from({ length: 121 }, (_, i) => -0.6 + i * 0.025);
    plane.line("blue", ws.map((w) => [w, loss(w)]));
    const tangent = plane.line("orange dashed");
    const step = plane.line("green thick");
    const trail = shape(plane.inside, "g", {});
    const ball = plane.dot("ball", 10);
    let w = start;
    let updates = 0;
    const show = () => {
      const [height, rise] = [loss(w), slope(w)];
      plane.move(ball, [w, height]);
      plane.draw(tangent, [w - 0.35, w + 0.35].map((at) => [at, height + rise * (at - w)]));
      plane.arrow(step, [w, height], [w - lr * rise, height]);
      weight.value = w;
      say(
        `weight ${told(w)}, loss ${told(height)}, slope ${told(rise)}`,
        `next update: ${told(w)} − 1e-5 · (${told(rise)}) = <b>${told(w - lr * rise)}</b>`,
        Math.abs(rise) < 150 ? `The slope is nearly flat: this is the lowest point.` : `The slope is ${rise < 0 ? "negative: the weight should rise" : "positive: the weight should fall"}. Updates so far: ${updates}.`,
      );
    };
    const to = (value) => {
      w = clamp(value, -0.6, 2.4);
      show();
    };
    const weight = slider(controls, "weight", -0.6, 2.4, 0.01, w, to);
    button(controls, "One update", () => {
      plane.move(shape(trail, "circle", { class: "trail", r: 4 }), [w, loss(w)]);
      updates += 1;
      to(w - lr * slope(w));
    });
    button(controls, "Start again", () => {
      trail.replaceChildren();
      updates = 0;
      to(start);
    });
    const drag = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDE;
      to(plane.x[0] + ((x - plane.left) / plane.width) * (plane.x[1] - plane.x[0]));
    };
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      drag(event);
    });
    svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && drag(event));
    show();
  };

  // Two weights and a quadratic loss: gap(e) = eᵀAe for the error e -----------------------------------------------------

  const spectrum = ([[a, b], [, d]]) => {
    const [middle, half] = [(a + d) / 2, Math.hypot((a - d) / 2, b)];
    return { large: middle + half, small: middle - half, turn: Math.atan2(2 * b, a - d) / 2 };
  };

  const rings = (plane, A, best, levels) => {
    const { large, small, turn } = spectrum(A);
    const unit = [plane.width / (plane.x[1] - plane.x[0]), plane.height / (plane.y[1] - plane.y[0])];
    return levels.map((level) => {
      const ring = Array.from({ length: 73 }, (_, i) => {
        const [p, q] = [Math.sqrt(level / large) * Math.cos((i * Math.PI) / 36), Math.sqrt(level / small) * Math.sin((i * Math.PI) / 36)];
        return [best[0] + p * Math.cos(turn) - q * Math.sin(turn), best[1] + p * Math.sin(turn) + q * Math.cos(turn)];
      });
      return shape(plane.inside, "path", { class: "ring", d: plane.path(ring), "data-unit": unit[0] });
    });
  };

  // Page 4: apples from temperature and rainfall, raw and standardised ------------------------------------------------

  const rate = (figure) => {
    const UPDATES = 40;
    const START = [-1, -1.3]; // the error of the two weights at the start, in either scaling
    const LEVELS = [0.01, 0.05, 0.15, 0.35, 0.7, 1.2, 2, 3, 4.5];
    const products = (u, v) => [[mean(u.map((a) => a * a)), mean(u.map((a, i) => a * v[i]))], [mean(u.map((a, i) => a * v[i])), mean(v.map((b) => b * b))]];
    const standard = (values) => {
      const middle = mean(values);
      const spread = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
      return values.map((value) => (value - middle) / spread);
    };
    const scalings = {
      raw: products(TEMP.map((v) => v / 100), RAIN.map((v) => v / 100)),
      standard: products(standard(TEMP), standard(RAIN)),
    };
    const { svg, controls, say } = frame(figure, "Left the valley of the loss with the path of 40 updates, right what each of them leaves of the loss");
    const valley = new Plane(svg, [34, 26, 212, 212], [-1.6, 1.6], [-1.6, 1.6], {
      xTicks: [-1, 0, 1],
      yTicks: [-1, 0, 1],
      xTitle: "error of one weight",
      yTitle: "error of the other",
    });
    const fall = new Plane(svg, [306, 26, 164, 212], [0, UPDATES], [1e-6, 100], {
      log: true,
      xTicks: [0, 20, 40],
      yTicks: [],
      xTitle: "update",
      yTitle: "loss above optimum",
    });
    for (const [value, text] of [[1e-6, "1e-6"], [1e-4, "1e-4"], [1e-2, "0.01"], [1, "1"], [100, "100"]])
      shape(svg, "text", { class: "tick", x: 300, y: fall.up(value) + 5, "text-anchor": "end" }, text);
    const contours = shape(valley.inside, "g", {});
    const path = valley.line("blue thin");
    const dots = Array.from({ length: UPDATES + 1 }, () => valley.dot("trail", 2.6));
    valley.dot("green-dot", 5, [0, 0]);
    const curve = fall.line("blue");
    let [share, scaling] = [0.2, "raw"];
    const show = () => {
      const A = scalings[scaling];
      const { large } = spectrum(A);
      const limit = 1 / large;
      const lr = share * limit;
      const gap = ([p, q]) => A[0][0] * p * p + 2 * A[0][1] * p * q + A[1][1] * q * q;
      const steps = [START];
      for (let k = 0; k < UPDATES; k += 1) {
        const [p, q] = steps[k];
        steps.push([p - 2 * lr * (A[0][0] * p + A[0][1] * q), q - 2 * lr * (A[1][0] * p + A[1][1] * q)]);
      }
      valley.draw(path, steps);
      steps.forEach((at, k) => valley.move(dots[k], at));
      fall.draw(curve, steps.map((at, k) => [k, gap(at)]));
      const growth = Math.abs(1 - 2 * lr * large);
      say(
        `lr ${told(lr)}, which is ${told(share)} of the limit`,
        `loss above the optimum: ${told(gap(START))} at the start, <b>${told(gap(steps[UPDATES]))}</b> after ${UPDATES} updates`,
        share > 1 ? `Above the limit: the error across the valley grows ${told(growth)}-fold with each update.` : share === 1 ? `At the limit: the path jumps from wall to wall for ever.` : share > 0.6 ? `Each update jumps over the floor of the valley and lands on the other side.` : `No update jumps over the floor of the valley.`,
      );
    };
    const scale = (name) => {
      scaling = name;
      contours.replaceChildren();
      rings(valley, scalings[name], [0, 0], LEVELS).forEach((ring) => contours.append(ring));
      show();
    };
    slider(controls, "learning rate", 0.02, 1.2, 0.01, share, (value) => {
      share = value;
      show();
    });
    const label = element(controls, "label", { className: "tick-box" });
    const box = element(label, "input", { type: "checkbox", onchange: () => scale(box.checked ? "standard" : "raw") });
    label.append(" standardised columns");
    scale("raw");
  };

  // Page 6: a line through twenty points, a batch at a time -------------------------------------------------------------

  const batches = (figure) => {
    const ROWS = 20;
    const lr = 0.3;
    let seed = 11;
    const random = () => {
      seed = (seed * 1664525 + 1013904223) % 4294967296; // Numerical Recipes' generator, the same on every machine
      return seed / 4294967296;
    };
    const xs = Array.from({ length: ROWS }, (_, i) => (i + 0.5) / ROWS);
    const ys = xs.map((x) => 1 + 2 * x + (random() + random() + random() - 1.5) * 0.8);
    const all = xs.map((_, i) => i);
    const loss = (rows, [w, b]) => mean(rows.map((i) => (w * xs[i] + b - ys[i]) ** 2));
    const gradient = (rows, [w, b]) => {
      const errors = rows.map((i) => w * xs[i] + b - ys[i]);
      return [2 * mean(errors.map((error, k) => error * xs[rows[k]])), 2 * mean(errors)];
    };
    const A = [[mean(xs.map((x) => x * x)), mean(xs)], [mean(xs), 1]];
    const det = A[0][0] - A[0][1] ** 2;
    const [sxy, sy] = [mean(xs.map((x, i) => x * ys[i])), mean(ys)];
    const best = [(sxy - A[0][1] * sy) / det, (A[0][0] * sy - A[0][1] * sxy) / det];
    const { svg, controls, say } = frame(figure, "Left twenty points with the line so far, right the path of its weight and bias over the loss");
    const data = new Plane(svg, [30, 26, 200, 212], [0, 1], [0, 4], { xTicks: [0, 0.5, 1], yTicks: [0, 1, 2, 3, 4], xTitle: "x", yTitle: "y: rows and line" });
    const map = new Plane(svg, [270, 26, 200, 212], [-0.2, 3.4], [-0.2, 2.6], { xTicks: [0, 1, 2, 3], yTicks: [0, 1, 2], xTitle: "weight", yTitle: "bias" });
    rings(map, A, best, [0.01, 0.05, 0.15, 0.4, 0.9, 1.7, 3, 5]);
    map.dot("green-dot", 5, best);
    const line = data.line("blue");
    const points = xs.map((x, i) => data.dot("row", 4.5, [x, ys[i]]));
    const path = map.line("blue thin");
    const here = map.dot("ball", 4);
    const whole = map.line("green thick");
    const drawn = map.line("orange thick");
    let [size, at, trail, order, batch] = [1, [0, 0], [[0, 0]], [], []];
    const show = (words) => {
      data.draw(line, [0, 1].map((x) => [x, at[0] * x + at[1]]));
      points.forEach((point, i) => point.setAttribute("class", batch.includes(i) ? "row drawn" : "row"));
      map.draw(path, trail);
      map.move(here, at);
      const from = trail[trail.length - 2] ?? at;
      map.arrow(drawn, from, at);
      const full = gradient(all, from);
      map.arrow(whole, from, trail.length > 1 ? [from[0] - lr * full[0], from[1] - lr * full[1]] : at);
      say(
        `updates ${trail.length - 1}, loss of all rows <b>${told(loss(all, at))}</b>, best possible ${told(loss(all, best))}`,
        batch.length ? `loss of the batch, after its own update: ${told(loss(batch, at))}` : "&nbsp;",
        words,
      );
    };
    const update = () => {
      if (order.length === 0) order = all.map((i) => [random(), i]).sort((p, q) => p[0] - q[0]).map((pair) => pair[1]);
      batch = order.splice(0, size);
      const slope = gradient(batch, at);
      at = [at[0] - lr * slope[0], at[1] - lr * slope[1]];
      trail.push(at);
    };
    const FIRST = "Draw a batch: its rows light up, and the line moves.";
    const STEP = "Orange: the step by this batch. Green: by all rows.";
    const again = () => {
      [at, trail, order, batch] = [[0, 0], [[0, 0]], [], []];
      show(FIRST);
    };
    const label = element(controls, "label", { textContent: "batch of" });
    const choice = element(label, "select", {
      onchange: () => {
        size = Number(choice.value);
        order = [];
      },
    });
    for (const rows of [1, 2, 5, 10, 20]) element(choice, "option", { value: rows, textContent: rows });
    button(controls, "Draw a batch", () => {
      update();
      show(STEP);
    });
    button(controls, "One epoch", () => {
      for (let k = Math.ceil((order.length || ROWS) / size); k > 0; k -= 1) update();
      show(STEP);
    });
    button(controls, "Start again", again);
    again();
  };

  const KINDS = { descend, rate, batches };
  for (const figure of document.querySelectorAll("[data-live]")) KINDS[figure.dataset.live](figure);
})();
