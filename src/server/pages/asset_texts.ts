/** Style, script and icon of the pages. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfbf9; --card: #fff; --ink: #1b1c1f; --soft: #5b6068; --line: #dfe0e4; --link: #1a5aa8;
  --good: #1c7a3c; --bad: #b02318; --warn: #8a5a00; --fill: #d9e6f6; --mark: #1a5aa8; --hover: #f1f4f8;
  --added: #e0f3e4; --gone: #fbe3e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #15171a; --card: #1d2024; --ink: #e8e9ec; --soft: #a3a9b3; --line: #343941; --link: #86b9f5;
    --good: #6ccf8b; --bad: #ff8f82; --warn: #e6b866; --fill: #22364f; --mark: #86b9f5; --hover: #262b32;
    --added: #1d3d29; --gone: #4c2522;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
body { margin: 0; background: var(--back); color: var(--ink); }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, textarea:focus-visible,
summary:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; border-radius: 4px; }
h1 { font-size: 1.35rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .5rem 1rem; z-index: 2; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.25rem; padding: .6rem 1.25rem;
  background: var(--card); border-bottom: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; margin: 0; padding: 0; }
nav a { text-decoration: none; display: inline-block; padding: .4rem 0; border-bottom: 2px solid transparent; }
nav a[aria-current] { color: var(--ink); border-bottom-color: var(--mark); font-weight: 600; }
.tabs { margin: -.5rem 0 1rem; }
.find { margin-left: auto; }
.account { margin: 0; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
input, select, textarea, button { font: inherit; color: inherit; background: var(--card); border: 1px solid #8b9099;
  border-radius: 6px; padding: .4rem .7rem; max-width: 100%; }
textarea { width: 100%; min-height: 14rem; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9rem; }
input[type=range] { padding: 0; border: 0; width: 100%; accent-color: var(--mark); }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; vertical-align: middle; }
td > div > input[type=checkbox] { margin: 0 .5rem .15rem 0; }
.dismissed, .more { margin: 0 0 1rem; border: 0; } .more summary { color: var(--bad); overflow-wrap: anywhere; }
 .dismissed .alert { border-left-color: var(--line); }
button { cursor: pointer; min-height: 2.25rem; }
button:hover, .button:hover { background: var(--hover); }
button.main { background: var(--mark); border-color: var(--mark); color: var(--card); font-weight: 600; }
button.plain { border: 0; background: none; color: var(--link); padding: .3rem 0; }
.button { display: inline-block; border: 1px solid #8b9099; border-radius: 6px; padding: .35rem .7rem;
  text-decoration: none; color: inherit; background: var(--card); }
.button[aria-disabled=true] { color: var(--soft); border-style: dashed; }
label { display: block; margin: .8rem 0 .2rem; }
label.inline { display: inline-flex; gap: .45rem; align-items: center; margin: .3rem 1rem .3rem 0; }
fieldset { border: 0; padding: 0; margin: .5rem 0; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: 1rem 0; }
.card, .alert { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .8rem; margin: 1rem 0;
  padding: 0; list-style: none; }
.cards strong { display: block; font-size: 1.3rem; line-height: 1.4; }
.cards span { color: var(--soft); }
.alerts { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; gap: .5rem; }
.alert { border-left: 5px solid var(--bad); border-radius: 4px 10px 10px 4px; }
.alert p { margin: .1rem 0; } .alert form { margin: 0; } .alert form button { min-height: 0; padding-bottom: 0; }
td time { white-space: nowrap; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem .75rem; vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
tbody tr:hover { background: var(--hover); }
td { overflow-wrap: break-word; } td:first-child { overflow-wrap: anywhere; min-width: 9rem; }
.right { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; overflow: auto;
  max-height: 32rem; white-space: pre-wrap; }
.lines ins, .lines del { text-decoration: none; display: inline-block; width: 100%; }
.lines ins { background: var(--added); } .lines del { background: var(--gone); }
.crumbs { margin: 0 0 1rem; overflow-wrap: anywhere; }
.time { display: grid; grid-template-columns: auto 1fr auto; gap: .5rem .75rem; align-items: center; }
.time p { grid-column: 1 / -1; margin: 0; }
.time form { display: contents; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .7rem; list-style: none;
  margin: 0; padding: 0; }
.pictures a { display: block; border: 1px solid var(--line); border-radius: 8px; overflow: hidden;
  background: var(--card); text-decoration: none; font-size: .85rem; }
.pictures img { display: block; width: 100%; height: 7rem; object-fit: cover; background: var(--hover); }
.pictures span { display: block; padding: .3rem .5rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.preview { max-width: 100%; max-height: 32rem; border-radius: 10px; border: 1px solid var(--line); }
progress { width: 100%; height: .8rem; accent-color: var(--mark); }
#progress-text { display: block; overflow-wrap: anywhere; }
.chart { width: 100%; height: auto; display: block; }
.chart .area { fill: var(--fill); } .chart .line { fill: none; stroke: var(--mark); stroke-width: 2; }
.chart .grid { stroke: var(--line); } .chart text { fill: var(--soft); font-size: 13px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.card + .scroll, .card + p, .alert + .card, .card + .card { margin-top: 1rem; }
.cards > .card { margin: 0; }
.card > .actions:only-child { margin: .2rem 0; }
select { max-width: 100%; }
.form input:not([type=radio], [type=checkbox]), .form select { width: 100%; max-width: 30rem; display: block; }
.form fieldset + fieldset, .form details + fieldset { margin-top: 1.2rem; border-top: 1px solid var(--line); }
.row { display: flex; flex-wrap: wrap; gap: .4rem; } .row form { margin: 0; }
.runs { display: flex; gap: .1rem; list-style: none; margin: 0; padding: 0; }
.runs a, .runs li > span { display: inline-block; min-width: 1.2rem; text-align: center; text-decoration: none; }
.rules { display: grid; grid-template-columns: minmax(0, max-content) 7rem; gap: .3rem 1rem; align-items: center; }
.rules label { margin: 0; } .rules legend { font-weight: 500; padding: .4rem 0; } .form .rules input { width: 7rem; }
.folders { max-width: 30rem; margin: .5rem 0; } .folders ul { list-style: none; margin: 0; padding: 0;
  max-height: 16rem; overflow-y: auto; } .folders button { overflow-wrap: anywhere; text-align: left; }
textarea.few { min-height: 4.5rem; max-width: 40rem; }
.help { margin: .1rem 0 .6rem; font-size: .9rem; } .help strong { font-weight: 600; }
[aria-invalid=true] { border-color: var(--bad); border-width: 2px; }
legend { font-weight: 600; padding: 0; } details { margin-top: 1.2rem; border-top: 1px solid var(--line); }
summary { padding: .7rem 0 .2rem; cursor: pointer; font-weight: 600; }
.narrow { max-width: 24rem; }
.narrow input:not([type=checkbox]) { width: 100%; }
@media (max-width: 40rem) {
  .top { padding: .5rem 1rem .2rem; gap: .2rem .8rem; } .top nav { order: 9; width: 100%; }
  .top nav ul { justify-content: space-between; gap: 0 .5rem; } .top nav a { font-size: .94rem; }
  .find { flex: 1; min-width: 0; margin: 0; } .find input { width: 100%; padding: .25rem .5rem; }
  .account { margin-left: auto; }
  main { padding: 1.25rem 1rem 3rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  .alert { padding: .5rem .8rem; position: relative; } .alert p { font-size: .94rem; line-height: 1.35; }
  .alert p:first-child { padding-right: 5.5rem; } .alert form { position: absolute; top: .3rem; right: .8rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: block; padding: .5rem 0; }
  tbody td { display: flex; justify-content: space-between; gap: 1rem; padding: .15rem .9rem; text-align: right; }
  tbody td::before { content: attr(data-label); color: var(--soft); flex: none; }
  tbody td:first-child { font-weight: 600; text-align: left; display: block; }
  tbody td:first-child::before { content: none; } tbody td:first-child .soft { font-weight: 400; }
  tbody td .why { display: block; text-align: left; }
  tbody td:empty { display: none; } .brief tbody td:empty { display: block; padding: 0;
    margin-right: -.8rem; }
  .brief tbody tr { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0 .8rem; }
  .brief tbody td { padding: .1rem .9rem; font-size: .94rem; } .brief tbody td::before { content: none; }
  .brief tbody td:first-child { grid-column: 1 / -1; font-size: 1rem; }
  .chart text { font-size: 24px; }
}
@media (prefers-reduced-motion: no-preference) { a, button { transition: background-color .12s; } }
@media print { .top, .actions, .time { display: none; } }
`;

export const SCRIPT = `
"use strict";
// All of it is comfort: every page works without.
for (const slider of document.querySelectorAll("input[type=range][data-times]")) {
  const times = slider.dataset.times.split("|"), said = document.getElementById(slider.dataset.says);
  const say = () => {
    slider.setAttribute("aria-valuetext", times[slider.value - 1]);
    if (said) said.textContent = times[slider.value - 1];
  };
  say();
  slider.addEventListener("input", say);
  slider.addEventListener("change", () => slider.form.submit());
}
for (const form of document.querySelectorAll("form[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.sure)) event.preventDefault();
  });
}
for (const form of document.querySelectorAll("form[data-choose]")) {
  const boxes = [...form.querySelectorAll("input[name=only]")], all = document.createElement("input");
  const label = document.createElement("label"), line = document.createElement("p");
  if (boxes.length < 2) continue;
  all.type = "checkbox";
  label.className = "inline";
  label.append(all, "Choose all");
  line.append(label);
  form.prepend(line);
  const say = () => {
    const count = boxes.filter((box) => box.checked).length;
    all.checked = count === boxes.length;
    all.indeterminate = count > 0 && !all.checked;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) box.addEventListener("change", say);
  say();
  // All of it is the directory itself, whose address stays short.
  form.addEventListener("submit", () => {
    if (!all.checked || form.dataset.choose !== "whole") return;
    for (const box of boxes) box.disabled = true;
    setTimeout(() => {
      for (const box of boxes) box.disabled = false;
    });
  });
}
const live = document.querySelector("[data-live]");
if (live) {
  let source, due;
  const load = async () => {
    due = undefined;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(part.id);
      if (next && next.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
        part.innerHTML = next.innerHTML;
      }
    }
  };
  const listen = () => {
    if (document.hidden) {
      if (source) source.close();
      source = undefined;
    } else if (!source) {
      source = new EventSource("/api/v1/events");
      source.onmessage = ({ data }) => {
        const { event, fields } = JSON.parse(data), bar = document.getElementById("progress");
        if (event !== "progress") due ??= setTimeout(load, 300);
        else if (bar && fields) {
          if (fields.percent !== undefined) bar.value = fields.percent;
          document.getElementById("progress-text").textContent = fields.text;
        }
      };
    }
  };
  document.addEventListener("visibilitychange", listen);
  listen();
}
`;

export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1a5aa8"/>' +
  '<path d="M9 11h14v10H9z" fill="none" stroke="#fff" stroke-width="2.5"/><path d="M13 16h6" stroke="#fff" ' +
  'stroke-width="2.5"/></svg>\n';
