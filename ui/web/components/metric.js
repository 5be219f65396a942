// One figure with its label, its unit in smaller type, and a comparison below. It never changes its size.

import { h, setText, setVar } from '../dom.js';

/** `update(text, note)`: `text` is a number and its unit, joined by a no-break space. */
export function metric(label, { hint, small = false } = {}) {
	const value = h('span.metric-value');
	const unit = h('span.metric-unit');
	const note = h('span.metric-note');
	const element = h(
		'div',
		{ class: small ? 'metric metric-small' : 'metric' },
		h('dt', { title: hint }, label),
		h('dd', {}, h('span.metric-line.live-value', {}, value, unit), small ? null : note),
	);
	return {
		element,
		update(text, noteText = '') {
			const [, figure, rest] = /^(.*?)(?:\u00a0([^\d].*))?$/.exec(text);
			setText(value, figure);
			setText(unit, rest ? `\u00a0${rest}` : '');
			if (!small) setText(note, noteText);
		},
	};
}

/** A bar of two parts: the candidate's share on the left, stable's share on the right. `update(percent)`; null is unknown. */
export function shareBar(testid) {
	const element = h('div.share-bar', { testid, 'aria-hidden': 'true' }, h('span.share-part'));
	return {
		element,
		update(value) {
			element.classList.toggle('is-unknown', typeof value !== 'number');
			setVar(element, '--share', `${typeof value === 'number' ? value : 0}%`);
		},
	};
}
