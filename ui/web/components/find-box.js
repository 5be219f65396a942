// The search of a page: filters as one types, and stands in the address, so that what was found can be linked to.

import { h } from '../dom.js';
import { hashWithFind } from '../router.js';

/** `value` is what the address says; `changed()` runs with every entry. `matches(text)`: whether every word typed occurs in it. */
export function findBox({ label, testid, value = '', changed }) {
	const element = h('input.input', { type: 'search', placeholder: label, 'aria-label': label, value, testid });
	const words = () => element.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
	element.addEventListener('input', () => {
		history.replaceState(null, '', hashWithFind(location.hash, element.value.trim()));
		changed();
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
