// What is looked for and what is picked; both are kept in the address, so that it can be shared.
const root = document.documentElement;
const drawn = { vertices: [], links: [], labels: [] };
if (svg) {
  drawn.vertices.push(...svg.querySelectorAll(".vertex"));
  for (const link of svg.querySelectorAll(".link")) drawn.links[Number(link.dataset.link)] = link;
  for (const label of svg.querySelectorAll(".label")) drawn.labels[Number(label.dataset.link)] = label;
}
function placeOf(rect) {
  return Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, Number(rect.getAttribute(name))]));
}
function within(place, area) {
  return place.x >= area.x && place.y >= area.y && place.x < area.x + area.width && place.y < area.y + area.height;
}
const places = drawn.vertices.map((vertex) => placeOf(vertex.querySelector(".box")));
const frames = svg ? [...svg.querySelectorAll(".frame")] : [];
const areas = frames.map((frame) => placeOf(frame.querySelector("rect")));
const frameOf = places.map((place) => frames[areas.findIndex((area) => within(place, area))]);
const numbers = new Map(data.vertices.map((one, at) => [one.id, at]));
const joined = data.vertices.map(() => []);
data.links.forEach((link, at) => {
  joined[link.client].push(at);
  if (link.server !== link.client) joined[link.server].push(at);
});
const rowsOf = data.links.map(() => []);
data.bundles.forEach((bundle, at) => rowsOf[bundle.link].push(at));

const controls = { q: byId("q"), host: byId("host"), seen: [...document.querySelectorAll("[name=seen]")] };
let picked = null; // { vertex: 3 } or { link: 7 }
let cursor = -1;

// Filters

const hay = data.bundles.map((bundle) => {
  const link = data.links[bundle.link];
  return [bundle.hay, data.vertices[link.client].hay, data.vertices[link.server].hay].join(" ").toLowerCase() + " ";
});

// An end on one host decides; of services on several hosts, the addresses do.
function onHost(bundle, link, host) {
  const ends = [data.vertices[link.client], data.vertices[link.server]];
  if (ends.some((vertex) => vertex.host === host)) return true;
  if (!ends.some((vertex) => vertex.hosts.length > 1 && vertex.hosts.includes(host))) return false;
  return host in bundle.byHost || bundle.apart;
}

function wanted() {
  const words = controls.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.map((word) => (/^:\d+$/.test(word) ? `${word} ` : word));
  const kinds = new Set(controls.seen.filter((box) => box.checked).map((box) => box.value));
  const host = controls.host.value;
  const all = !words.length && !host && kinds.size === controls.seen.length;
  const bundles = data.bundles.map((bundle, at) => {
    const link = data.links[bundle.link];
    const there = !host || onHost(bundle, link, host);
    return there && kinds.has(bundle.certainty) && found.every((word) => hay[at].includes(word));
  });
  return { all, bundles };
}

function filter() {
  const { all, bundles } = wanted();
  const links = data.links.map((_, at) => rowsOf[at].some((row) => bundles[row]));
  const vertices = data.vertices.map((_, at) => all || joined[at].some((link) => links[link]));
  if (svg) svg.classList.toggle("filtered", !all);
  drawn.links.forEach((link, at) => link.classList.toggle("out", !links[at]));
  drawn.labels.forEach((label, at) => label.classList.toggle("out", !links[at]));
  drawn.vertices.forEach((vertex, at) => vertex.classList.toggle("out", !vertices[at]));
  const framed = new Set(frameOf.filter((_, at) => vertices[at]));
  frames.forEach((frame) => frame.classList.toggle("out", !framed.has(frame)));
  rows.forEach((row, at) => (row.hidden = !bundles[at]));
  rove([...body.rows].find((row) => !row.hidden));
  let shown = 0;
  let total = 0;
  let atLeast = ""; // loopback addresses do not tell the host
  data.bundles.forEach((bundle, at) => {
    total += bundle.connections;
    if (!bundles[at]) return;
    const ends = [data.vertices[data.links[bundle.link].client], data.vertices[data.links[bundle.link].server]];
    const several = controls.host.value && ends.every((vertex) => vertex.host !== controls.host.value);
    if (several && bundle.apart) atLeast = "at least ";
    shown += several ? bundle.byHost[controls.host.value] ?? 0 : bundle.connections;
  });
  const text = (number) => number.toLocaleString("en");
  byId("count").textContent = all ? "" : `${atLeast}${text(shown)} of ${text(total)} connections`;
  byId("clear").hidden = all;
  byId("nothing").hidden = bundles.some(Boolean) || total === 0;
}

// What is picked, and what hangs on it

function around(what) {
  if (!what) return null;
  if (what.link !== undefined) {
    const link = data.links[what.link];
    return { links: [what.link], vertices: [link.client, link.server] };
  }
  const links = joined[what.vertex];
  const vertices = new Set([what.vertex]);
  for (const at of links) vertices.add(data.links[at].client).add(data.links[at].server);
  return { links, vertices: [...vertices] };
}

let hot = [];
function light(what) {
  const found = around(what);
  hot.forEach((element) => element.classList.remove("hot"));
  hot = [];
  if (svg) svg.classList.toggle("focus", Boolean(found));
  if (!found) return;
  if (svg) svg.classList.toggle("few", found.links.length <= 6);
  for (const at of found.vertices) hot.push(drawn.vertices[at], ...(frameOf[at] ? [frameOf[at]] : []));
  for (const at of found.links) hot.push(drawn.links[at], drawn.labels[at], ...rowsOf[at].map((row) => rows[row]));
  hot.forEach((element) => element.classList.add("hot"));
}

