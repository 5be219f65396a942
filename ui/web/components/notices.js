// Notices: the progress of commands, and what others did. They lie over the page, so that nothing moves under the pointer, and let clicks
// through. Failures stay until the reader closes them.

import { h, setAttr, setShown, setText } from '../dom.js';
import { button, prose } from './controls.js';

const SHOWN_MS = 5000;
const SHOWN_MAX = 2;

/**
 * `post({text, tone, busy})` gives `{element, update, close}`. Tones are `done`, `partial` and `bad`; what is partial or bad stays until the reader
 * closes it. `say` speaks to screen readers.
 */
export function notices(say) {
	const element = h('section.notices', { 'aria-label': 'Notices', testid: 'notices' });

	function post(first) {
		const sign = h('span.notice-sign', { 'aria-hidden': 'true' });
		const text = h('span.notice-text');
		const row = h(
			'div.notice',
			{ testid: 'notice' },
			sign,
			text,
			h('button', { type: 'button', class: 'notice-close', 'aria-label': 'Close this message', on: { click: close } }, '✕'),
		);
		let timer = null;
		function close() {
			clearTimeout(timer);
			row.remove();
		}
		function update({ text: words, tone = '', busy = false }) {
			clearTimeout(timer);
			if (text.textContent !== words.replaceAll('\u0060', '')) text.replaceChildren(...prose(words));
			setText(sign, busy ? '…' : ({ bad: '✕', done: '✓', partial: '◐' }[tone] ?? 'i'));
			setAttr(row, 'data-tone', busy ? 'busy' : tone);
			say(words, { urgent: tone === 'bad' });
			if (!busy && tone !== 'bad' && tone !== 'partial') timer = setTimeout(close, SHOWN_MS);
		}
		update(first);
		element.append(row);
		const others = [...element.children].slice(0, -1);
		if (others.length >= SHOWN_MAX) (others.find((each) => each.dataset.tone !== 'partial') ?? others[0]).remove();
		return { element: row, update, close };
	}

	return { element, post };
}

/** A banner that says what is wrong with the connection or the store, with a button for what can be done. `update(text, mayAct)`. */
export function banner({ testid, action, actionTestid, run }) {
	const text = h('p');
	const actionButton = action ? button(action, { run, testid: actionTestid }) : null;
	const element = h('div.banner', { role: 'status', testid, hidden: true }, h('span', { 'aria-hidden': 'true' }, '⚠'), text, actionButton);
	let shown = null;
	return {
		element,
		update(words, mayAct = true) {
			setShown(element, Boolean(words));
			if (words && words !== shown) text.replaceChildren(...prose(words));
			shown = words;
			if (actionButton) setShown(actionButton, mayAct);
		},
	};
}
