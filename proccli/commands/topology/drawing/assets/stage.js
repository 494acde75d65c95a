// The drawing as a map: moved by dragging, zoomed at the pointer, and walked by arrow keys.
const canvas = byId("canvas");
const svg = canvas.querySelector("svg.drawing");
const size = svg ? svg.viewBox.baseVal : { width: 1, height: 1 };
const whole = { width: size.width, height: size.height };
const MARGIN = 20;
const READABLE = 0.6; // below this scale labels are too small to read
const LARGEST = 4;
const view = { x: whole.width / 2, y: whole.height / 2, scale: 1 };
let untouched = true;

function fitting() {
  const wide = canvas.clientWidth / (whole.width + 2 * MARGIN);
  const high = canvas.clientHeight / (whole.height + 2 * MARGIN);
  return { all: Math.min(wide, high, 1.25), high: Math.min(high, 1.25) };
}

function show() {
  const wide = canvas.clientWidth / view.scale;
  const high = canvas.clientHeight / view.scale;
  view.x = Math.min(Math.max(view.x, 0), whole.width + wide / 2);
  view.y = Math.min(Math.max(view.y, 0), whole.height);
  svg.setAttribute("viewBox", [view.x - wide / 2, view.y - high / 2, wide, high].join(" "));
  canvas.classList.toggle("distant", view.scale < READABLE);
}

function fit() {
  untouched = true;
  view.scale = fitting().all;
  view.x = whole.width / 2;
  view.y = whole.height / 2;
  show();
}

// As near as shows all of these places.
function fitTo(some) {
  if (!some.length) return;
  const left = Math.min(...some.map((place) => place.x));
  const right = Math.max(...some.map((place) => place.x + place.width));
  const top = Math.min(...some.map((place) => place.y));
  const bottom = Math.max(...some.map((place) => place.y + place.height));
  const wide = canvas.clientWidth / (right - left + 4 * MARGIN);
  const high = canvas.clientHeight / (bottom - top + 4 * MARGIN);
  untouched = false;
  view.scale = Math.min(wide, high, 1.25);
  view.x = (left + right) / 2;
  view.y = (top + bottom) / 2;
  show();
}

// On a narrow screen a wide drawing would be a thread: there it starts readable, at its left end.
function start() {
  const room = canvas.clientWidth;
  const narrow = room < 760;
  const scale = narrow ? 0.75 : Math.min(1.25, room / whole.width);
  const wanted = whole.height * scale + (narrow ? 40 : 130);
  canvas.style.height = `${Math.round(Math.min(Math.max(wanted, 240), innerHeight * (narrow ? 0.6 : 0.72)))}px`;
  fit();
  if (narrow) {
    view.scale = Math.max(view.scale, Math.min(fitting().high, 0.75));
    view.x = Math.min(whole.width / 2, room / view.scale / 2 - MARGIN);
    show();
  }
}

function zoom(factor, at) {
  const least = Math.min(fitting().all, 1);
  const scale = Math.min(Math.max(view.scale * factor, least), LARGEST);
  if (at) {
    const box = canvas.getBoundingClientRect();
    const right = at.x - box.left - box.width / 2;
    const down = at.y - box.top - box.height / 2;
    view.x += right / view.scale - right / scale;
    view.y += down / view.scale - down / scale;
  }
  untouched = false;
  view.scale = scale;
  show();
}

function move(right, down) {
  untouched = false;
  view.x -= right / view.scale;
  view.y -= down / view.scale;
  show();
}

// Details may lie over the right part of the drawing: what is shown belongs beside them.
function uncovered() {
  const panel = byId("details");
  const over = !panel.hidden && getComputedStyle(panel).position === "absolute";
  const room = canvas.clientWidth - (over ? panel.offsetWidth + 12 : 0);
  return room > 200 ? room : canvas.clientWidth;
}

function isCovered(place) {
  const right = (place.x + place.width - view.x) * view.scale + canvas.clientWidth / 2;
  return right > uncovered() && uncovered() < canvas.clientWidth;
}

function reveal(place) {
  if (view.scale < 0.45) view.scale = 0.75;
  const shift = (canvas.clientWidth - uncovered()) / 2 / view.scale;
  const wide = uncovered() / view.scale / 2 - MARGIN - place.width / 2;
  const high = canvas.clientHeight / view.scale / 2 - MARGIN - place.height / 2;
  const x = place.x + place.width / 2;
  const y = place.y + place.height / 2;
  if (Math.abs(x + shift - view.x) > wide) view.x = x + shift;
  if (Math.abs(y - view.y) > high) view.y = y;
  untouched = false;
  show();
}

// With one finger or the mouse the drawing moves, with two it is zoomed. A press that went nowhere
// is a click.
function listenToPointers(clicked) {
  const pressed = new Map();
  let travelled = 0;
  const apart = () => {
    const [a, b] = [...pressed.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, far: Math.hypot(a.x - b.x, a.y - b.y) };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!pressed.size) travelled = 0;
    pressed.set(event.pointerId, { x: event.clientX, y: event.clientY, target: event.target });
  });
  canvas.addEventListener("pointermove", (event) => {
    const was = pressed.get(event.pointerId);
    if (!was) return;
    const before = pressed.size === 2 ? apart() : null;
    const step = { x: event.clientX - was.x, y: event.clientY - was.y };
    travelled += Math.abs(step.x) + Math.abs(step.y);
    was.x = event.clientX;
    was.y = event.clientY;
    if (travelled > 4 && !canvas.hasPointerCapture(event.pointerId)) {
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add("moving");
    }
    if (before) {
      const now = apart();
      move(now.x - before.x, now.y - before.y);
      zoom(now.far / Math.max(before.far, 1), now);
    } else if (travelled > 4) {
      move(step.x, step.y);
    }
  });
  const released = (event) => {
    const was = pressed.get(event.pointerId);
    if (!was) return;
    pressed.delete(event.pointerId);
    if (!pressed.size) canvas.classList.remove("moving");
    if (event.type === "pointerup" && travelled <= 4) clicked(was.target);
  };
  canvas.addEventListener("pointerup", released);
  canvas.addEventListener("pointercancel", released);
  canvas.addEventListener(
    "wheel",
    (event) => {
      // Where there is nothing more to zoom out of, the page scrolls on.
      if (event.deltaY > 0 && view.scale <= fitting().all * 1.001) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), { x: event.clientX, y: event.clientY });
    },
    { passive: false },
  );
}

// The nearest of the places in a direction: what lies askew counts as further away.
function nearest(places, from, key) {
  const [right, down] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  let best = -1;
  let least = Infinity;
  places.forEach((place, at) => {
    if (!place) return;
    const x = place.x + place.width / 2 - from.x - from.width / 2;
    const y = place.y + place.height / 2 - from.y - from.height / 2;
    const along = x * right + y * down;
    if (along <= 1) return;
    const cost = along + 2.5 * Math.abs(x * down + y * right);
    if (cost < least) [best, least] = [at, cost];
  });
  return best;
}