function pick(what, { look = false } = {}) {
  picked = what;
  drawn.vertices.forEach((vertex, at) => vertex.classList.toggle("picked", Boolean(what) && what.vertex === at));
  light(what);
  describe(what);
  const place = what && places[what.vertex ?? data.links[what.link].client];
  if (place && (look || isCovered(place))) reveal(place);
  remember();
}

function element(name, properties, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

const called = (vertex, kind = "span") =>
  element(kind, {}, element("span", { className: "name", textContent: vertex.label }),
    ...(vertex.host !== null && vertex.host !== vertex.label ? [element("span", { className: "on", textContent: " on " }), element("span", { className: "host", textContent: vertex.host })] : []));

function facts(pairs) {
  const list = element("dl", {});
  for (const [key, value] of pairs) list.append(element("dt", { textContent: key }), element("dd", { className: "mono", textContent: value }));
  return list;
}

function neighbours(title, links, side) {
  if (!links.length) return [];
  const list = element("ul", {});
  for (const at of links) {
    const link = data.links[at];
    const button = element("button", { type: "button" }, called(data.vertices[link[side]]),
      element("span", { className: "mono dim", textContent: link.label }));
    button.addEventListener("click", () => pick({ link: at }, { look: true }));
    list.append(element("li", {}, button));
  }
  return [element("h3", { textContent: title }), list];
}

// The hosts of a service, each of which shows only its own connections.
function hostsOf(vertex) {
  if (vertex.hosts.length < 2) return [];
  const list = element("ul", {});
  for (const host of vertex.hosts.slice(0, 40)) {
    const button = element("button", { type: "button", className: "host" }, host);
    button.addEventListener("click", () => {
      controls.host.value = host;
      controls.host.dispatchEvent(new Event("change"));
    });
    list.append(element("li", {}, button));
  }
  return [element("h3", { textContent: "Show one host" }), list];
}

function describe(what) {
  const panel = byId("details");
  panel.hidden = !what;
  panel.replaceChildren();
  if (!what) return;
  const close = element("button", { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", "Close details");
  close.addEventListener("click", () => {
    pick(null);
    canvas.focus({ preventScroll: true });
  });
  panel.append(close);
  if (what.vertex !== undefined) {
    const vertex = data.vertices[what.vertex];
    panel.append(called(vertex, "h2"), facts(vertex.facts),
      ...neighbours("Calls", joined[what.vertex].filter((at) => data.links[at].client === what.vertex), "server"),
      ...neighbours("Is called by", joined[what.vertex].filter((at) => data.links[at].server === what.vertex), "client"),
      ...hostsOf(vertex));
    return;
  }
  const link = data.links[what.link];
  const ends = [["client", "From"], ["server", "To"]].map(([side, title]) => {
    const button = element("button", { type: "button" }, called(data.vertices[link[side]]));
    button.addEventListener("click", () => pick({ vertex: link[side] }, { look: true }));
    return [element("h3", { textContent: title }), element("ul", {}, element("li", {}, button))];
  });
  panel.append(element("h2", { textContent: link.title }), ...ends.flat());
  for (const row of rowsOf[what.link]) {
    const bundle = data.bundles[row];
    panel.append(element("h3", { textContent: bundle.title }), facts(bundle.facts));
  }
}

// The address

function remember() {
  const parts = new URLSearchParams();
  if (controls.q.value) parts.set("q", controls.q.value);
  if (controls.host.value) parts.set("host", controls.host.value);
  const kinds = controls.seen.filter((box) => box.checked);
  if (kinds.length < controls.seen.length) parts.set("seen", kinds.map((box) => box.value).join(","));
  if (picked && picked.vertex !== undefined) parts.set("pick", data.vertices[picked.vertex].id);
  if (picked && picked.link !== undefined) {
    const link = data.links[picked.link];
    parts.set("pick", `${data.vertices[link.client].id}-${data.vertices[link.server].id}`);
  }
  try {
    history.replaceState(null, "", String(parts) ? `#${parts}` : location.pathname + location.search);
  } catch {
    // Some viewers have no address to write to.
  }
}

function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  controls.q.value = parts.get("q") || "";
  controls.host.value = parts.get("host") || "";
  if (controls.host.selectedIndex < 0) controls.host.value = "";
  const kinds = parts.has("seen") ? parts.get("seen").split(",") : null;
  for (const box of controls.seen) box.checked = !kinds || kinds.includes(box.value);
  const [one, other] = (parts.get("pick") || "").split("-").map((id) => numbers.get(id));
  const link = data.links.findIndex((some) => some.client === one && some.server === other);
  filter();
  if (link >= 0) pick({ link }, { look: true });
  else if (one !== undefined && other === undefined) pick({ vertex: one }, { look: true });
  else pick(null);
}

// Light and dark

const THEMES = ["system", "light", "dark"];
function wear(theme) {
  const name = THEMES.includes(theme) ? theme : "system";
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  byId("theme").replaceChildren(element("span", { textContent: "Theme: " }), name);
  byId("theme").setAttribute("aria-label", `Theme: ${name}`);
  byId("theme").value = name;
}
function stored(theme) {
  try {
    if (theme) localStorage.setItem("proccli-theme", theme);
    return localStorage.getItem("proccli-theme");
  } catch {
    return null; // a file may have no storage
  }
}
