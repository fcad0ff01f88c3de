// Panels and methods of the service, and the menus that offer them.

import { askJson } from "./api.js";
import { make } from "./dom.js";

/** @returns {Promise<{panels: object[], models: object[], default: {panel: string, method: string}}>} */
export async function readCatalogue() {
  const [{ panels }, { models, default: first }] = await Promise.all([askJson("/v1/panels"), askJson("/v1/models")]);
  return { panels, models, default: first };
}

/** Keeps a menu of methods to those that can label the panel chosen in another. */
export function offer(catalogue, panelMenu, methodMenus) {
  panelMenu.replaceChildren(
    ...catalogue.panels.map((panel) => make("option", { value: panel.name, title: panel.definition }, panel.title)),
  );
  panelMenu.value = catalogue.default.panel;
  const refill = () => {
    for (const menu of methodMenus) fill(menu, catalogue, panelMenu.value);
  };
  panelMenu.addEventListener("change", refill);
  refill();
}

function fill(menu, catalogue, panel) {
  const none = menu.dataset.none; // words for "no method", in a menu where that may be chosen
  const before = none || menu.value ? menu.value : catalogue.default.method;
  const own = catalogue.models.filter((model) => model.panel === panel || model.panel === null);
  menu.replaceChildren(
    ...(none ? [make("option", { value: "" }, none)] : []),
    ...own.map((model) => make("option", { value: model.name }, `${model.name} \u2013 ${model.title}`)),
  );
  const kept = own.some((model) => model.name === before);
  if (kept) menu.value = before;
}

/** The panel that asks all of some questions; null where none does. */
export function panelOf(catalogue, questions) {
  const asks = (panel) => {
    const names = new Set(panel.questions.map((question) => question.name));
    return questions.every((question) => names.has(question));
  };
  const fit = catalogue.panels.filter(asks);
  return fit.sort((a, b) => a.questions.length - b.questions.length)[0] ?? null;
}
