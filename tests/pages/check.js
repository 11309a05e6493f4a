// What is wrong with the page as it lies now: a list of sentences, empty for a good page.
const faults = [];
const width = window.innerWidth;
const say = (element) => {
  const name = element.tagName.toLowerCase() + (element.classList?.length ? "." + [...element.classList].join(".") : "");
  const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
  return text ? `<${name}> "${text}"` : `<${name}>`;
};
const unseen = (element) => {
  const style = getComputedStyle(element);
  if (style.visibility === "hidden" || style.clipPath !== "none" || element.closest(".skip, .unseen, title, desc, style")) return true;
  return !element.checkVisibility();
};
// The box that cuts an element off or lets it scroll, if there is one.
const box = (element) => {
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
    if (getComputedStyle(at).overflowX !== "visible" && !(at instanceof SVGElement)) return at;
  return null;
};

// Nothing is wider than the window, but for what lies in a box that scrolls.
if (document.documentElement.scrollWidth > width) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`);
for (const element of document.body.querySelectorAll("*")) {
  if (unseen(element) || (element instanceof SVGElement && element.tagName !== "svg") || element.ownerSVGElement || box(element)) continue;
  const { left, right } = element.getBoundingClientRect();
  if (left < -1 || right > width + 1) faults.push(`${say(element)} reaches from ${left.toFixed(0)} to ${right.toFixed(0)} px`);
}

// A box that scrolls can be reached by keyboard, and has a name.
for (const element of document.body.querySelectorAll("*")) {
  const style = getComputedStyle(element);
  const scrolls = element.scrollWidth > element.clientWidth + 1 && ["auto", "scroll"].includes(style.overflowX);
  if (scrolls && !unseen(element) && (element.tabIndex < 0 || !element.getAttribute("aria-label")))
    faults.push(`${say(element)} scrolls, but has no tabindex or no aria-label`);
  if (element.scrollWidth > element.clientWidth + 1 && style.overflowX === "hidden" && !unseen(element) && !(element instanceof SVGElement))
    faults.push(`${say(element)} is cut off`);
}

const overlap = (a, b) => [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];

const printed = matchMedia("print").matches;
const small = new Map();

// Texts of a picture do not lie on each other, stay within it, and can be read.
for (const svg of document.querySelectorAll("svg")) {
  if (unseen(svg) || svg.ownerSVGElement) continue;
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter((text) => !unseen(text) && text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  for (let i = 0; i < texts.length; i++) {
    const { left, right, top, bottom } = boxes[i];
    if (left < frame.left - 1.5 || right > frame.right + 1.5 || top < frame.top - 3 || bottom > frame.bottom + 3)
      faults.push(`${say(texts[i])} leaves its picture "${svg.getAttribute("aria-label")}"`);
    const scale = texts[i].getScreenCTM()?.a || 1;
    const size = parseFloat(getComputedStyle(texts[i]).fontSize) * Math.hypot(scale, texts[i].getScreenCTM()?.b || 0);
    if (size < 9.5 && !printed) small.set(svg, `${say(texts[i])} is ${size.toFixed(1)} px high in "${svg.getAttribute("aria-label")}"`);
    for (let j = 0; j < i; j++) {
      const [across, down] = overlap(boxes[i], boxes[j]);
      if (across > 1 && down > 3) faults.push(`${say(texts[i])} lies on ${say(texts[j])} in "${svg.getAttribute("aria-label")}"`);
    }
  }
}

faults.push(...small.values());

// Neither do other texts.
const leaves = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const parent = node.parentElement;
  if (!node.data.trim() || parent.closest("svg") || unseen(parent)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const rectangle of range.getClientRects()) leaves.push([parent, rectangle]);
}
leaves.sort((a, b) => a[1].top - b[1].top);
for (let i = 0; i < leaves.length; i++)
  for (let j = i + 1; j < leaves.length && leaves[j][1].top < leaves[i][1].bottom; j++) {
    if (box(leaves[i][0]) !== box(leaves[j][0])) continue;
    const [across, down] = overlap(leaves[i][1], leaves[j][1]);
    if (across > 2 && down > 4) faults.push(`${say(leaves[i][0])} lies on ${say(leaves[j][0])}`);
  }

// Text has the contrast that WCAG 2.2 asks for at level AA.
const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const luminance = ([r, g, b]) => {
  const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
};
const background = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const tested = new Set();
for (const element of new Set([...leaves.map((leaf) => leaf[0]), ...document.querySelectorAll("svg text")])) {
  if (unseen(element)) continue;
  const svg = element.closest("svg");
  // What lies behind a text of a picture is the page, or a surface that the text says to be written for ("on...").
  if (svg && [...element.classList].some((name) => /^on\d/.test(name))) continue;
  const style = getComputedStyle(element);
  const [front, back] = [channels(svg ? style.fill : style.color), background(svg || element)];
  const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
  const contrast = (light + 0.05) / (dark + 0.05);
  const key = front + "/" + back;
  if (contrast < 4.5 && !tested.has(key)) {
    tested.add(key);
    faults.push(`${say(element)} has a contrast of ${contrast.toFixed(2)} (${front} on ${back})`);
  }
}

// The document is in order.
if (!document.documentElement.lang) faults.push("no language is named");
if (!document.title.trim()) faults.push("there is no title");
if (document.querySelectorAll("h1").length !== 1) faults.push(`there are ${document.querySelectorAll("h1").length} headings of the first order`);
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) faults.push(`${say(heading)} follows a heading of order ${level}`);
  level = next;
}
const ids = new Set();
for (const { id } of document.querySelectorAll("[id]")) {
  if (ids.has(id)) faults.push(`there are two of the id "${id}"`);
  ids.add(id);
}
for (const { hash } of document.querySelectorAll("a[href^='#']"))
  if (!document.getElementById(decodeURIComponent(hash.slice(1)))) faults.push(`a link leads to "${hash}", which is not there`);
for (const image of document.querySelectorAll("img:not([alt])")) faults.push(`${image.src.slice(0, 40)} has no text instead`);
for (const svg of document.querySelectorAll("svg[role=img]"))
  if (!svg.getAttribute("aria-label") && !svg.querySelector("title")?.textContent) faults.push("a picture has no name");
for (const { name } of performance.getEntriesByType("resource"))
  if (!name.startsWith("data:")) faults.push(`the page loads ${name}`);
if (/NaN|Infinity|undefined/.test([...document.querySelectorAll("svg")].map((svg) => [...svg.querySelectorAll("*")].map((e) => [...e.attributes].filter((a) => a.name !== "aria-label").map((a) => a.value).join(" ")).join(" ")).join(" ")))
  faults.push("there is a number in a picture that is none");
return faults;
