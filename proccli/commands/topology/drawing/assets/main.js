// Everything comes to life.
function walk(event) {
  const keys = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"];
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (keys.includes(event.key) && event.shiftKey) {
    move(...{ ArrowRight: [-80, 0], ArrowLeft: [80, 0], ArrowDown: [0, -80], ArrowUp: [0, 80] }[event.key]);
  } else if (keys.includes(event.key)) {
    const shown = places.map((place, at) => (drawn.vertices[at].classList.contains("out") ? null : place));
    const first = shown.findIndex(Boolean);
    const next = cursor < 0 || !shown[cursor] ? first : nearest(shown, places[cursor], event.key);
    if (next >= 0) setCursor(next);
  } else if (event.key === "Enter" && cursor >= 0) pick({ vertex: cursor });
  else if (event.key === "+" || event.key === "=") zoom(1.3);
  else if (event.key === "-") zoom(1 / 1.3);
  else if (event.key === "0") fit();
  else return false;
  return true;
}

function setCursor(at) {
  if (cursor >= 0) drawn.vertices[cursor].classList.remove("cursor");
  cursor = at;
  if (at < 0) return canvas.removeAttribute("aria-activedescendant");
  drawn.vertices[at].classList.add("cursor");
  canvas.setAttribute("aria-activedescendant", drawn.vertices[at].id);
  light(picked || { vertex: at });
  return reveal(places[at]);
}

function targetOf(element) {
  const found = element.closest && element.closest(".vertex, .link");
  if (!found) return null;
  return found.dataset.vertex !== undefined ? { vertex: numbers.get(found.dataset.vertex) } : { link: Number(found.dataset.link) };
}

function enliven() {
  root.classList.replace("no-js", "live");
  drawn.vertices.forEach((vertex, at) => {
    vertex.id = `vertex-${at}`;
    vertex.setAttribute("role", "button");
    vertex.setAttribute("aria-label", vertex.querySelector("title").textContent);
  });
  if (drawn.links.length <= 1500) {
    for (const link of drawn.links) {
      const hit = link.querySelector(".line").cloneNode();
      hit.setAttribute("class", "hit");
      hit.removeAttribute("stroke-width");
      link.append(hit);
    }
  }
  start();
  listenToPointers((target) => pick(targetOf(target)));
  // More lines than that can't be lit and dimmed as fast as a pointer moves over them.
  if (drawn.links.length <= 1500) svg.addEventListener("pointerover", (event) => light(targetOf(event.target) || picked));
  svg.addEventListener("pointerleave", () => light(picked));
  canvas.addEventListener("keydown", (event) => walk(event) && event.preventDefault());
  canvas.addEventListener("blur", () => {
    setCursor(-1);
    light(picked);
  });
  byId("nearer").addEventListener("click", () => zoom(1.4));
  byId("farther").addEventListener("click", () => zoom(1 / 1.4));
  byId("fit").addEventListener("click", fit);
  let width = canvas.clientWidth;
  new ResizeObserver(() => {
    if (canvas.clientWidth !== width && untouched) start();
    else show();
    width = canvas.clientWidth;
  }).observe(canvas);
  addEventListener("beforeprint", () => svg.setAttribute("viewBox", `0 0 ${whole.width} ${whole.height}`));
  addEventListener("afterprint", show);
  listenToTable((link) => pick({ link }, { look: true }));
}

wear(stored());
byId("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(byId("theme").value) + 1) % THEMES.length];
  stored(next);
  wear(next);
});
addEventListener("storage", () => wear(stored()));
if (svg) {
  enliven();
  const changed = () => {
    filter();
    remember();
  };
  controls.q.addEventListener("input", changed);
  controls.q.addEventListener("keydown", (event) => {
    if (event.key === "Enter") fitTo(places.filter((_, at) => !drawn.vertices[at].classList.contains("out")));
  });
  for (const control of [controls.host, ...controls.seen]) control.addEventListener("change", changed);
  byId("clear").addEventListener("click", () => {
    controls.q.value = controls.host.value = "";
    for (const box of controls.seen) box.checked = true;
    changed();
    controls.q.focus();
  });
  addEventListener("hashchange", recall);
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      controls.q.focus();
      controls.q.select();
    } else if (event.key === "Escape") {
      if (picked) pick(null);
      else if (event.target === controls.q && controls.q.value) {
        controls.q.value = "";
        changed();
      }
    }
  });
  recall();
}
