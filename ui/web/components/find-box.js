// The search of a page: it filters while the reader types. It is part of the address, so that a search can be linked to.

import { h } from '../dom.js';
import { hashWithFind } from '../page-address.js';

/** `value` comes from the address; `onChange()` runs with every key. `matches(text)` says whether the text holds every word that was typed. */
export function findBox({ label, testid, value = '', onChange }) {
	const element = h('input.input', { type: 'search', placeholder: label, 'aria-label': label, value, testid });
	const words = () => element.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
	element.addEventListener('input', () => {
		history.replaceState(null, '', hashWithFind(location.hash, element.value.trim()));
		onChange();
	});
	return {
		element,
		text: () => element.value.trim(),
		matches(text) {
			const where = text.toLowerCase();
			return words().every((word) => where.includes(word));
		},
	};
}
