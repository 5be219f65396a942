// The few DOM helpers that every component uses: build once, then change only what differs.
// Nothing here ever parses HTML, so no value from the router can become markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An HTML element; `p.quiet` has class quiet. `props`: `testid` becomes data-testid, `on` holds listeners, everything else is an attribute;
 * null, undefined and false leave the attribute out, true makes it empty. Children: nodes, strings, null.
 */
export function h(tag, props, ...children) {
	const [name, ...classes] = tag.split('.');
	return fill(document.createElement(name), classes, props, children);
}

export function svg(tag, props, ...children) {
	const [name, ...classes] = tag.split('.');
	return fill(document.createElementNS(SVG, name), classes, props, children);
}

function fill(element, classes, props, children) {
	element.classList.add(...classes);
	for (const [name, value] of Object.entries(props ?? {})) {
		if (name === 'on') for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
		else setAttr(element, name === 'testid' ? 'data-testid' : name, value);
	}
	element.append(...children.flat().filter((child) => child != null));
	return element;
}

/** Sets an attribute, or removes it for null, undefined and false. Touches nothing when it is already so. */
export function setAttr(element, name, value) {
	if (value == null || value === false) {
		if (element.hasAttribute(name)) element.removeAttribute(name);
		return;
	}
	const text = value === true ? '' : String(value);
	if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Sets the text, only when it differs: so selections stay, screen readers are quiet and nothing is laid out again. */
export function setText(element, text) {
	const value = text ?? '';
	if (element.textContent !== value) element.textContent = value;
}

export function setShown(element, shown) {
	if (element.hidden === shown) element.hidden = !shown;
}

/** Sets a custom property for the style sheet. The CSP allows this, but no style attributes. */
export function setVar(element, name, value) {
	if (element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}

const rows = new WeakMap();

/**
 * Keeps `parent`'s children in step with `items`. `make(item)` gives a component `{element, update(item)}`;
 * an item with a known key keeps its element, and so its focus.
 */
export function keyed(parent, items, key, make) {
	const before = rows.get(parent) ?? new Map();
	const after = new Map();
	let at = null;
	for (const item of items) {
		const name = key(item);
		if (after.has(name)) continue;
		const row = before.get(name) ?? make(item);
		row.update(item);
		after.set(name, row);
		const next = at ? at.nextSibling : parent.firstChild;
		if (next !== row.element) parent.insertBefore(row.element, next);
		at = row.element;
	}
	for (const [name, row] of before) if (!after.has(name)) row.element.remove();
	rows.set(parent, after);
}

/** Keeps a list's items in step with lines of text. */
export function showLines(list, lines) {
	keyed(list, lines, (line) => line, buildLine);
}

function buildLine() {
	const element = h('li');
	return { element, update: (line) => setText(element, line) };
}

let ids = 0;

export function freshId(stem) {
	ids += 1;
	return `${stem}-${ids}`;
}
