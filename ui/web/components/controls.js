// The small parts that pages and dialogs share: buttons, fields, the line for an error, the head of a page.

import { h } from '../dom.js';

/** A button that runs something; `tone` is a class of the style sheet. */
export function button(label, { run, tone = '', on = run ? { click: run } : {}, ...props } = {}) {
	return h('button', { type: 'button', class: `button ${tone}`, on, ...props }, label);
}

/** The button that sends a form. */
export function submitButton(label, testid, { tone = 'primary', ...props } = {}) {
	return button(label, { type: 'submit', tone, testid, ...props });
}

/** The line that shows an error; screen readers say it at once. */
export function errorLine(testid, props) {
	return h('p.error', { role: 'alert', testid, ...props });
}

/** A label above its control, and a hint below. */
export function field(label, control, hint) {
	const text = hint ? h('p.quiet', { id: `${control.id}-hint` }, hint) : null;
	if (text) control.setAttribute('aria-describedby', text.id);
	return h('div.field', {}, h('label', { for: control.id }, label), control, text);
}

/** The heading of a page, which gets the focus when the page is shown, and what is beside it. */
export function pageHead(title, ...rest) {
	return h('div.page-head', {}, h('h1', { tabindex: '-1' }, title), rest);
}

/** Text in which the parts between backticks are code. */
export function prose(text) {
	return text.split('\u0060').map((part, at) => (at % 2 ? h('code', {}, part) : part));
}
